#include "io/http_loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { EVENTS_MAX = 256, ACCEPT_MAX = 64, SWEEP_MS = 250 };
enum { SPARES_MAX = 64, SPARE_BYTES_MAX = 4096 };

struct http_loop {
    struct http_server *server;
    pthread_t thread;
    bool started;
    int epoll_fd;
    int wake_fd;
    bool accepting; /* the listening socket is watched */
    size_t connection_count;
    size_t connections_max;
    struct http_connection *connections;
    uint64_t swept_ns;
    size_t spare_count;
    struct buf spares[SPARES_MAX];          /* empty, with memory that a request used before */
    _Atomic(struct http_connection *) look; /* newest first */
    atomic_bool woken;                      /* wake_fd was written and not read yet */
    atomic_bool stop;
};

struct http_server *
http_loop_server(const struct http_loop *loop)
{
    return loop->server;
}

/* --- memory of requests, which other threads fill: kept, as it would be freed on another thread
 * than the one that asked for it, and that is dear --- */

void
http_loop_lend(struct http_loop *loop, struct buf *buf)
{
    if (loop->spare_count)
        *buf = loop->spares[--loop->spare_count];
}

void
http_loop_take_back(struct http_loop *loop, struct buf *buf)
{
    if (buf->capacity == 0 || buf->capacity > SPARE_BYTES_MAX || loop->spare_count == SPARES_MAX) {
        buf_done(buf);
        return;
    }
    buf->len = 0;
    buf->overflow = false;
    loop->spares[loop->spare_count++] = *buf;
}

/* --- being woken --- */

static _Thread_local const struct http_loop *running;

void
http_loop_wake(struct http_loop *loop)
{
    if (!atomic_exchange(&loop->woken, true))
        (void)eventfd_write(loop->wake_fd, 1);
}

void
http_loop_look(struct http_loop *loop, struct http_connection *connection, unsigned why)
{
    if (atomic_fetch_or(&connection->look, why | HTTP_LOOK_LISTED) & HTTP_LOOK_LISTED)
        return;
    struct http_connection *first = atomic_load(&loop->look);
    do
        connection->look_next = first;
    while (!atomic_compare_exchange_weak(&loop->look, &first, connection));
    if (running != loop) /* its own thread looks before it sleeps */
        http_loop_wake(loop);
}

static void
look_at(struct http_connection *connection)
{
    unsigned why = atomic_exchange(&connection->look, 0); /* it may be listed again from here on */
    if (connection->state == CONNECTION_DEAD) {
        http_connection_free(connection);
        return;
    }
    if (why & HTTP_LOOK_ANSWERED)
        http_connection_answered(connection);
    http_connection_run(connection);
}

/* Those that are on the list now. Who sends request upon request, each answered on this thread, is
 * listed again by the look itself: others come in between. */
static void
run_looked_at(struct http_loop *loop)
{
    struct http_connection *connection = atomic_exchange(&loop->look, NULL);
    while (connection) {
        struct http_connection *next = connection->look_next;
        look_at(connection);
        connection = next;
    }
}

/* --- accepting --- */

static void
watch_listener(struct http_loop *loop, bool watch)
{
    /* One loop is woken for a connection, not all. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = NULL};
    if (loop->accepting == watch)
        return;
    int done = epoll_ctl(loop->epoll_fd, watch ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
                         loop->server->listen_fd, &event);
    loop->accepting = watch && done == 0; /* otherwise the next sweep tries again */
}

static void
take_connection(struct http_loop *loop, int fd, uint64_t now_ns)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct http_connection *connection = http_connection_new(loop, fd, now_ns);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = connection};
    connection->next = loop->connections;
    if (loop->connections)
        loop->connections->before = connection;
    loop->connections = connection;
    loop->connection_count++;
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        http_connection_close(connection);
}

/* A full server, or one without descriptors, leaves clients in the kernel's queue and asks again at
 * the next sweep: the listener would be ready all the time. */
