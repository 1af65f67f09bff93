/*
 * The HTTP server under many connections: answers from other threads, at once or later, streams,
 * and clients that hang up. Made for the thread sanitizer as much as for the asserts.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/http_server.h"
#include "tests/unit/test.h"

/* MANY_EVENTS: what a library that was used before took from epoll at a time, and slept on. */
enum {
    MANY_EVENTS = 128,
    CLIENTS = 8,
    REQUESTS = 150,
    REPLIERS = 3,
    QUEUE = 4096,
    STREAM_PIECES = 5,
    AHEAD = 1000,      /* requests that one client sends without waiting */
    BRIM = 100,        /* bytes that may be pending */
    BRIM_PIECE = 97,   /* with what frames it, a little more than that */
    FLOOD_PIECES = 16, /* more than the kernel takes for a client that does not read */
    FLOOD_PIECE = 1024 * 1024
};

struct world {
    struct http_server *server;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct http_request *queue[QUEUE];
    size_t count;
    bool stop;
    bool gate_open; /* "/hold" blocks the server's thread until then */
    bool held;
    atomic_uint now_count;
    unsigned hold_at;            /* the how manyth "/now" does the same; 0: none */
    atomic_uint now_before_mark; /* answers to "/now" when "/mark" came */
    atomic_uint finished;
};

static void
wait_at_gate(struct world *world)
{
    (void)pthread_mutex_lock(&world->lock);
    world->held = true;
    (void)pthread_cond_broadcast(&world->wake);
    while (!world->gate_open)
        (void)pthread_cond_wait(&world->wake, &world->lock);
    (void)pthread_mutex_unlock(&world->lock);
}

static void
on_request(struct http_request *request, void *ctx)
{
    struct world *world = ctx;
    if (str_eq(http_request_path(request), STR("/now"))) {
        if (atomic_fetch_add(&world->now_count, 1) + 1 == world->hold_at)
            wait_at_gate(world);
        http_reply(request, 200, NULL, STR("now"));
        return;
    }
    if (str_eq(http_request_path(request), STR("/mark"))) {
        atomic_store(&world->now_before_mark, atomic_load(&world->now_count));
        http_reply(request, 200, NULL, STR("mark"));
        return;
    }
    if (str_eq(http_request_path(request), STR("/brim"))) {
        static const char piece[BRIM_PIECE];
        struct http_stream *out = http_reply_stream(request, 200, NULL, BRIM);
        http_stream_send(out, (struct str){piece, sizeof piece});
        http_stream_end(out);
        return;
    }
    if (str_eq(http_request_path(request), STR("/hold")))
        wait_at_gate(world);
    (void)pthread_mutex_lock(&world->lock);
    world->queue[world->count++] = request;
    (void)pthread_cond_signal(&world->wake);
    (void)pthread_mutex_unlock(&world->lock);
}

static unsigned
on_refusal(enum http_refusal refusal, struct buf *body, void *ctx)
{
    static const unsigned statuses[] = {400, 413, 414, 431, 408};
    (void)ctx;
    buf_add_text(body, "refused");
    return statuses[refusal];
}

static void
on_finished(struct http_request *request, void *ctx)
{
    struct world *world = ctx;
    (void)request;
    (void)pthread_mutex_lock(&world->lock);
    atomic_fetch_add(&world->finished, 1);
    (void)pthread_cond_broadcast(&world->wake);
    (void)pthread_mutex_unlock(&world->lock);
}

static void
stream(struct http_request *request)
{
    static const struct http_header headers[] = {{"Content-Type", "text/event-stream"},
                                                 {NULL, NULL}};
    struct http_stream *out = http_reply_stream(request, 200, headers, 65536);
    for (int i = 0; i < STREAM_PIECES; i++)
        http_stream_send(out, STR("data: piece\n\n"));
    http_stream_end(out);
}

