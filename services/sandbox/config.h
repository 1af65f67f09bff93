/* Options of the sandbox: one row each in config.c. */
#pragma once

#include "runtime/option.h"

struct sandbox_conf {
    struct runtime_conf runtime; /* first */
    const char *wechat_appid;
    const char *wechat_secret_file;
    const char *wechat_h5_appid;
    const char *wechat_h5_secret_file;
    const char *sms_secret_id;
    const char *sms_secret_key_file;
    const char *sms_sdk_app_id;
    const char *sms_template_id;
    const char *sms_sign_name;
    const char *wechat_templates;
    const char *sms_notice_templates;
    const char *sent_log;
};

extern const struct program sandbox_program;
