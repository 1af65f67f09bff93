/* Options of authorization: one row each in config.c. */
#pragma once

#include "runtime/option.h"

struct authorization_conf {
    struct runtime_conf runtime; /* first */
    const char *wechat_base_url;
    const char *wechat_appid;
    const char *wechat_secret_file;
    const char *wechat_h5_appid;
    const char *wechat_h5_secret_file;
    const char *consent_version;
    uint64_t session_absolute_s;
    uint64_t staff_absolute_s;
    const char *staff_cookie_secure;
};

extern const struct program authorization_program;
