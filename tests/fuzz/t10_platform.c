/*
 * T10, what platforms answer, as something hostile. A letter for the call (w log-in, t access
 * token, v face check begun, r its result, s SMS), a letter for the form (j a JSON body of a right
 * answer, h the bytes of the whole answer), and the bytes. They come from a server in this process
 * over a real connection. A value is returned only with success; the verdict of JSON answers is
 * compared with tests/fuzz/reference.py.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "io/platform_sms.h"
#include "io/platform_wechat.h"
#include "tests/fuzz/fuzz.h"

static struct {
    int listening;
    char url[64];
    pthread_mutex_t lock;
    struct buf answer;
    struct http_client *client;
} world = {.listening = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

/* Reads a request's head, answers, and hangs up. */
static void
serve(int fd)
{
    char block[8192];
    struct timeval wait = {.tv_sec = 2};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (read(fd, block, sizeof block) > 0) {
        (void)pthread_mutex_lock(&world.lock);
        for (size_t sent = 0; sent < world.answer.len;) {
            ssize_t wrote =
                send(fd, world.answer.ptr + sent, world.answer.len - sent, MSG_NOSIGNAL);
            if (wrote <= 0)
                break;
            sent += (size_t)wrote;
        }
        (void)pthread_mutex_unlock(&world.lock);
    }
    (void)shutdown(fd, SHUT_WR);
    while (read(fd, block, sizeof block) > 0) {
    }
    (void)close(fd);
}

static void *
server_thread(void *ctx)
{
    (void)ctx;
    for (;;) {
        int fd = accept(world.listening, NULL, NULL);
        if (fd >= 0)
            serve(fd);
    }
    return NULL;
}

static void
open_world(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct err err = {0};
    pthread_t thread;
    if (world.client)
        return;
    world.listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FUZZ_CHECK(bind(world.listening, (struct sockaddr *)&address, sizeof address) == 0 &&
                   listen(world.listening, 64) == 0 &&
                   getsockname(world.listening, (struct sockaddr *)&address, &size) == 0 &&
                   pthread_create(&thread, NULL, server_thread, NULL) == 0 &&
                   pthread_detach(thread) == 0 && http_client_new(&world.client, &err) == ERR_OK,
               "a platform can be played");
    (void)snprintf(world.url, sizeof world.url, "http://127.0.0.1:%u", ntohs(address.sin_port));
    buf_init(&world.answer, 1024 * 1024);
}

static void
answer_with(bool whole, struct str bytes)
{
    (void)pthread_mutex_lock(&world.lock);
    buf_reset(&world.answer);
    if (!whole)
        buf_printf(&world.answer,
                   "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
                   bytes.len);
    buf_add(&world.answer, bytes);
    (void)pthread_mutex_unlock(&world.lock);
}

static void
tell(struct wechat_answer answer, struct str value, int64_t number)
{
    FUZZ_CHECK(answer.outcome >= WECHAT_OK && answer.outcome <= WECHAT_MISCONFIGURED,
               "an outcome is one of the table");
    FUZZ_CHECK(answer.outcome != WECHAT_OK || utf8_valid(value), "a value is text");
    FUZZ_CHECK(answer.outcome != WECHAT_OK || world.answer.len <= (size_t)2 * LIMIT_PLATFORM_ANSWER,
               "an endless answer is none");
    fuzz_tell("%d %" PRId64 " ", answer.outcome == WECHAT_OK, answer.outcome ? 0 : number);
    fuzz_tell_str(answer.outcome == WECHAT_OK ? value : STR_NONE);
}

static void
take_wechat(char call, struct arena *arena)
{
    const struct wechat_conf conf = {world.url, "appid", "secret", "h5", "h5secret"};
    const struct wechat_face face = {STR("sy-000001"), STR("openid"), STR("陈示例"),
                                     STR("441900200409010019"), STR("verify")};
    struct str value = STR_NONE;
    int64_t number = 0;
    struct wechat_answer answer;
    if (call == 'w')
        answer = wechat_login(world.client, &conf, false, STR("c ode"), arena, &value);
    else if (call == 't')
        answer = wechat_stable_token(world.client, &conf, false, arena, &value, &number);
    else if (call == 'v')
        answer =
            wechat_face_start(world.client, &conf, STR("tok en"), &face, arena, &value, &number);
    else
        answer = wechat_face_result(world.client, &conf, STR("token"), &face, arena, &number);
    FUZZ_CHECK(call == 'r' || (answer.outcome == WECHAT_OK) == (value.len > 0),
               "a value comes with success, and only then");
    tell(answer, value, number);
}

static void
take_sms(struct arena *arena)
{
    const struct sms_conf conf = {.base_url = world.url,
                                  .secret_id = "id",
                                  .secret_key = "key",
                                  .sdk_app_id = "app",
                                  .template_id = "template",
                                  .sign_name = "sign",
                                  .region = "ap-guangzhou"};
    enum sms_outcome outcome =
        sms_send_code(world.client, &conf, STR("13800000001"), STR("123456"), 1790000000, arena);
    FUZZ_CHECK(outcome >= SMS_SENT && outcome <= SMS_MISCONFIGURED, "an outcome is of the table");
    fuzz_tell("%d 0 ", outcome == SMS_SENT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input_on(data, size);
    char call = (char)fuzz_byte(&input);
    char form = (char)fuzz_byte(&input);
    if (call == '\0' || strchr("wtvrs", call) == NULL || (form != 'j' && form != 'h') ||
        size > (size_t)4 * LIMIT_PLATFORM_ANSWER)
        return 0;
    open_world();
    struct arena *arena = arena_new(LIMIT_REQUEST_ARENA);
    answer_with(form == 'h', fuzz_rest(&input));
    if (call == 's')
        take_sms(arena);
    else
        take_wechat(call, arena);
    arena_free(arena);
    return 0;
}
