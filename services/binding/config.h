/* Options of binding: one row each in config.c. */
#pragma once

#include "runtime/option.h"

struct binding_conf {
    struct runtime_conf runtime; /* first */
    const char *wechat_base_url;
    const char *wechat_appid;
    const char *wechat_secret_file;
    const char *sms_base_url;
    const char *sms_secret_id;
    const char *sms_secret_key_file;
    const char *sms_sdk_app_id;
    const char *sms_template_id;
    const char *sms_template_id_abroad;
    const char *sms_sign_name;
    const char *sms_region;
    uint64_t sms_day_max;
    const char *consent_version;
};

extern const struct program binding_program;
