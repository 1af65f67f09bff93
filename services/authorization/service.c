#include "services/authorization/service.h"

#include <stdlib.h>

#include "io/secret_file.h"

enum { STATEMENT_TIMEOUT_MS = 3000, DEAD_LETTER_QUEUE = 1000 };

/* clang-format off */
static const struct api_route routes[] = {
    {HTTP_POST,   "/api/v1/session",        API_PUBLIC,  true,  session_post,         NULL},
    {HTTP_GET,    "/api/v1/session",        API_SESSION, false, session_get,          NULL},
    {HTTP_DELETE, "/api/v1/session",        API_SESSION, false, session_delete,       NULL},
    {HTTP_POST,   "/api/v1/staff/session",  API_PUBLIC,  true,  staff_session_post,   NULL},
    {HTTP_GET,    "/api/v1/staff/session",  API_STAFF,   false, staff_session_get,    NULL},
    {HTTP_DELETE, "/api/v1/staff/session",  API_STAFF,   false, staff_session_delete, NULL},
    {HTTP_PUT,    "/api/v1/staff/password", API_STAFF,   true,  staff_password_put,   NULL},
};
/* clang-format on */

static void
authorization_drain(void *service, unsigned timeout_ms)
{
    struct authorization *authorization = service;
    api_drain(authorization->api, timeout_ms);
    if (authorization->threads_started) {
        (void)pthread_join(authorization->reader, NULL);
        (void)pthread_join(authorization->counter, NULL);
    }
    authorization->threads_started = false;
}

static void
authorization_stop(void *service)
{
    struct authorization *authorization = service;
    api_close(authorization->api);
    kafka_producer_close(authorization->producer);
    free(authorization);
}

static enum err_code
secrets_read(struct authorization *authorization, struct err *err)
{
    const struct authorization_conf *conf = authorization->conf;
    enum err_code code =
        secret_file_read("secret file", conf->wechat_secret_file, authorization->wechat_secret,
                         sizeof authorization->wechat_secret, err);
    if (code == ERR_OK)
        code = secret_file_read("secret file", conf->wechat_h5_secret_file,
                                authorization->h5_secret, sizeof authorization->h5_secret, err);
    authorization->wechat = (struct wechat_conf){
        .base_url = conf->wechat_base_url,
        .appid = conf->wechat_appid,
        .secret = authorization->wechat_secret,
        .h5_appid = conf->wechat_h5_appid,
        .h5_secret = authorization->h5_secret,
    };
    return code;
}

static enum err_code
connections_open(struct authorization *authorization, struct err *err)
{
    const struct runtime_conf *conf = &authorization->conf->runtime;
    const struct kafka_producer_conf producer = {
        .bootstrap = conf->kafka_bootstrap,
        .client_id = conf->instance,
        .linger_ms = 0,
        .delivery_timeout_ms = 4000,
        .queue_messages_max = DEAD_LETTER_QUEUE,
        .on_delivered = dead_letter_delivered,
    };
    const struct api_conf api = {
        .runtime = conf,
        .needs = NEED_PG | NEED_REDIS,
        .keyring = authorization->runtime->keyring,
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .service = authorization,
        .pg_statement_timeout_ms = STATEMENT_TIMEOUT_MS,
    };
    enum err_code code = kafka_producer_open(&producer, &authorization->producer, err);
    return code ? code : api_open(&api, &authorization->api, err);
}

static enum err_code
authorization_start(struct runtime *runtime, const void *conf, void **ret_service, struct err *err)
{
    struct authorization *authorization = mem_zalloc(sizeof *authorization);
    authorization->conf = conf;
    authorization->runtime = runtime;
    enum err_code code = secrets_read(authorization, err);
    if (code == ERR_OK)
        code = connections_open(authorization, err);
    if (code) {
        authorization_stop(authorization);
        return code;
    }
    health_add(runtime->health, "postgres", service_check_pg, (void *)(uintptr_t)runtime->conf);
    health_add(runtime->health, "redis", service_check_redis, (void *)(uintptr_t)runtime->conf);
    health_add(runtime->health, "kafka", service_check_kafka, (void *)(uintptr_t)runtime->conf);
    if (pthread_create(&authorization->reader, NULL, identity_reader, authorization) != 0 ||
        pthread_create(&authorization->counter, NULL, session_counter, authorization) != 0)
        abort();
    authorization->threads_started = true;
    *ret_service = authorization;
    return ERR_OK;
}

const struct service authorization_service = {
    .program = &authorization_program,
    .routes = routes,
    .route_count = sizeof routes / sizeof routes[0],
    .start = authorization_start,
    .drain = authorization_drain,
    .stop = authorization_stop,
};