static void *
replier(void *arg)
{
    struct world *world = arg;
    for (;;) {
        (void)pthread_mutex_lock(&world->lock);
        while (world->count == 0 && !world->stop)
            (void)pthread_cond_wait(&world->wake, &world->lock);
        if (world->count == 0) {
            (void)pthread_mutex_unlock(&world->lock);
            return NULL;
        }
        struct http_request *request = world->queue[--world->count];
        (void)pthread_mutex_unlock(&world->lock);
        if (str_eq(http_request_path(request), STR("/stream"))) {
            stream(request);
            continue;
        }
        struct str body = http_request_body(request);
        char *copy = mem_strndup(body);
        struct str text = {copy, body.len};
        http_reply(request, 200, NULL, text);
        free(copy);
    }
}

static int
dial(const struct world *world)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_server_port(world->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval timeout = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Reads until the bytes end with `end`; false at the end of the connection. */
static bool
read_until(int fd, const char *end, char *out, size_t size)
{
    size_t length = 0;
    size_t end_length = strlen(end);
    while (length + 1 < size) {
        ssize_t got = read(fd, out + length, size - length - 1);
        if (got <= 0)
            return false;
        length += (size_t)got;
        out[length] = '\0';
        if (length >= end_length && strcmp(out + length - end_length, end) == 0)
            return true;
    }
    return false;
}

static void *
client(void *arg)
{
    struct world *world = arg;
    static atomic_uint numbers;
    unsigned number = atomic_fetch_add(&numbers, 1);
    int fd = dial(world);
    for (unsigned i = 0; i < REQUESTS; i++) {
        char request[512];
        char answer[4096];
        char body[64];
        unsigned kind = (number + i) % 5;
        int length = snprintf(body, sizeof body, "mine-%u-%u.", number, i);
        int size;
        if (kind == 0)
            size = snprintf(request, sizeof request, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n");
        else if (kind == 1)
            size = snprintf(request, sizeof request, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
        else
            size = snprintf(request, sizeof request,
                            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
                            length, body);
        assert_int_equal(write(fd, request, (size_t)size), size);
        if (kind == 4 && i % 3 == 0) { /* hangs up before the answer */
            (void)close(fd);
            fd = dial(world);
            continue;
        }
        const char *end = kind == 0 ? "now" : kind == 1 ? "0\r\n\r\n" : body;
        if (!read_until(fd, end, answer, sizeof answer))
            return (void *)(uintptr_t)1;
    }
    (void)close(fd);
    return NULL;
}

static void
world_open(struct world *world, unsigned thread_count)
{
    (void)pthread_mutex_init(&world->lock, NULL);
    (void)pthread_cond_init(&world->wake, NULL);
    assert_works(http_server_open(&(struct http_server_conf){.listen = "127.0.0.1:0",
                                                             .thread_count = thread_count,
                                                             .connections_max = 400,
                                                             .body_bytes_max = 1024,
                                                             .target_bytes_max = 256,
                                                             .header_bytes_max = 2048,
                                                             .header_count_max = 16,
                                                             .idle_timeout_s = 10,
                                                             .body_deadline_ms = 1000,
                                                             .ctx = world,
                                                             .on_request = on_request,
                                                             .on_refusal = on_refusal,
                                                             .on_finished = on_finished},
                                  &world->server, &err));
}

static void
world_close(struct world *world)
{
    http_server_quiesce(world->server);
    http_server_close(world->server);
    (void)pthread_cond_destroy(&world->wake);
    (void)pthread_mutex_destroy(&world->lock);
}

static void
every_client_gets_its_own_answer(void **state)
{
    static struct world world;
    pthread_t clients[CLIENTS];
    pthread_t repliers[REPLIERS];
    unsigned wrong = 0;
    (void)state;
    world_open(&world, 2);
    for (int i = 0; i < REPLIERS; i++)
        assert_int_equal(pthread_create(&repliers[i], NULL, replier, &world), 0);
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&clients[i], NULL, client, &world), 0);
    for (int i = 0; i < CLIENTS; i++) {
        void *result = NULL;
        (void)pthread_join(clients[i], &result);
        wrong += result != NULL;
    }
    assert_int_equal(wrong, 0);
    (void)pthread_mutex_lock(&world.lock);
    world.stop = true;
    (void)pthread_cond_broadcast(&world.wake);
    (void)pthread_mutex_unlock(&world.lock);
    for (int i = 0; i < REPLIERS; i++)
        (void)pthread_join(repliers[i], NULL);
    assert_int_equal(http_server_in_flight(world.server), 0);
    world_close(&world);
}

/* Many requests, all ready in the same moment. */
static void
a_full_turn_of_requests_is_answered_at_once(void **state)
{
    static const char now[] = "GET /now HTTP/1.1\r\nHost: x\r\n\r\n";
    static const char hold[] = "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n";
    static struct world world;
    int clients[MANY_EVENTS];
    char answer[1024];
    struct timeval patience = {.tv_sec = 3};
    (void)state;
    world_open(&world, 1);
    for (int i = 0; i < MANY_EVENTS; i++) {
        clients[i] = dial(&world);
        (void)setsockopt(clients[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        assert_int_equal(write(clients[i], now, sizeof now - 1), (ssize_t)sizeof now - 1);
        assert_true(read_until(clients[i], "now", answer, sizeof answer));
    }
    int holder = dial(&world);
    assert_int_equal(write(holder, hold, sizeof hold - 1), (ssize_t)sizeof hold - 1);
    (void)pthread_mutex_lock(&world.lock);
    while (!world.held)
        (void)pthread_cond_wait(&world.wake, &world.lock);
    for (int i = 0; i < MANY_EVENTS; i++)
        assert_int_equal(write(clients[i], now, sizeof now - 1), (ssize_t)sizeof now - 1);
    world.gate_open = true;
    (void)pthread_cond_broadcast(&world.wake);
    (void)pthread_mutex_unlock(&world.lock);
    for (int i = 0; i < MANY_EVENTS; i++) {
        assert_true(read_until(clients[i], "now", answer, sizeof answer));
        (void)close(clients[i]);
    }
    http_reply(world.queue[0], 200, NULL, STR("held"));
    assert_true(read_until(holder, "held", answer, sizeof answer));
    (void)close(holder);
    world_close(&world);
}

static void
refuses_what_http_forbids(void **state)
{
    static const struct {
        const char *name;
        const char *bytes;
        const char *status;
    } rows[] = {
        {"no host", "GET /now HTTP/1.1\r\n\r\n", "400"},
        {"two hosts", "GET /now HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
        {"two lengths",
         "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"},
        {"length and coding",
         "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\n",
         "400"},
        {"absolute form", "GET http://a/now HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
        {"too large", "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 4096\r\n\r\n", "413"},
    };
    static struct world world;
    (void)state;
    world_open(&world, 2);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char answer[1024] = "";
        int fd = dial(&world);
        size_t size = strlen(rows[i].bytes);
        assert_int_equal(write(fd, rows[i].bytes, size), (ssize_t)size);
        ssize_t got = read(fd, answer, sizeof answer - 1);
        if (got < 12 || strncmp(answer + 9, rows[i].status, 3) != 0)
            fail_msg("%s: %.40s", rows[i].name, answer);
        (void)close(fd);
    }
    world_close(&world);
}

static void
a_body_that_trickles_ends_at_its_deadline(void **state)
{
    static const char head[] = "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
    static struct world world;
    char answer[1024] = "";
    (void)state;
    world_open(&world, 2);
    int fd = dial(&world);
    uint64_t begin_ns = clock_mono_ns();
    assert_int_equal(write(fd, head, sizeof head - 1), (ssize_t)sizeof head - 1);
    struct timeval step = {.tv_usec = 100000};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &step, sizeof step);
    ssize_t got = -1;
    while (got < 0 && clock_mono_ns() - begin_ns < 10000000000u) {
        if (send(fd, "x", 1, MSG_NOSIGNAL) != 1)
            break;
        got = read(fd, answer, sizeof answer - 1);
    }
    uint64_t taken_ms = (clock_mono_ns() - begin_ns) / 1000000;
    assert_in_range(taken_ms, 900, 4000);
    if (got > 12)
        assert_memory_equal(answer + 9, "408", 3);
    (void)close(fd);
    world_close(&world);
}

/* A stream is at its end, and its reader takes nothing of it: not even that is waited for for ever.
 */
static void
a_reader_that_does_not_read_ends_at_its_deadline(void **state)
{
    static const char get[] = "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n";
    static struct world world;
    struct timespec patience;
    (void)state;
    world_open(&world, 1);
    int fd = dial(&world);
    assert_int_equal(write(fd, get, sizeof get - 1), (ssize_t)sizeof get - 1);
    (void)pthread_mutex_lock(&world.lock);
    while (world.count == 0)
        (void)pthread_cond_wait(&world.wake, &world.lock);
    (void)pthread_mutex_unlock(&world.lock);
    struct http_stream *out =
        http_reply_stream(world.queue[0], 200, NULL, (size_t)2 * FLOOD_PIECES * FLOOD_PIECE);
    char *piece = mem_zalloc(FLOOD_PIECE);
    for (int i = 0; i < FLOOD_PIECES; i++)
        http_stream_send(out, (struct str){piece, FLOOD_PIECE});
    http_stream_end(out);
    free(piece);
    (void)clock_gettime(CLOCK_REALTIME, &patience);
    patience.tv_sec += 10;
    int timed_out = 0;
    (void)pthread_mutex_lock(&world.lock);
    while (atomic_load(&world.finished) == 0 && timed_out == 0)
        timed_out = pthread_cond_timedwait(&world.wake, &world.lock, &patience);
    (void)pthread_mutex_unlock(&world.lock);
    assert_int_equal(timed_out, 0);
    (void)close(fd);
    world_close(&world);
}

static void
a_stream_that_is_full_to_the_brim_has_an_end(void **state)
{
    static const char get[] = "GET /brim HTTP/1.1\r\nHost: x\r\n\r\n";
    static struct world world;
    char answer[1024];
    struct timeval patience = {.tv_sec = 3};
    (void)state;
    world_open(&world, 1);
    int fd = dial(&world);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(write(fd, get, sizeof get - 1), (ssize_t)sizeof get - 1);
    ssize_t got;
    while ((got = read(fd, answer, sizeof answer)) > 0)
        ;
    assert_int_equal(got, 0); /* cut: not waited for */
    (void)close(fd);
    world_close(&world);
}

/* Another's request comes while one client's are answered, of which there are many ahead. */
static void
who_sends_ahead_does_not_keep_the_others_waiting(void **state)
{
    static const char now[] = "GET /now HTTP/1.1\r\nHost: x\r\n\r\n";
    static const char mark[] = "GET /mark HTTP/1.1\r\nHost: x\r\n\r\n";
    static char ahead[AHEAD * (sizeof now - 1)];
    static struct world world = {.hold_at = 2};
    char answer[1024];
    (void)state;
    world_open(&world, 1);
    int patient = dial(&world);
    int eager = dial(&world);
    for (size_t i = 0; i < AHEAD; i++)
        memcpy(ahead + i * (sizeof now - 1), now, sizeof now - 1);
    assert_int_equal(write(eager, ahead, sizeof ahead), (ssize_t)sizeof ahead);
    (void)pthread_mutex_lock(&world.lock);
    while (!world.held)
        (void)pthread_cond_wait(&world.wake, &world.lock);
    assert_int_equal(write(patient, mark, sizeof mark - 1), (ssize_t)sizeof mark - 1);
    world.gate_open = true;
    (void)pthread_cond_broadcast(&world.wake);
    (void)pthread_mutex_unlock(&world.lock);
    assert_true(read_until(patient, "mark", answer, sizeof answer));
    assert_in_range(world.now_before_mark, world.hold_at, AHEAD - 1);
    (void)close(eager);
    (void)close(patient);
    world_close(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_client_gets_its_own_answer),
        cmocka_unit_test(a_full_turn_of_requests_is_answered_at_once),
        cmocka_unit_test(refuses_what_http_forbids),
        cmocka_unit_test(a_body_that_trickles_ends_at_its_deadline),
        cmocka_unit_test(a_reader_that_does_not_read_ends_at_its_deadline),
        cmocka_unit_test(a_stream_that_is_full_to_the_brim_has_an_end),
        cmocka_unit_test(who_sends_ahead_does_not_keep_the_others_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
