/* Options of notification: one row each in config.c. */
#pragma once

#include "runtime/option.h"

struct notification_conf {
    struct runtime_conf runtime; /* first */
    const char *group;
    const char *wechat_base_url;
    const char *wechat_appid;
    const char *wechat_secret_file;
    const char *wechat_page;
    const char *wechat_template_result;
    const char *wechat_fields_result;
    const char *wechat_template_application;
    const char *wechat_fields_application;
    const char *wechat_template_closing;
    const char *wechat_fields_closing;
    const char *sms_base_url;
    const char *sms_secret_id;
    const char *sms_secret_key_file;
    const char *sms_sdk_app_id;
    const char *sms_sign_name;
    const char *sms_region;
    const char *sms_notice_result;
    const char *sms_notice_application;
    const char *sms_notice_closing;
    const char *sms_kinds;
    uint64_t sms_notice_day_max;
    uint64_t sms_number_day_max;
    uint64_t wechat_day_max;
    uint64_t recipient_day_max;
    uint64_t quiet_from_h;
    uint64_t quiet_to_h;
    uint64_t deadline_h;
    uint64_t retry_min_s;
    uint64_t senders;
    const char *remind_days;
    uint64_t scan_period_s;
};

extern const struct program notification_program;
