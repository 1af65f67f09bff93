#include "tests/torture/scenarios.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "io/seal.h"
#include "schema/submission_event.h"
#include "tests/fuzz/fuzz.h"

/* --- a message is read and written --- */

static const char message_text[] =
    "{\"version\":1,\"submission_id\":\"018f0000-0000-8000-8000-000000000001\",\"student_id\":"
    "\"018f0000-0000-4000-8000-000000000002\",\"campaign_id\":\"c\",\"idempotency_key\":\"k\","
    "\"body_index\":\"00\",\"received_at\":\"2026-11-23T15:04:05.678Z\",\"fields\":{\"ZZMMDM\":"
    "\"03\",\"CXSY\":\"\\u57ce\\u9547\"}}";

static const char *
message_run(void *world)
{
    struct arena *arena = arena_new(LIMIT_BATCH_ARENA);
    struct submission_received message;
    struct err err = {0};
    struct buf text;
    (void)world;
    enum err_code code = submission_received_decode(str_of(message_text), arena, &message, &err);
    const char *broken = code ? "a right message is no dead letter" : NULL;
    buf_init(&text, LIMIT_MESSAGE);
    if (code == ERR_OK) {
        submission_received_encode(&message, &text);
        if (!str_eq(message.value[FIELD_CXSY], STR("城镇")) || text.len < 200)
            broken = "a message is read whole";
    }
    buf_done(&text);
    arena_free(arena);
    return broken;
}

/* --- a value is sealed and opened --- */

static const char *
seal_run(void *world)
{
    struct sealer *sealer = sealer_new(world);
    struct arena *arena = arena_new(LIMIT_REQUEST_ARENA);
    struct str plain = STR_NONE;
    struct err err = {0};
    const char *broken = NULL;
    struct str sealed = seal_text(sealer, STR("13800000001"), STR("c"), arena);
    if (memmem(sealed.ptr, sealed.len, "13800000001", 11))
        broken = "what is sealed cannot be read";
    if (seal_open(sealer, sealed, STR("c"), arena, &plain, &err) == ERR_OK &&
        !str_eq(plain, STR("13800000001")))
        broken = "what opens is what was sealed";
    arena_free(arena);
    sealer_free(sealer);
    return broken;
}

static void *
seal_open_world(void)
{
    struct keyring *keyring = NULL;
    struct err err = {0};
    if (keyring_load(fuzz_file(fuzz_keys), &keyring, &err))
        abort();
    /* What libcrypto makes once in a process is made: without memory it does not survive that. */
    (void)seal_run(keyring);
    return keyring;
}

static void
seal_close_world(void *world)
{
    keyring_free(world);
}

/* --- a request is answered --- */

struct served {
    struct http_server *server;
    atomic_uint handled;
};

static void
served_request(struct http_request *request, void *ctx)
{
    struct served *served = ctx;
    atomic_fetch_add(&served->handled, str_eq(http_request_body(request), STR("{\"a\":1}")));
    http_reply(request, 202, NULL, STR("{\"state\":\"received\"}"));
}

static unsigned
served_refusal(enum http_refusal refusal, struct buf *body, void *ctx)
{
    (void)refusal;
    (void)ctx;
    buf_add_text(body, "{}");
    return 400;
}

