/* Notification's wiring: the reader that makes notices, the senders, the scanner, and the calls by
 * which a student agrees to messages. */
#pragma once

#include <pthread.h>

#include "io/kafka.h"
#include "io/platform_sms.h"
#include "io/platform_wechat.h"
#include "runtime/api.h"
#include "runtime/service.h"
#include "services/notification/config.h"
#include "services/notification/domain.h"

enum { SENDERS_MAX = 16, REMIND_DAYS_MAX = 8 };

struct notification {
    const struct notification_conf *conf;
    struct runtime *runtime;
    struct wechat_conf wechat;
    struct sms_conf sms;
    char wechat_secret[128];
    char sms_secret[128];
    struct notice_policy policy;
    const char *wechat_template[NOTICE_TEMPLATE_COUNT_];
    struct str wechat_field[NOTICE_TEMPLATE_COUNT_][NOTICE_VALUES_MAX];
    const char *sms_template[NOTICE_TEMPLATE_COUNT_];
    unsigned remind_days[REMIND_DAYS_MAX]; /* the most days first */
    size_t remind_count;
    struct api *api;
    struct kafka_producer *producer; /* dead letters only */
    pthread_t threads[SENDERS_MAX + 2];
    size_t thread_count;
};

extern const struct service notification_service;

/* Handlers. */
void consents_get(struct api_call *call);
void consents_post(struct api_call *call);

/* Threads' functions, until the service stops: reads the topics and makes notices; sends; looks for
 * windows that close, for notices whose sender died, and how many wait. */
void *notice_reader(void *notification);
void *notice_sender(void *notification);
void *notice_scanner(void *notification);
/* The producer's report of a dead letter. */
void dead_letter_delivered(void *message_ctx, enum err_code code, int32_t partition, int64_t offset,
                           void *ctx);
