#include "services/office/service.h"

#include <stdlib.h>

enum { STATEMENT_TIMEOUT_MS = 5000 };

/* clang-format off */
static const struct api_route routes[] = {
    {HTTP_GET,  "/api/v1/report",                API_SESSION, false, report_get,      NULL},
    {HTTP_POST, "/api/v1/report/withdrawal",     API_SESSION, false, withdrawal_post, NULL},
    {HTTP_GET,  "/api/v1/office/reviews",        API_STAFF,   false, reviews_get,     NULL},
    {HTTP_POST, "/api/v1/office/reviews",        API_STAFF,   true,  reviews_post,    NULL},
    {HTTP_GET,  "/api/v1/office/reviews/{id}",   API_STAFF,   false, review_get,      NULL},
    {HTTP_GET,  "/api/v1/office/review-reasons", API_STAFF,   false, reasons_get,     NULL},
    {HTTP_POST, "/api/v1/office/reports",        API_STAFF,   false, reports_post,    NULL},
    {HTTP_GET,  "/api/v1/office/progress",       API_STAFF,   false, progress_get,    NULL},
    {HTTP_GET,  "/api/v1/office/appeals",        API_STAFF,   false, appeals_get,     NULL},
    {HTTP_GET,  "/api/v1/office/appeals/{id}",   API_STAFF,   false, appeal_get,      NULL},
    {HTTP_POST, "/api/v1/office/appeals/{id}/decision", API_STAFF, true, appeal_decide_post, NULL},
};
/* clang-format on */

static void
office_drain(void *service, unsigned timeout_ms)
{
    struct office *office = service;
    api_drain(office->api, timeout_ms);
}

static void
office_stop(void *service)
{
    struct office *office = service;
    api_close(office->api);
    relay_close(office->relay);
    free(office);
}

static enum err_code
office_start(struct runtime *runtime, const void *conf, void **ret_service, struct err *err)
{
    struct office *office = mem_zalloc(sizeof *office);
    office->conf = conf;
    office->runtime = runtime;
    const struct api_conf api = {
        .runtime = runtime->conf,
        .needs = NEED_PG | NEED_REDIS,
        .keyring = runtime->keyring,
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .service = office,
        .pg_statement_timeout_ms = STATEMENT_TIMEOUT_MS,
    };
    const struct relay_conf relay = {
        .runtime = runtime->conf,
        .source = "/office",
        .take = store_outbox_take,
        .done = store_outbox_done,
        .forget = store_outbox_forget,
    };
    enum err_code code = relay_open(&relay, &office->relay, err);
    if (code == ERR_OK)
        code = api_open(&api, &office->api, err);
    if (code) {
        office_stop(office);
        return code;
    }
    health_add(runtime->health, "postgres", service_check_pg, (void *)(uintptr_t)runtime->conf);
    health_add(runtime->health, "redis", service_check_redis, (void *)(uintptr_t)runtime->conf);
    health_add(runtime->health, "kafka", service_check_kafka, (void *)(uintptr_t)runtime->conf);
    *ret_service = office;
    return ERR_OK;
}

const struct service office_service = {
    .program = &office_program,
    .routes = routes,
    .route_count = sizeof routes / sizeof routes[0],
    .start = office_start,
    .drain = office_drain,
    .stop = office_stop,
};
