/*
 * A server that keeps the connection and says nothing more: stopped, or behind a link that swallows
 * everything. Its statement time-out is of no use then; ours is. And a transaction whose connection
 * is gone never goes on by itself on the next one.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/pg.h"
#include "tests/unit/test.h"

enum {
    STATEMENT_MS = 200,
    GIVEN_UP_MS_MAX = 4000,
    MESSAGE_MAX = 8192,
    READ_MAX = 4 << 20,
    SSL_REQUEST = 80877103
};

/* Speaks just enough of the protocol: says yes to everything until `answers_left` is 0. */
struct server {
    int listener;
    int port;
    pthread_t thread;
    atomic_int answers_left;
    atomic_int connections;
    atomic_int queries;
    atomic_bool idle; /* a transaction is never under way */
    atomic_bool ending;
};

static bool
take(int fd, void *out, size_t size)
{
    return size == 0 || recv(fd, out, size, MSG_WAITALL) == (ssize_t)size;
}

static bool
pass_over(int fd, size_t size)
{
    char rest[MESSAGE_MAX];
    for (size_t piece; size; size -= piece) {
        piece = size < sizeof rest ? size : sizeof rest;
        if (!take(fd, rest, piece))
            return false;
    }
    return true;
}

static void
give(int fd, const char *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

/* The start-up packet, or the question for TLS before it. */
static bool
greet(int fd)
{
    uint32_t head[2];
    char rest[MESSAGE_MAX];
    for (;;) {
        if (!take(fd, head, sizeof head) || ntohl(head[0]) > sizeof rest)
            return false;
        if (!take(fd, rest, ntohl(head[0]) - sizeof head))
            return false;
        if (ntohl(head[1]) != SSL_REQUEST)
            break;
        give(fd, "N", 1);
    }
    give(fd, "R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I", 15); /* welcome; ready, idle */
    return true;
}

static void
serve(struct server *server, int fd)
{
    static const char begun[] = "C\0\0\0\x0a"
                                "BEGIN\0Z\0\0\0\x05T";
    static const char done[] = "C\0\0\0\x0b"
                               "SELECT\0Z\0\0\0\x05I";
    char type = 0;
    uint32_t size = 0;
    atomic_fetch_add(&server->connections, 1);
    if (!greet(fd))
        return;
    while (take(fd, &type, 1) && take(fd, &size, sizeof size)) {
        if (ntohl(size) > READ_MAX) { /* not read any further */
            while (!atomic_load(&server->ending))
                (void)poll(NULL, 0, 20);
            return;
        }
        if (!pass_over(fd, ntohl(size) - sizeof size))
            return;
        if (type != 'Q' && type != 'S')
            continue;
        atomic_fetch_add(&server->queries, 1);
        if (atomic_fetch_sub(&server->answers_left, 1) <= 0)
            continue;
        if (atomic_load(&server->idle))
            give(fd, done, sizeof done - 1);
        else
            give(fd, begun, sizeof begun - 1);
    }
}

static void *
server_thread(void *arg)
{
    struct server *server = arg;
    int fd;
    while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
        serve(server, fd);
        (void)close(fd);
    }
    return NULL;
}

static void
server_open(struct server *server, int answers)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *server = (struct server){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    atomic_store(&server->answers_left, answers);
    assert_false(bind(server->listener, (struct sockaddr *)&address, sizeof address));
    assert_false(listen(server->listener, 8));
    assert_false(getsockname(server->listener, (struct sockaddr *)&address, &size));
    server->port = ntohs(address.sin_port);
    assert_false(pthread_create(&server->thread, NULL, server_thread, server));
}

static void
server_close(struct server *server)
{
    atomic_store(&server->ending, true);
    (void)shutdown(server->listener, SHUT_RDWR);
    (void)pthread_join(server->thread, NULL);
    (void)close(server->listener);
}

static struct pg *
pg_open(const struct server *server, char dsn[128])
{
    (void)snprintf(dsn, 128, "host=127.0.0.1 port=%d user=x dbname=x", server->port);
    return pg_new(&(struct pg_conf){dsn, "component", STATEMENT_MS, PG_BY_KEY});
}

