#include "services/sandbox/service.h"

#include <stdlib.h>

#include "io/secret_file.h"

#include "base/limits.h"
#include "io/platform_wechat.h"
#include "services/sandbox/sandbox.h"

struct sandbox_process {
    struct sandbox_secrets secrets;
    struct sandbox *sandbox;
    struct http_server *server;
};

static const struct {
    const char *path;
    unsigned (*call)(struct sandbox_call *call);
} routes[] = {
    {"/sns/jscode2session", wechat_jscode2session},
    {"/sns/oauth2/access_token", wechat_oauth2_access_token},
    {"/cgi-bin/stable_token", wechat_stable_token_call},
    {"/cityservice/face/identify/getverifyid", wechat_getverifyid},
    {"/cityservice/face/identify/queryverifyinfo", wechat_queryverifyinfo},
    {"/cgi-bin/message/subscribe/send", wechat_subscribe_send},
    {"/", sms_send},
    {"/inbox", inbox_get},
};

static void
on_request(struct http_request *request, void *ctx)
{
    struct sandbox_process *process = ctx;
    struct arena *arena = arena_new(LIMIT_REQUEST_ARENA);
    struct buf out;
    unsigned status = 404;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    struct sandbox_call call = {process->sandbox, request, arena, &out};
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (str_eq_text(http_request_path(request), routes[i].path))
            status = routes[i].call(&call);
    http_reply(request, status, NULL, buf_str(&out));
    buf_done(&out);
    arena_free(arena);
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
sandbox_stop(void *service)
{
    struct sandbox_process *process = service;
    http_server_close(process->server);
    sandbox_free(process->sandbox);
    free(process);
}

static enum err_code
secrets_read(const struct sandbox_conf *conf, struct sandbox_secrets *secrets, struct err *err)
{
    enum err_code code = secret_file_read("secret file", conf->wechat_secret_file, secrets->wechat,
                                          sizeof secrets->wechat, err);
    if (code == ERR_OK)
        code = secret_file_read("secret file", conf->wechat_h5_secret_file, secrets->h5,
                                sizeof secrets->h5, err);
    if (code == ERR_OK)
        code = secret_file_read("secret file", conf->sms_secret_key_file, secrets->sms,
                                sizeof secrets->sms, err);
    return code;
}

static enum err_code
sandbox_start(struct runtime *runtime, const void *conf, void **ret_service, struct err *err)
{
    struct sandbox_process *process = mem_zalloc(sizeof *process);
    const struct http_server_conf server = {
        .listen = runtime->conf->listen,
        .thread_count = (unsigned)runtime->conf->http_threads,
        .connections_max = 1024,
        .body_bytes_max = LIMIT_HTTP_BODY,
        .target_bytes_max = LIMIT_HTTP_TARGET,
        .header_bytes_max = LIMIT_HTTP_HEADERS,
        .header_count_max = LIMIT_HTTP_HEADER_COUNT,
        .idle_timeout_s = 60,
        .body_deadline_ms = LIMIT_HTTP_BODY_DEADLINE_MS,
        .ctx = process,
        .on_request = on_request,
        .on_refusal = on_refusal,
    };
    enum err_code code = secrets_read(conf, &process->secrets, err);
    process->sandbox = sandbox_new(conf, &process->secrets);
    if (code == ERR_OK)
        code = sandbox_open_sent(process->sandbox, err);
    if (code == ERR_OK)
        code = http_server_open(&server, &process->server, err);
    if (code) {
        sandbox_stop(process);
        return code;
    }
    *ret_service = process;
    return ERR_OK;
}

const struct service sandbox_service = {
    .program = &sandbox_program,
    .start = sandbox_start,
    .stop = sandbox_stop,
};