static void
accept_some(struct http_loop *loop)
{
    uint64_t now_ns = clock_mono_ns();
    for (int i = 0; i < ACCEPT_MAX; i++) {
        if (loop->connection_count >= loop->connections_max) {
            watch_listener(loop, false);
            return;
        }
        int fd = accept4(loop->server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            take_connection(loop, fd, now_ns);
        else if (errno == EAGAIN)
            return;
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS ||
                 errno == EINVAL) { /* the last: shut down for good */
            watch_listener(loop, false);
            return;
        }
    }
}

void
http_loop_forget(struct http_loop *loop, struct http_connection *connection)
{
    if (connection->before)
        connection->before->next = connection->next;
    else
        loop->connections = connection->next;
    if (connection->next)
        connection->next->before = connection->before;
    loop->connection_count--;
}

/* --- the thread --- */

static void
sweep(struct http_loop *loop)
{
    uint64_t now_ns = clock_mono_ns();
    struct http_connection *next;
    if (now_ns - loop->swept_ns < (uint64_t)SWEEP_MS * 1000000)
        return;
    loop->swept_ns = now_ns;
    for (struct http_connection *c = loop->connections; c; c = next) {
        next = c->next;
        if (c->deadline_ns && now_ns > c->deadline_ns)
            http_connection_late(c);
    }
    bool room = loop->connection_count < loop->connections_max;
    if (room && !loop->accepting && !atomic_load(&loop->server->quiet))
        watch_listener(loop, true);
}

static void
run_events(struct http_loop *loop, const struct epoll_event *events, int count)
{
    const unsigned gone = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    for (int i = 0; i < count; i++) {
        struct http_connection *connection = events[i].data.ptr;
        if (connection == NULL) {
            accept_some(loop);
        } else if ((void *)connection == (void *)loop) {
            eventfd_t wakes;
            (void)eventfd_read(loop->wake_fd, &wakes);
            /* From here on a wake writes again; what was left before is seen below. */
            atomic_store(&loop->woken, false);
        } else {
            connection->readable = connection->readable || (events[i].events & ~(unsigned)EPOLLOUT);
            connection->hung_up = connection->hung_up || (events[i].events & gone);
            connection->writable = connection->writable || (events[i].events & EPOLLOUT);
            http_connection_run(connection);
        }
    }
}

static void *
loop_thread(void *arg)
{
    struct http_loop *loop = arg;
    struct epoll_event events[EVENTS_MAX];
    running = loop;
    loop->swept_ns = clock_mono_ns();
    watch_listener(loop, true);
    while (!atomic_load(&loop->stop)) {
        int patience_ms = atomic_load(&loop->look) ? 0 : SWEEP_MS;
        int count = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, patience_ms);
        if (count < 0 && errno != EINTR)
            abort(); /* only our own mistake makes these arguments wrong */
        if (atomic_load(&loop->server->quiet))
            watch_listener(loop, false);
        run_events(loop, events, count);
        run_looked_at(loop);
        sweep(loop);
    }
    run_looked_at(loop); /* what was replied to before the stop is sent */
    return NULL;
}

struct http_loop *
http_loop_new(struct http_server *server)
{
    struct http_loop *loop = mem_zalloc(sizeof *loop);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = loop};
    loop->server = server;
    loop->connections_max =
        (server->conf.connections_max + server->conf.thread_count - 1) / server->conf.thread_count;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event) != 0) {
        http_loop_stop(loop);
        return NULL;
    }
    return loop;
}

void
http_loop_start(struct http_loop *loop)
{
    if (pthread_create(&loop->thread, NULL, loop_thread, loop) != 0)
        abort();
    loop->started = true;
    (void)pthread_setname_np(loop->thread, "http");
}

void
http_loop_stop(struct http_loop *loop)
{
    if (loop == NULL)
        return;
    if (loop->started) {
        atomic_store(&loop->stop, true);
        http_loop_wake(loop);
        (void)pthread_join(loop->thread, NULL);
    }
    while (loop->connections)
        http_connection_close(loop->connections);
    run_looked_at(loop); /* frees the dead */
    while (loop->spare_count)
        buf_done(&loop->spares[--loop->spare_count]);
    (void)close(loop->epoll_fd);
    (void)close(loop->wake_fd);
    free(loop);
}
