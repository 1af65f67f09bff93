/*
 * Tencent Cloud SMS (SendSms, version 2021-01-11) with the TC3-HMAC-SHA256 signature, as published
 * (cloud.tencent.com/document/product/382/55981). Success is judged per number. Keeps nothing.
 */
#pragma once

#include "io/http_client.h"

struct sms_conf {
    const char *base_url; /* "https://sms.tencentcloudapi.com" */
    const char *secret_id;
    const char *secret_key;
    const char *sdk_app_id;
    const char *template_id;        /* one parameter: the code */
    const char *template_id_abroad; /* for numbers that begin with "+"; empty or NULL: the same */
    const char *sign_name;
    const char *region;
};

enum sms_outcome {
    SMS_SENT,
    SMS_LIMITED,      /* this number got too many: try later */
    SMS_NUMBER,       /* this number cannot be reached by SMS */
    SMS_BUSY,         /* the platform says that it could not */
    SMS_MAYBE_SENT,   /* no answer, or none that can be read: the message may arrive */
    SMS_MISCONFIGURED /* signature, template, rights: the operator's */
};
const char *sms_outcome_name(enum sms_outcome outcome);
/* The row of a published code, by its longest prefix; unknown ones are SMS_BUSY. */
enum sms_outcome sms_code_outcome(struct str code);

/* Sends `digits` to a mainland number, or to one that begins with "+". now_s: seconds since 1970,
 * within 5 minutes of theirs. */
enum sms_outcome sms_send_code(struct http_client *client, const struct sms_conf *conf,
                               struct str phone, struct str digits, int64_t now_s,
                               struct arena *arena);

/* Those need templates of their own. */
bool sms_phone_abroad(struct str phone);
/* Any template with its parameters. SMS_BUSY also when no connection came about: nothing was sent.
 */
struct sms_message {
    const char *template_id;
    struct str phone; /* mainland, 11 digits; or with + and a country's code */
    const struct str *params;
    size_t param_count;
};
enum sms_outcome sms_message_send(struct http_client *client, const struct sms_conf *conf,
                                  const struct sms_message *message, int64_t now_s,
                                  struct arena *arena);

/* The signature itself. */
struct tc3_request {
    const char *service; /* "sms" */
    const char *host;
    const char *content_type;
    struct str payload;
    int64_t timestamp_s;
};
/* Value of the Authorization field, signed headers content-type;host. */
struct str tc3_authorization(const char *secret_id, const char *secret_key,
                             const struct tc3_request *request, struct arena *arena);
