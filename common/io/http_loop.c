#include "io/http_loop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buf.h"

enum { WAIT_MAX_MS = 10000 };

struct http_loop {
    void *ctx;
    struct MHD_Daemon *daemon; /* NULL: not begun */
    pthread_t thread;
    atomic_bool stop;
    atomic_bool woken; /* wake_fd was written and not read yet */
    int wake_fd;
};

/* Milliseconds until the library has something to do by the clock. */
static int
wait_ms(struct MHD_Daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG left_ms = 0;
    if (MHD_get_timeout(daemon, &left_ms) != MHD_YES || left_ms > WAIT_MAX_MS)
        return WAIT_MAX_MS;
    return (int)left_ms;
}

static void *
loop_thread(void *arg)
{
    struct http_loop *loop = arg;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[] = {{.fd = info->epoll_fd, .events = POLLIN},
                           {.fd = loop->wake_fd, .events = POLLIN}};
    while (!atomic_load(&loop->stop)) {
        if (poll(fds, 2, wait_ms(loop->daemon)) < 0 && errno != EINTR)
            abort(); /* only our own mistake makes these arguments wrong */
        if (fds[1].revents) {
            eventfd_t wakes;
            (void)eventfd_read(loop->wake_fd, &wakes);
            /* From here on a wake writes again; what was resumed before is seen below. */
            atomic_store(&loop->woken, false);
        }
        (void)MHD_run(loop->daemon);
    }
    return NULL;
}

struct http_loop *
http_loop_new(void *ctx)
{
    struct http_loop *loop = mem_zalloc(sizeof *loop);
    loop->ctx = ctx;
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0)
        abort();
    return loop;
}

void *
http_loop_ctx(const struct http_loop *loop)
{
    return loop->ctx;
}

void
http_loop_start(struct http_loop *loop, struct MHD_Daemon *daemon)
{
    loop->daemon = daemon;
    if (pthread_create(&loop->thread, NULL, loop_thread, loop) != 0)
        abort();
    (void)pthread_setname_np(loop->thread, "http");
}

struct MHD_Daemon *
http_loop_daemon(const struct http_loop *loop)
{
    return loop->daemon;
}

void
http_loop_wake(struct http_loop *loop)
{
    if (!atomic_exchange(&loop->woken, true))
        (void)eventfd_write(loop->wake_fd, 1);
}

void
http_loop_stop(struct http_loop *loop)
{
    if (loop == NULL)
        return;
    if (loop->daemon) {
        atomic_store(&loop->stop, true);
        http_loop_wake(loop);
        (void)pthread_join(loop->thread, NULL);
        MHD_stop_daemon(loop->daemon);
    }
    (void)close(loop->wake_fd);
    free(loop);
}