static void
gives_up_on_a_silent_server(void **state)
{
    struct server server;
    char dsn[128];
    (void)state;
    server_open(&server, 0);
    struct pg *pg = pg_open(&server, dsn);
    uint64_t begin_ns = clock_mono_ns();
    assert_fails(pg_script(pg, "SELECT 1", &err), ERR_UNAVAILABLE, "no answer in time");
    assert_true(clock_mono_ns() - begin_ns < (uint64_t)GIVEN_UP_MS_MAX * 1000000);
    assert_false(pg_connected(pg));
    atomic_store(&server.answers_left, 1);
    assert_works(pg_script(pg, "BEGIN", &err)); /* on a new connection */
    assert_int_equal(atomic_load(&server.connections), 2);
    pg_free(pg);
    server_close(&server);
}

static void
gives_up_while_much_is_still_to_be_sent(void **state)
{
    struct server server;
    char dsn[128];
    (void)state;
    server_open(&server, 0);
    struct pg *pg = pg_open(&server, dsn);
    size_t size = 64u << 20; /* more than any socket takes: the server has read none of it */
    char *sql = mem_alloc(size + 1);
    memset(sql, ' ', size);
    sql[size] = '\0';
    uint64_t begin_ns = clock_mono_ns();
    assert_fails(pg_script(pg, sql, &err), ERR_UNAVAILABLE, "no answer in time");
    assert_true(clock_mono_ns() - begin_ns < (uint64_t)GIVEN_UP_MS_MAX * 1000000);
    free(sql);
    pg_free(pg);
    server_close(&server);
}

static void
a_transaction_does_not_go_on_elsewhere(void **state)
{
    static const struct pg_statement statement = {"x", "SELECT 1"};
    struct server server;
    char dsn[128];
    (void)state;
    server_open(&server, 1);
    struct pg *pg = pg_open(&server, dsn);
    assert_works(pg_begin(pg, &err));
    assert_fails(pg_script(pg, "SELECT 1", &err), ERR_UNAVAILABLE, "no answer");
    atomic_store(&server.answers_left, 100);
    assert_fails(pg_exec(pg, &statement, NULL, 0, NULL, &err), ERR_UNAVAILABLE,
                 "lost in a transaction");
    assert_fails(pg_commit(pg, &err), ERR_UNAVAILABLE, "lost in a transaction");
    assert_int_equal(atomic_load(&server.connections), 1);
    assert_works(pg_begin(pg, &err)); /* the next one is its own */
    assert_int_equal(atomic_load(&server.connections), 2);
    pg_rollback(pg);
    pg_free(pg);
    server_close(&server);
}

/* libpq keeps room for the largest statement until its connection ends. */
static void
a_connection_ends_when_it_has_long_been_too_large(void **state)
{
    enum { LARGE = 2 << 20 };
    struct server server;
    char dsn[128];
    (void)state;
    server_open(&server, 10000);
    atomic_store(&server.idle, true);
    struct pg *pg = pg_open(&server, dsn);
    char *sql = mem_alloc(LARGE + 1);
    memset(sql, ' ', LARGE);
    sql[LARGE] = '\0';
    for (int turn = 0; turn < 4; turn++) { /* as long as large ones come it stays */
        assert_works(pg_script(pg, sql, &err));
        for (int i = 0; i < 200; i++)
            assert_works(pg_script(pg, "SELECT 1", &err));
    }
    assert_int_equal(atomic_load(&server.connections), 1);
    assert_works(pg_script(pg, sql, &err));
    for (int i = 0; i < 1000; i++)
        assert_works(pg_script(pg, "SELECT 1", &err));
    assert_int_equal(atomic_load(&server.connections), 2);
    free(sql);
    pg_free(pg);
    server_close(&server);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_up_on_a_silent_server),
        cmocka_unit_test(gives_up_while_much_is_still_to_be_sent),
        cmocka_unit_test(a_connection_ends_when_it_has_long_been_too_large),
        cmocka_unit_test(a_transaction_does_not_go_on_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
