#include "services/notification/service.h"

#include <stdlib.h>

#include "io/secret_file.h"

enum { STATEMENT_TIMEOUT_MS = 3000, DEAD_LETTER_QUEUE = 1000, REMIND_DAYS_LIMIT = 365 };

/* clang-format off */
static const struct api_route routes[] = {
    {HTTP_GET,  "/api/v1/notice-consents", API_SESSION, false, consents_get,  NULL},
    {HTTP_POST, "/api/v1/notice-consents", API_SESSION, true,  consents_post, NULL},
};
/* clang-format on */

static void
notification_drain(void *service, unsigned timeout_ms)
{
    struct notification *notification = service;
    api_drain(notification->api, timeout_ms);
    for (size_t i = 0; i < notification->thread_count; i++)
        (void)pthread_join(notification->threads[i], NULL);
    notification->thread_count = 0;
}

static void
notification_stop(void *service)
{
    struct notification *notification = service;
    api_close(notification->api);
    kafka_producer_close(notification->producer);
    free(notification);
}

static enum err_code
platforms_read(struct notification *notification, struct err *err)
{
    const struct notification_conf *conf = notification->conf;
    enum err_code code =
        secret_file_read("secret file", conf->wechat_secret_file, notification->wechat_secret,
                         sizeof notification->wechat_secret, err);
    if (code == ERR_OK)
        code = secret_file_read("secret file", conf->sms_secret_key_file, notification->sms_secret,
                                sizeof notification->sms_secret, err);
    notification->wechat = (struct wechat_conf){
        .base_url = conf->wechat_base_url,
        .appid = conf->wechat_appid,
        .secret = notification->wechat_secret,
    };
    notification->sms = (struct sms_conf){
        .base_url = conf->sms_base_url,
        .secret_id = conf->sms_secret_id,
        .secret_key = notification->sms_secret,
        .sdk_app_id = conf->sms_sdk_app_id,
        .template_id = "",
        .sign_name = conf->sms_sign_name,
        .region = conf->sms_region,
    };
    return code;
}

static enum err_code
templates_read(struct notification *notification, struct err *err)
{
    const struct notification_conf *conf = notification->conf;
    const struct {
        const char *wechat;
        const char *fields;
        const char *sms;
    } rows[NOTICE_TEMPLATE_COUNT_] = {
        [NOTICE_RESULT] = {conf->wechat_template_result, conf->wechat_fields_result,
                           conf->sms_notice_result},
        [NOTICE_APPLICATION] = {conf->wechat_template_application, conf->wechat_fields_application,
                                conf->sms_notice_application},
        [NOTICE_CLOSING] = {conf->wechat_template_closing, conf->wechat_fields_closing,
                            conf->sms_notice_closing},
    };
    for (unsigned i = 0; i < NOTICE_TEMPLATE_COUNT_; i++) {
        if (!notice_fields_parse(str_of(rows[i].fields), (enum notice_template)i,
                                 notification->wechat_field[i]))
            return ERR(err, ERR_CONFIG,
                       "'%s' are not the %zu places of a template; HINT: wechat-fields-%s as "
                       "thing1,phrase2,…",
                       rows[i].fields, notice_templates[i].value_count, notice_templates[i].word);
        notification->wechat_template[i] = rows[i].wechat;
        notification->sms_template[i] = rows[i].sms;
        notification->policy.wechat_template[i] = rows[i].wechat[0] != '\0';
        notification->policy.sms_template[i] = rows[i].sms[0] != '\0';
    }
    return ERR_OK;
}

static enum err_code
policy_read(struct notification *notification, struct err *err)
{
    const struct notification_conf *conf = notification->conf;
    notification->policy.quiet_from_h = (unsigned)conf->quiet_from_h;
    notification->policy.quiet_to_h = (unsigned)conf->quiet_to_h;
    notification->policy.retry_min_s = (unsigned)conf->retry_min_s;
    if (!notice_sms_kinds_parse(str_of(conf->sms_kinds), &notification->policy))
        return ERR(err, ERR_CONFIG, "sms-kinds '%s' names an unknown kind", conf->sms_kinds);
    struct str rest = str_of(conf->remind_days);
    while (rest.len) {
        uint64_t days = 0;
        size_t count = notification->remind_count;
        if (count == REMIND_DAYS_MAX ||
            !str_to_u64(str_cut(&rest, ','), REMIND_DAYS_LIMIT, &days) || days == 0 ||
            (count && days >= notification->remind_days[count - 1]))
            return ERR(err, ERR_CONFIG, "remind-days '%s' is not a falling list of days",
                       conf->remind_days);
        notification->remind_days[notification->remind_count++] = (unsigned)days;
    }
    return ERR_OK;
}

static enum err_code
connections_open(struct notification *notification, struct err *err)
{
    const struct runtime_conf *conf = &notification->conf->runtime;
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
        .keyring = notification->runtime->keyring,
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .service = notification,
        .pg_statement_timeout_ms = STATEMENT_TIMEOUT_MS,
    };
    enum err_code code = kafka_producer_open(&producer, &notification->producer, err);
    return code ? code : api_open(&api, &notification->api, err);
}

static void
thread_start(struct notification *notification, void *(*run)(void *))
{
    if (pthread_create(&notification->threads[notification->thread_count++], NULL, run,
                       notification) != 0)
        abort();
}

static enum err_code
notification_start(struct runtime *runtime, const void *conf, void **ret_service, struct err *err)
{
    struct notification *notification = mem_zalloc(sizeof *notification);
    notification->conf = conf;
    notification->runtime = runtime;
    enum err_code code = platforms_read(notification, err);
    if (code == ERR_OK)
        code = templates_read(notification, err);
    if (code == ERR_OK)
        code = policy_read(notification, err);
    if (code == ERR_OK)
        code = connections_open(notification, err);
    if (code) {
        notification_stop(notification);
        return code;
    }
    health_add(runtime->health, "postgres", service_check_pg, (void *)(uintptr_t)runtime->conf);
    health_add(runtime->health, "redis", service_check_redis, (void *)(uintptr_t)runtime->conf);
    health_add(runtime->health, "kafka", service_check_kafka, (void *)(uintptr_t)runtime->conf);
    thread_start(notification, notice_reader);
    thread_start(notification, notice_scanner);
    for (uint64_t i = 0; i < notification->conf->senders; i++)
        thread_start(notification, notice_sender);
    *ret_service = notification;
    return ERR_OK;
}

const struct service notification_service = {
    .program = &notification_program,
    .routes = routes,
    .route_count = sizeof routes / sizeof routes[0],
    .start = notification_start,
    .drain = notification_drain,
    .stop = notification_stop,
};
