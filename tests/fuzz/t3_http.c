/*
 * T3, the HTTP front layer with its library, fed raw bytes over a connection to a server in this
 * process. What the server hands over is what a strict second reader takes off the same bytes, in
 * order: method, target and body. Nothing else is answered 2xx, and everything ends. Bytes that
 * come one by one are read as those that come at once.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "io/http_parse.h"
#include "io/http_server.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/second_http.h"

enum { ANSWERS_MAX = 1024 * 1024, REQUESTS_MAX = 256, WAIT_S = 5 };

/* Not 127.0.0.1: whoever asks a port there that was somebody's before would be counted. */
#define SERVER_ADDRESS "127.77.0.3"

static struct {
    struct http_server *server;
    pthread_mutex_t lock;
    size_t count;
    struct buf requests[REQUESTS_MAX]; /* what was handed over, in order */
} world = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE"};

static void
describe(struct buf *out, struct str method, struct str path, struct str query, struct str body)
{
    buf_init(out, LIMIT_HTTP_BODY + LIMIT_HTTP_TARGET + 256);
    buf_printf(out, "%.*s %zu:", STR_ARG(method), path.len);
    buf_add(out, path);
    buf_printf(out, " %zu:", query.len);
    buf_add(out, query);
    buf_printf(out, " %zu:", body.len);
    buf_add(out, body);
}

static void
on_request(struct http_request *request, void *ctx)
{
    enum http_method method = http_request_method(request);
    struct str query = http_request_query(request);
    (void)ctx;
    (void)pthread_mutex_lock(&world.lock);
    FUZZ_CHECK(world.count < REQUESTS_MAX, "there are not more requests than bytes allow");
    describe(&world.requests[world.count++], str_of(method < HTTP_OTHER ? methods[method] : "-"),
             http_request_path(request), query, http_request_body(request));
    (void)pthread_mutex_unlock(&world.lock);
    http_reply(request, 200, NULL, STR("{}"));
}

static unsigned
on_refusal(enum http_refusal refusal, struct buf *body, void *ctx)
{
    static const unsigned statuses[] = {400, 413, 414, 431, 408};
    (void)ctx;
    buf_add_text(body, "{}");
    return statuses[refusal];
}

static void
open_server(void)
{
    struct err err = {0};
    const struct http_server_conf conf = {
        .listen = SERVER_ADDRESS ":0",
        .thread_count = 1,
        .connections_max = 64,
        .body_bytes_max = LIMIT_HTTP_BODY,
        .target_bytes_max = LIMIT_HTTP_TARGET,
        .header_bytes_max = LIMIT_HTTP_HEADERS,
        .header_count_max = LIMIT_HTTP_HEADER_COUNT,
        .idle_timeout_s = 60,
        .body_deadline_ms = LIMIT_HTTP_BODY_DEADLINE_MS,
        .on_request = on_request,
        .on_refusal = on_refusal,
    };
    if (world.server == NULL)
        FUZZ_CHECK(http_server_open(&conf, &world.server, &err) == ERR_OK, "a server opens");
}

/* The fuzzer's clock interrupts a connect, which goes on by itself. */
static bool
connected(int fd)
{
    int error = EINPROGRESS;
    socklen_t size = sizeof error;
    struct pollfd done = {.fd = fd, .events = POLLOUT};
    while (poll(&done, 1, 5000) < 0 && errno == EINTR)
        ;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

/* A connection from an address of its own, so that none has to wait for an older one's port. */
static int
dial(void)
{
    static uint32_t number;
    const struct sockaddr_in server = {.sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)http_server_port(world.server)),
                                       .sin_addr.s_addr = inet_addr(SERVER_ADDRESS)};
    const struct sockaddr_in own = {.sin_family = AF_INET,
                                    .sin_addr.s_addr =
                                        htonl(INADDR_LOOPBACK + 256 + (++number & 0xFFFF))};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FUZZ_CHECK(fd >= 0, "there are descriptors left");
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    errno = 0;
    FUZZ_CHECK(bind(fd, (const struct sockaddr *)&own, sizeof own) == 0 &&
                   (connect(fd, (const struct sockaddr *)&server, sizeof server) == 0 ||
                    (errno == EINTR && connected(fd))),
               "the server lets a client in");
    return fd;
}

/* Sends everything, says that nothing follows, and reads until the server is done with it. */
static void
exchange(struct str bytes, struct buf *answers)
{
    struct timeval wait = {.tv_sec = WAIT_S};
    char block[16384];
    int fd = dial();
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    for (size_t sent = 0; sent < bytes.len;) {
        ssize_t wrote = send(fd, bytes.ptr + sent, bytes.len - sent, MSG_NOSIGNAL);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            break; /* it has closed the connection already */
        sent += (size_t)wrote;
    }
    (void)shutdown(fd, SHUT_WR);
    for (;;) {
        ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR) /* the fuzzer's clock: what is not read now would be the */
            continue;                  /* next input's */
        if (got <= 0) {
            FUZZ_CHECK(got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK),
                       "every connection ends");
            break;
        }
        buf_add(answers, (struct str){block, (size_t)got});
    }
    (void)close(fd);
}

