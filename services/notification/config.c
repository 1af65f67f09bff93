#include "services/notification/config.h"

/* clang-format off */
static const struct option_row rows[] = {
    OPTION_TEXT_ROW(struct notification_conf, group, "group", "notification", "Kafka consumer group; copies of one group share the work"),
    OPTION_TEXT_ROW(struct notification_conf, wechat_base_url, "wechat-base-url", "https://api.weixin.qq.com", "where WeChat's API is"),
    OPTION_TEXT_ROW(struct notification_conf, wechat_appid, "wechat-appid", NULL, "appid of the mini-program"),
    OPTION_TEXT_ROW(struct notification_conf, wechat_secret_file, "wechat-secret-file", NULL, "file with the mini-program's secret, mode 0400"),
    OPTION_TEXT_ROW(struct notification_conf, wechat_page, "wechat-page", "pages/index/index", "page of the mini-program that a message opens"),
    OPTION_TEXT_ROW(struct notification_conf, wechat_template_result, "wechat-template-result", "", "subscribe template for judgement, return and approval; empty: not told by WeChat"),
    OPTION_TEXT_ROW(struct notification_conf, wechat_fields_result, "wechat-fields-result", "thing1,phrase2,time3,thing4", "its places in the order subject, result, time, remark"),
    OPTION_TEXT_ROW(struct notification_conf, wechat_template_application, "wechat-template-application", "", "subscribe template for decided applications; empty: not told by WeChat"),
    OPTION_TEXT_ROW(struct notification_conf, wechat_fields_application, "wechat-fields-application", "thing1,phrase2,time3,thing4", "its places in the order subject, result, time, remark"),
    OPTION_TEXT_ROW(struct notification_conf, wechat_template_closing, "wechat-template-closing", "", "subscribe template for windows that close; empty: not told by WeChat"),
    OPTION_TEXT_ROW(struct notification_conf, wechat_fields_closing, "wechat-fields-closing", "thing1,time2,thing3", "its places in the order subject, time, remark"),
    OPTION_TEXT_ROW(struct notification_conf, sms_base_url, "sms-base-url", "https://sms.tencentcloudapi.com", "where the SMS API is"),
    OPTION_TEXT_ROW(struct notification_conf, sms_secret_id, "sms-secret-id", NULL, "SecretId of the SMS account"),
    OPTION_TEXT_ROW(struct notification_conf, sms_secret_key_file, "sms-secret-key-file", NULL, "file with the SecretKey of the SMS account, mode 0400"),
    OPTION_TEXT_ROW(struct notification_conf, sms_sdk_app_id, "sms-sdk-app-id", NULL, "SmsSdkAppId"),
    OPTION_TEXT_ROW(struct notification_conf, sms_sign_name, "sms-sign-name", NULL, "approved signature"),
    OPTION_TEXT_ROW(struct notification_conf, sms_region, "sms-region", "ap-guangzhou", "region of the SMS service"),
    OPTION_TEXT_ROW(struct notification_conf, sms_notice_result, "sms-notice-result", "", "SMS template with subject and result; a second one behind a comma is for numbers abroad; empty: no SMS"),
    OPTION_TEXT_ROW(struct notification_conf, sms_notice_application, "sms-notice-application", "", "SMS template with subject and result of an application, likewise"),
    OPTION_TEXT_ROW(struct notification_conf, sms_notice_closing, "sms-notice-closing", "", "SMS template with campaign and closing time, likewise"),
    OPTION_TEXT_ROW(struct notification_conf, sms_kinds, "sms-kinds", "rejected,returned,school_approved,decided,window_closing", "kinds that are worth an SMS when WeChat cannot tell them"),
    OPTION_UINT_ROW(struct notification_conf, sms_notice_day_max, "sms-notice-day-max", "200000", 1, 100000000, "notices by SMS a day in all"),
    OPTION_UINT_ROW(struct notification_conf, sms_number_day_max, "sms-number-day-max", "1", 1, 100, "notices by SMS a day to one number; the platform's default is 2 messages, and a code needs one"),
    OPTION_UINT_ROW(struct notification_conf, wechat_day_max, "wechat-day-max", "10000000", 1, 100000000, "subscribe messages a day in all; the platform's limit"),
    OPTION_UINT_ROW(struct notification_conf, recipient_day_max, "recipient-day-max", "10", 1, 1000, "notices a day to one person by whatever channel"),
    OPTION_UINT_ROW(struct notification_conf, quiet_from_h, "quiet-from-h", "22", 0, 23, "hour of China's day from which only what is urgent is sent"),
    OPTION_UINT_ROW(struct notification_conf, quiet_to_h, "quiet-to-h", "8", 0, 23, "hour at which the rest is sent; the same as quiet-from-h: at any time"),
    OPTION_UINT_ROW(struct notification_conf, deadline_h, "deadline-h", "72", 1, 720, "hours after the event until which a notice is tried; then it is listed as failed"),
    OPTION_UINT_ROW(struct notification_conf, retry_min_s, "retry-min-s", "30", 1, 3600, "seconds to the second try; each further wait is twice as long, an hour at most"),
    OPTION_UINT_ROW(struct notification_conf, senders, "senders", "2", 0, 16, "threads that send, each one notice at a time; 0: this copy only makes notices"),
    OPTION_TEXT_ROW(struct notification_conf, remind_days, "remind-days", "7,3,1", "days before a window closes on which those without an accepted submission are told; the last is told at any hour"),
    OPTION_UINT_ROW(struct notification_conf, scan_period_s, "scan-period-s", "600", 1, 86400, "seconds between two looks for windows that close"),
};
/* clang-format on */

const struct program notification_program = {
    .name = "sy-notification",
    .summary = "tells students what happened, by WeChat and SMS, once each",
    .needs = NEED_HTTP | NEED_KAFKA | NEED_PG | NEED_REDIS | NEED_KEYS,
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .conf_size = sizeof(struct notification_conf),
};
