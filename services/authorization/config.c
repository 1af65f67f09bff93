#include "services/authorization/config.h"

/* clang-format off */
static const struct option_row rows[] = {
    OPTION_TEXT_ROW(struct authorization_conf, wechat_base_url, "wechat-base-url", "https://api.weixin.qq.com", "where WeChat's API is"),
    OPTION_TEXT_ROW(struct authorization_conf, wechat_appid, "wechat-appid", NULL, "appid of the mini-program"),
    OPTION_TEXT_ROW(struct authorization_conf, wechat_secret_file, "wechat-secret-file", NULL, "file with the mini-program's secret, mode 0400"),
    OPTION_TEXT_ROW(struct authorization_conf, wechat_h5_appid, "wechat-h5-appid", NULL, "appid of the public account (H5)"),
    OPTION_TEXT_ROW(struct authorization_conf, wechat_h5_secret_file, "wechat-h5-secret-file", NULL, "file with the public account's secret, mode 0400"),
    OPTION_TEXT_ROW(struct authorization_conf, consent_version, "consent-version", NULL, "version of the notice a student must have agreed to"),
    OPTION_UINT_ROW(struct authorization_conf, session_absolute_s, "session-absolute-s", "43200", 60, 604800, "seconds after log-in that a session ends however much it is used"),
    OPTION_UINT_ROW(struct authorization_conf, staff_absolute_s, "staff-absolute-s", "28800", 60, 86400, "seconds after log-in that a session of staff ends however much it is used"),
    OPTION_WORD_ROW(struct authorization_conf, staff_cookie_secure, "staff-cookie-secure", "yes", "yes|no", "whether browsers may send the cookie of staff over TLS only; the production profile does not ask"),
};
/* clang-format on */

const struct program authorization_program = {
    .name = "sy-authorization",
    .summary = "exchanges the platform's code for a session; shows and ends sessions",
    .needs = NEED_HTTP | NEED_KAFKA | NEED_PG | NEED_REDIS | NEED_KEYS,
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .conf_size = sizeof(struct authorization_conf),
};
