#include "services/binding/config.h"

/* clang-format off */
static const struct option_row rows[] = {
    OPTION_TEXT_ROW(struct binding_conf, wechat_base_url, "wechat-base-url", "https://api.weixin.qq.com", "where WeChat's API is"),
    OPTION_TEXT_ROW(struct binding_conf, wechat_appid, "wechat-appid", NULL, "appid of the mini-program"),
    OPTION_TEXT_ROW(struct binding_conf, wechat_secret_file, "wechat-secret-file", NULL, "file with the mini-program's secret, mode 0400"),
    OPTION_TEXT_ROW(struct binding_conf, sms_base_url, "sms-base-url", "https://sms.tencentcloudapi.com", "where the SMS API is"),
    OPTION_TEXT_ROW(struct binding_conf, sms_secret_id, "sms-secret-id", NULL, "SecretId of the SMS account"),
    OPTION_TEXT_ROW(struct binding_conf, sms_secret_key_file, "sms-secret-key-file", NULL, "file with the SecretKey of the SMS account, mode 0400"),
    OPTION_TEXT_ROW(struct binding_conf, sms_sdk_app_id, "sms-sdk-app-id", NULL, "SmsSdkAppId"),
    OPTION_TEXT_ROW(struct binding_conf, sms_template_id, "sms-template-id", NULL, "template with one parameter, the code"),
    OPTION_TEXT_ROW(struct binding_conf, sms_template_id_abroad, "sms-template-id-abroad", "", "the same for numbers of Hong Kong, Macao and Taiwan, whose templates are approved apart; empty: the one above"),
    OPTION_TEXT_ROW(struct binding_conf, sms_sign_name, "sms-sign-name", NULL, "approved signature"),
    OPTION_TEXT_ROW(struct binding_conf, sms_region, "sms-region", "ap-guangzhou", "region of the SMS service"),
    OPTION_UINT_ROW(struct binding_conf, sms_day_max, "sms-day-max", "200000", 1, 100000000, "messages a day in all: what somebody with many accounts could cost"),
    OPTION_TEXT_ROW(struct binding_conf, consent_version, "consent-version", NULL, "version of the face-check notice a student must have agreed to"),
};
/* clang-format on */

const struct program binding_program = {
    .name = "sy-binding",
    .summary = "face check, phone codes, and binding a person to the school roll",
    .needs = NEED_HTTP | NEED_KAFKA | NEED_PG | NEED_REDIS | NEED_KEYS,
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .conf_size = sizeof(struct binding_conf),
};