static int
served_dial(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval wait = {.tv_sec = 3};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* True when the client was told 202. */
static bool
served_ask(unsigned port)
{
    static const char request[] = "POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                  "Content-Length: 7\r\n\r\n{\"a\":1}";
    char answer[4096] = "";
    size_t length = 0;
    ssize_t got;
    int fd = served_dial(port);
    if (fd < 0)
        return false;
    if (write(fd, request, sizeof request - 1) == (ssize_t)sizeof request - 1)
        while ((got = read(fd, answer + length, sizeof answer - length - 1)) > 0)
            length += (size_t)got;
    (void)close(fd);
    return strncmp(answer, "HTTP/1.1 202", 12) == 0;
}

static void *
served_open(void)
{
    struct served *served = mem_zalloc(sizeof *served);
    struct err err = {0};
    const struct http_server_conf conf = {
        .listen = "127.0.0.1:0",
        .thread_count = 1,
        .connections_max = 8,
        .body_bytes_max = LIMIT_HTTP_BODY,
        .target_bytes_max = LIMIT_HTTP_TARGET,
        .header_bytes_max = LIMIT_HTTP_HEADERS,
        .header_count_max = LIMIT_HTTP_HEADER_COUNT,
        .idle_timeout_s = 2,
        .head_deadline_ms = 2000,
        .body_deadline_ms = 2000,
        .ctx = served,
        .on_request = served_request,
        .on_refusal = served_refusal,
    };
    /* Its threads run: the sanitizer does not survive one that begins without memory. */
    if (http_server_open(&conf, &served->server, &err) ||
        !served_ask(http_server_port(served->server)))
        abort();
    return served;
}

static const char *
served_run(void *world)
{
    struct served *served = world;
    unsigned told = 1; /* when it was opened */
    for (int i = 0; i < 3; i++)
        told += served_ask(http_server_port(served->server));
    return told <= atomic_load(&served->handled) ? NULL
                                                 : "nobody is told 202 for what was not taken";
}

static void
served_close(void *world)
{
    struct served *served = world;
    http_server_close(served->server);
    free(served);
}

/* --- a platform is asked --- */

static void *
platform_thread(void *ctx)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"ok\":42}";
    char request[4096];
    int listening = *(int *)ctx;
    int fd;
    while ((fd = accept(listening, NULL, NULL)) >= 0) {
        while (recv(fd, request, sizeof request, 0) > 0)
            if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0)
                break;
        (void)close(fd);
    }
    return NULL;
}

struct platform {
    int listening;
    char url[64];
    pthread_t thread;
};

static void *
platform_open(void)
{
    struct platform *platform = mem_zalloc(sizeof *platform);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    platform->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(platform->listening, (struct sockaddr *)&address, sizeof address) ||
        listen(platform->listening, 8) ||
        getsockname(platform->listening, (struct sockaddr *)&address, &size) ||
        pthread_create(&platform->thread, NULL, platform_thread, &platform->listening))
        abort();
    (void)snprintf(platform->url, sizeof platform->url, "http://127.0.0.1:%u/",
                   ntohs(address.sin_port));
    return platform;
}

static const char *
platform_run(void *world)
{
    const struct platform *platform = world;
    static const char *const headers[] = {"Content-Type: application/json", "X-Own: 1", NULL};
    const struct http_client_request request = {.method = "POST",
                                                .url = platform->url,
                                                .headers = headers,
                                                .body = STR("{}"),
                                                .timeout_ms = 3000,
                                                .answer_bytes_max = LIMIT_PLATFORM_ANSWER};
    struct http_client *client = NULL;
    struct err err = {0};
    const char *broken = NULL;
    if (http_client_new(&client, &err))
        return err.text[0] ? NULL : "a client that is not made says why";
    for (int i = 0; i < 2; i++) {
        struct buf answer;
        unsigned status = 0;
        enum err_code code = http_client_call(client, &request, &status, &answer, &err);
        if (code == ERR_OK && (status != 200 || !str_eq(buf_str(&answer), STR("{\"ok\":42}"))))
            broken = "an answer is whole, or it is none";
        if (code == ERR_OK)
            buf_done(&answer);
    }
    http_client_free(client);
    return broken;
}

static void
platform_close(void *world)
{
    struct platform *platform = world;
    (void)shutdown(platform->listening, SHUT_RDWR);
    (void)pthread_join(platform->thread, NULL);
    (void)close(platform->listening);
    free(platform);
}

static const struct scenario scenarios[] = {
    {"message", NULL, message_run, NULL, false},
    {"seal", seal_open_world, seal_run, seal_close_world, false},
    {"server", served_open, served_run, served_close, false},
    {"platform", platform_open, platform_run, platform_close, false},
};
static const struct scenario *const others[] = {&scenario_redis, &scenario_pg, &scenario_kafka};

const struct scenario *
scenario_find(const char *name)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(others[i]->name, name) == 0)
            return others[i];
    return NULL;
}