static size_t
count_of(struct str text, const char *word)
{
    size_t count = 0;
    size_t length = strlen(word);
    const char *at = text.ptr;
    while (at && (at = memmem(at, text.len - (size_t)(at - text.ptr), word, length))) {
        count++;
        at += length;
    }
    return count;
}

/* What the second reader takes off the bytes is what was handed over. */
static void
compare(struct str bytes)
{
    struct second_request second;
    bool fault = false;
    for (size_t i = 0; i < world.count; i++) {
        struct buf expected;
        FUZZ_CHECK(second_http_read(&bytes, &second, &fault),
                   "what is handed over, a strict reader lets in");
        struct str query = second.target;
        struct str path = str_cut(&query, '?');
        struct str method = STR("-");
        for (size_t k = 0; k < sizeof methods / sizeof methods[0]; k++)
            if (str_eq_text(second.method, methods[k]))
                method = second.method;
        describe(&expected, method, path, query, buf_str(&second.body));
        FUZZ_CHECK(str_eq(buf_str(&expected), buf_str(&world.requests[i])),
                   "it is handed over as a strict reader reads it");
        FUZZ_CHECK(i + 1 == world.count || !second.closes, "nothing is read behind the last");
        buf_done(&expected);
        buf_done(&second.body);
    }
}

static void
compare_piecewise(struct str bytes)
{
    static const struct http_limits limits = {LIMIT_HTTP_BODY, LIMIT_HTTP_TARGET,
                                              LIMIT_HTTP_HEADERS, LIMIT_HTTP_HEADER_COUNT};
    struct http_scan once = {0};
    struct http_scan pieces = {0};
    enum http_refusal refusal = HTTP_REFUSED_TOO_SLOW;
    enum http_refusal again = HTTP_REFUSED_TOO_SLOW;
    enum http_parse step = HTTP_PARSE_MORE;
    enum http_parse whole = http_head_scan(bytes, &limits, &once, &refusal);
    for (size_t i = 1; i <= bytes.len && step == HTTP_PARSE_MORE; i++)
        step = http_head_scan((struct str){bytes.ptr, i}, &limits, &pieces, &again);
    FUZZ_CHECK(whole == step && refusal == again, "a head is one, however it comes");
    FUZZ_CHECK(whole != HTTP_PARSE_DONE || once.at == pieces.at, "and ends where it ends");
}

static void
compare_chunks(struct str bytes)
{
    struct http_chunks once = {0};
    struct http_chunks pieces = {0};
    struct buf body;
    struct buf again;
    size_t taken = 0;
    size_t used = 0;
    enum http_refusal ignored;
    enum http_parse step = HTTP_PARSE_MORE;
    buf_init(&body, LIMIT_HTTP_BODY);
    buf_init(&again, LIMIT_HTTP_BODY);
    enum http_parse whole = http_chunks_feed(&once, bytes, &body, &taken, &ignored);
    while (used < bytes.len && step == HTTP_PARSE_MORE) {
        size_t one = 0;
        step = http_chunks_feed(&pieces, (struct str){bytes.ptr + used, 1}, &again, &one, &ignored);
        used += one;
        FUZZ_CHECK(one == 1 || step != HTTP_PARSE_MORE, "a byte that is looked at is taken");
    }
    FUZZ_CHECK(whole == step, "a chunked body is one, however it comes");
    FUZZ_CHECK(whole == HTTP_PARSE_REFUSED ||
                   (taken == used && str_eq(buf_str(&body), buf_str(&again))),
               "and says the same");
    buf_done(&body);
    buf_done(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    struct buf answers;
    if (size > 256 * 1024)
        return 0;
    compare_piecewise(bytes);
    compare_chunks(bytes);
    open_server();
    buf_init(&answers, ANSWERS_MAX);
    exchange(bytes, &answers);
    (void)pthread_mutex_lock(&world.lock);
    compare(bytes);
    FUZZ_CHECK(count_of(buf_str(&answers), "HTTP/1.1 2") <= world.count,
               "only what was handed over is answered 2xx");
    fuzz_tell("%zu handed over, %zu answers", world.count,
              count_of(buf_str(&answers), "HTTP/1.1 "));
    for (size_t i = 0; i < world.count; i++)
        buf_done(&world.requests[i]);
    world.count = 0;
    (void)pthread_mutex_unlock(&world.lock);
    buf_done(&answers);
    return 0;
}
