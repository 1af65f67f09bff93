/* The api over its HTTP server: the end of a service. */
#include <arpa/inet.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/api.h"
#include "tests/unit/test.h"

static atomic_uint handled;

static void
handle(struct api_call *call)
{
    atomic_fetch_add(&handled, 1);
    api_reply_empty(call, 204);
}

static int
dial(const struct api *api)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)api_port(api)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval timeout = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* The status of a small answer, which comes in one piece. */
static int
ask(int fd)
{
    static const char get[] = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";
    char answer[4096] = "";
    assert_int_equal(write(fd, get, sizeof get - 1), (ssize_t)sizeof get - 1);
    assert_true(read(fd, answer, sizeof answer - 1) > 12);
    return (int)strtol(answer + 9, NULL, 10);
}

/* Between the end of the workers and that of the server calls still come on kept connections. */
static void
no_handler_runs_after_the_stop(void **state)
{
    static const struct api_route routes[] = {
        {HTTP_GET, "/x", API_PUBLIC, false, handle, NULL},
    };
    static const struct runtime_conf runtime = {.listen = "127.0.0.1:0",
                                                .http_threads = 1,
                                                .http_workers = 2,
                                                .admit_open = 16,
                                                .admit_ms = 30};
    struct api *api = NULL;
    (void)state;
    assert_works(api_open(
        &(struct api_conf){.runtime = &runtime, .routes = routes, .route_count = 1}, &api, &err));
    int fd = dial(api);
    assert_int_equal(ask(fd), 204);
    api_stop(api);
    assert_int_equal(ask(fd), 503);
    assert_int_equal(atomic_load(&handled), 1);
    (void)close(fd);
    api_close(api);
    api_stop(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_handler_runs_after_the_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
