#include "services/sandbox/config.h"

/* clang-format off */
static const struct option_row rows[] = {
    OPTION_TEXT_ROW(struct sandbox_conf, wechat_appid, "wechat-appid", "wx0000000000000001", "appid of the mini-program"),
    OPTION_TEXT_ROW(struct sandbox_conf, wechat_secret_file, "wechat-secret-file", NULL, "file with the mini-program's secret, mode 0400"),
    OPTION_TEXT_ROW(struct sandbox_conf, wechat_h5_appid, "wechat-h5-appid", "wx0000000000000002", "appid of the public account (H5)"),
    OPTION_TEXT_ROW(struct sandbox_conf, wechat_h5_secret_file, "wechat-h5-secret-file", NULL, "file with the public account's secret, mode 0400"),
    OPTION_TEXT_ROW(struct sandbox_conf, sms_secret_id, "sms-secret-id", "AKIDdemo", "SecretId of the SMS account"),
    OPTION_TEXT_ROW(struct sandbox_conf, sms_secret_key_file, "sms-secret-key-file", NULL, "file with the SecretKey of the SMS account, mode 0400"),
    OPTION_TEXT_ROW(struct sandbox_conf, sms_sdk_app_id, "sms-sdk-app-id", "1400000001", "SmsSdkAppId"),
    OPTION_TEXT_ROW(struct sandbox_conf, sms_template_id, "sms-template-id", "1000001", "template with one parameter, the code"),
    OPTION_TEXT_ROW(struct sandbox_conf, sms_sign_name, "sms-sign-name", "生源上报", "approved signature"),
    OPTION_TEXT_ROW(struct sandbox_conf, wechat_templates, "wechat-templates", "demo-result,demo-application,demo-closing", "approved subscribe templates"),
    OPTION_TEXT_ROW(struct sandbox_conf, sms_notice_templates, "sms-notice-templates", "1000002,1000003,1000004", "approved templates besides that of the code"),
    OPTION_TEXT_ROW(struct sandbox_conf, sent_log, "sent-log", "", "append every message to this file (it is written, not a secret read) as a JSON line; it outlives the inbox"),
};
/* clang-format on */

const struct program sandbox_program = {
    .name = "sy-sandbox",
    .summary = "stands in for WeChat and Tencent SMS on one machine; never for production",
    .needs = NEED_HTTP,
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .conf_size = sizeof(struct sandbox_conf),
};
