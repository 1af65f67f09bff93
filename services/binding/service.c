#include "services/binding/service.h"

#include <stdlib.h>

#include "io/image.h"
#include "io/secret_file.h"
#include "services/binding/store_pg.h"

enum { STATEMENT_TIMEOUT_MS = 3000 };
#define EVIDENCE_PATH "/api/v1/identity/appeals/{id}/evidence"

/* clang-format off */
static const struct api_route routes[] = {
    {HTTP_POST, "/api/v1/identity/verifications",                 API_SESSION, true,  verification_post,     NULL},
    {HTTP_POST, "/api/v1/identity/verifications/{id}/completion", API_SESSION, false, verification_complete, NULL},
    {HTTP_POST, "/api/v1/identity/phone-codes",                   API_SESSION, true,  phone_code_post,       NULL},
    {HTTP_POST, "/api/v1/identity/binding",                       API_SESSION, true,  binding_post,          NULL},
    {HTTP_GET,  "/api/v1/identity/binding",                       API_SESSION, false, binding_get,           NULL},
    {HTTP_PUT,  "/api/v1/identity/phone",                         API_SESSION, true,  phone_put,             NULL},
    {HTTP_POST, "/api/v1/identity/appeals",                       API_SESSION, true,  appeal_post,           NULL},
    {HTTP_GET,  "/api/v1/identity/appeals",                       API_SESSION, false, appeal_list,           NULL},
    {HTTP_GET,  "/api/v1/identity/appeals/{id}",                  API_SESSION, false, appeal_get,            NULL},
    {HTTP_POST, "/api/v1/identity/appeals/{id}/cancellation",     API_SESSION, false, appeal_cancel,         NULL},
    {HTTP_POST, "/api/v1/identity/appeals/{id}/evidence",         API_SESSION, false, evidence_post,         NULL},
    {HTTP_GET,  "/api/v1/identity/notices",                       API_SESSION, false, notice_get,            NULL},
    {HTTP_GET,  "/api/v1/me/export",                              API_SESSION, false, own_data_get,          NULL},
};
/* clang-format on */

static void
binding_drain(void *service, unsigned timeout_ms)
{
    struct binding *binding = service;
    api_drain(binding->api, timeout_ms);
    if (binding->reader_started)
        (void)pthread_join(binding->reader, NULL);
    binding->reader_started = false;
}

static void
binding_stop(void *service)
{
    struct binding *binding = service;
    api_close(binding->api);
    relay_close(binding->relay);
    free(binding);
}

static enum err_code
platforms_read(struct binding *binding, struct err *err)
{
    const struct binding_conf *conf = binding->conf;
    enum err_code code =
        secret_file_read("secret file", conf->wechat_secret_file, binding->wechat_secret,
                         sizeof binding->wechat_secret, err);
    if (code == ERR_OK)
        code = secret_file_read("secret file", conf->sms_secret_key_file, binding->sms_secret,
                                sizeof binding->sms_secret, err);
    binding->wechat = (struct wechat_conf){
        .base_url = conf->wechat_base_url,
        .appid = conf->wechat_appid,
        .secret = binding->wechat_secret,
    };
    binding->sms = (struct sms_conf){
        .base_url = conf->sms_base_url,
        .secret_id = conf->sms_secret_id,
        .secret_key = binding->sms_secret,
        .sdk_app_id = conf->sms_sdk_app_id,
        .template_id = conf->sms_template_id,
        .template_id_abroad = conf->sms_template_id_abroad,
        .sign_name = conf->sms_sign_name,
        .region = conf->sms_region,
    };
    return code;
}

static enum err_code
binding_start(struct runtime *runtime, const void *conf, void **ret_service, struct err *err)
{
    struct binding *binding = mem_zalloc(sizeof *binding);
    binding->conf = conf;
    binding->runtime = runtime;
    const struct api_conf api = {
        .runtime = runtime->conf,
        .needs = NEED_PG | NEED_REDIS,
        .keyring = runtime->keyring,
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .service = binding,
        .pg_statement_timeout_ms = STATEMENT_TIMEOUT_MS,
        .large_body_bytes_max = IMAGE_BYTES_MAX,
        .large_body_path = EVIDENCE_PATH,
    };
    const struct relay_conf relay = {
        .runtime = runtime->conf,
        .source = "/binding",
        .take = store_outbox_take,
        .done = store_outbox_done,
        .forget = store_outbox_forget,
    };
    enum err_code code = platforms_read(binding, err);
    if (code == ERR_OK)
        code = relay_open(&relay, &binding->relay, err);
    if (code == ERR_OK)
        code = api_open(&api, &binding->api, err);
    if (code) {
        binding_stop(binding);
        return code;
    }
    health_add(runtime->health, "postgres", service_check_pg, (void *)(uintptr_t)runtime->conf);
    health_add(runtime->health, "redis", service_check_redis, (void *)(uintptr_t)runtime->conf);
    health_add(runtime->health, "kafka", service_check_kafka, (void *)(uintptr_t)runtime->conf);
    if (pthread_create(&binding->reader, NULL, appeal_reader, binding) != 0)
        abort();
    binding->reader_started = true;
    *ret_service = binding;
    return ERR_OK;
}

const struct service binding_service = {
    .program = &binding_program,
    .routes = routes,
    .route_count = sizeof routes / sizeof routes[0],
    .start = binding_start,
    .drain = binding_drain,
    .stop = binding_stop,
};
