/* Tencent Cloud SMS, and the inbox that takes the place of telephones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "io/crypto.h"
#include "schema/person.h"
#include "services/sandbox/state.h"

#define MAINLAND STR("+86")
enum { SIGNATURE_WINDOW_S = 300 };

static unsigned
sms_error(struct sandbox_call *call, const char *code, const char *text)
{
    struct jsonw w = jsonw_on(call->out);
    jsonw_object_open(&w);
    jsonw_key(&w, "Response");
    jsonw_object_open(&w);
    jsonw_key(&w, "Error");
    jsonw_object_open(&w);
    jsonw_member_text(&w, "Code", code);
    jsonw_member_text(&w, "Message", text);
    jsonw_object_close(&w);
    jsonw_member_text(&w, "RequestId", "sandbox");
    jsonw_object_close(&w);
    jsonw_object_close(&w);
    return 200;
}

/* 0 when signature, time, action and version are right. */
static unsigned
sms_refused(struct sandbox_call *call)
{
    const struct sandbox *sandbox = call->sandbox;
    uint64_t timestamp = 0;
    if (!str_eq(http_request_header(call->request, "X-TC-Action"), STR("SendSms")))
        return sms_error(call, "InvalidAction", "action is not SendSms");
    if (!str_eq(http_request_header(call->request, "X-TC-Version"), STR("2021-01-11")))
        return sms_error(call, "NoSuchVersion", "version is not 2021-01-11");
    if (http_request_header(call->request, "X-TC-Region").len == 0)
        return sms_error(call, "MissingParameter", "region is missing");
    if (!str_to_u64(http_request_header(call->request, "X-TC-Timestamp"), INT64_MAX, &timestamp))
        return sms_error(call, "AuthFailure.SignatureFailure", "timestamp is missing");
    int64_t age_s = clock_now_ms() / 1000 - (int64_t)timestamp;
    if (age_s > SIGNATURE_WINDOW_S || age_s < -SIGNATURE_WINDOW_S)
        return sms_error(call, "AuthFailure.SignatureExpire", "timestamp is too far away");
    struct str host = http_request_header(call->request, "Host");
    struct str type = http_request_header(call->request, "Content-Type");
    const struct tc3_request tc3 = {"sms", arena_copy(call->arena, host).ptr,
                                    arena_copy(call->arena, type).ptr,
                                    http_request_body(call->request), (int64_t)timestamp};
    struct str expected =
        tc3_authorization(sandbox->conf->sms_secret_id, sandbox->secrets->sms, &tc3, call->arena);
    if (!crypto_equal(expected, http_request_header(call->request, "Authorization")))
        return sms_error(call, "AuthFailure.SignatureFailure", "signature does not match");
    return 0;
}

static const char *
number_status(struct str number)
{
    if (str_starts(number, MAINLAND) &&
        phone_mainland_valid((struct str){number.ptr + MAINLAND.len, number.len - MAINLAND.len}))
        return "Ok";
    return phone_abroad_valid(number) ? "Ok" : "InvalidParameterValue.IncorrectPhoneNumber";
}

/* Before the sender is answered: what was answered is in the file, whatever happens to us. */
static void
message_note(const struct sandbox *sandbox, const struct message *message)
{
    char time[CLOCK_RFC3339_SIZE];
    struct buf line;
    if (sandbox->sent_fd < 0)
        return;
    buf_init(&line, LIMIT_MESSAGE);
    struct jsonw w = jsonw_on(&line);
    jsonw_object_open(&w);
    jsonw_member_text(&w, "time", clock_format_rfc3339(message->time_ms, time));
    jsonw_member_text(&w, "phone", message->phone);
    jsonw_member_text(&w, "code", message->code);
    jsonw_object_close(&w);
    buf_add_text(&line, "\n");
    struct str text = buf_str(&line);
    if (write(sandbox->sent_fd, text.ptr, text.len) != (ssize_t)text.len)
        abort(); /* a record that lacks messages is worse than none */
    buf_done(&line);
}

/* As people write it: a mainland number without its country's code. */
static struct str
phone_of(struct str number)
{
    size_t length = str_starts(number, MAINLAND) ? MAINLAND.len : 0;
    return (struct str){number.ptr + length, number.len - length};
}

/* The code alone is in the file: it is what must not be sent twice. */
static void
code_keep(struct sandbox *sandbox, struct str number, struct str code, struct str template_id)
{
    struct message message = {.time_ms = clock_now_ms()};
    sandbox_copy(message.phone, sizeof message.phone, phone_of(number));
    sandbox_copy(message.code, sizeof message.code, code);
    sandbox_copy(message.template_id, sizeof message.template_id, template_id);
    (void)snprintf(message.text, sizeof message.text,
                   "【%s】验证码 %s，5 分钟内有效，请勿告诉他人。", sandbox->conf->sms_sign_name,
                   message.code);
    message_note(sandbox, &message);
    inbox_keep(sandbox, &message);
}

static void
notice_keep(struct sandbox_call *call, struct str number, const struct json *params,
            struct str template_id)
{
    struct sandbox *sandbox = call->sandbox;
    struct message message = {.time_ms = clock_now_ms()};
    struct str text = arena_printf(call->arena, "【%s】", sandbox->conf->sms_sign_name);
    for (const struct json *one = json_first(params); one; one = json_next(one))
        text = arena_printf(call->arena, "%.*s%.*s%s", STR_ARG(text), STR_ARG(json_str(one)),
                            json_next(one) ? "：" : "。");
    sandbox_copy(message.phone, sizeof message.phone, phone_of(number));
    sandbox_copy(message.template_id, sizeof message.template_id, template_id);
    sandbox_copy(message.text, sizeof message.text, text);
    inbox_keep(sandbox, &message);
}

/* What becomes of a notice to numbers that begin like this (codes always arrive): so that tests can
 * drive every answer. */
static const struct failure {
    const char *prefix;
    const char *code; /* NULL: it arrives, and the sender is not told */
} failures[] = {
    {"+861660", "FailedOperation.PhoneNumberInBlacklist"},
    {"+861661", "LimitExceeded.PhoneNumberDailyLimit"},
    {"+861662", "InternalError.Timeout"},
    {"+861663", NULL},
};

static const struct failure *
failure_of(struct str number)
{
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
        if (str_starts(number, str_of(failures[i].prefix)))
            return &failures[i];
    return NULL;
}

unsigned
sms_send(struct sandbox_call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct err err = {0};
    CLEANUP(json_doc_free) struct json_doc *doc = NULL;
    if (http_request_method(call->request) != HTTP_POST)
        return 405;
    unsigned refused = sms_refused(call);
    if (refused)
        return refused;
    if (json_parse(http_request_body(call->request), &doc, &err))
        return sms_error(call, "InvalidParameter", "body is not JSON");
    const struct json *numbers = json_get(json_root(doc), "PhoneNumberSet");
    const struct json *params = json_get(json_root(doc), "TemplateParamSet");
    struct str code = json_str(json_first(params));
    if (json_first(numbers) == NULL)
        return sms_error(call, "MissingParameter", "PhoneNumberSet is missing");
    if (!str_eq_text(sandbox_member(doc, "SmsSdkAppId"), sandbox->conf->sms_sdk_app_id))
        return sms_error(call, "UnauthorizedOperation.SmsSdkAppIdVerifyFail", "SmsSdkAppId");
    if (!str_eq_text(sandbox_member(doc, "SignName"), sandbox->conf->sms_sign_name))
        return sms_error(call, "FailedOperation.SignatureIncorrectOrUnapproved", "SignName");
    struct str template_id = sandbox_member(doc, "TemplateId");
    bool notice = sandbox_listed(sandbox->conf->sms_notice_templates, template_id);
    bool is_code = str_eq_text(template_id, sandbox->conf->sms_template_id) && code.len <= 6 &&
                   str_is_digits(code);
    if (!notice && !is_code)
        return sms_error(call, "FailedOperation.TemplateIncorrectOrUnapproved", "TemplateId");
    bool lost = false;
    struct jsonw w = jsonw_on(call->out);
    jsonw_object_open(&w);
    jsonw_key(&w, "Response");
    jsonw_object_open(&w);
    jsonw_key(&w, "SendStatusSet");
    jsonw_array_open(&w);
    size_t count = 0;
    for (const struct json *n = json_first(numbers); n && count < 200; n = json_next(n), count++) {
        const struct failure *failure = notice ? failure_of(json_str(n)) : NULL;
        const char *status = failure && failure->code ? failure->code : number_status(json_str(n));
        lost = lost || (failure && failure->code == NULL);
        if (strcmp(status, "Ok") != 0)
            ; /* it does not arrive */
        else if (notice)
            notice_keep(call, json_str(n), params, template_id);
        else
            code_keep(sandbox, json_str(n), code, template_id);
        jsonw_object_open(&w);
        jsonw_member_text(&w, "SerialNo", "sandbox");
        jsonw_member(&w, "PhoneNumber", json_str(n));
        jsonw_member_int(&w, "Fee", 1);
        jsonw_member_text(&w, "SessionContext", "");
        jsonw_member_text(&w, "Code", status);
        jsonw_member_text(&w, "Message", "send success");
        jsonw_member_text(&w, "IsoCode", "CN");
        jsonw_object_close(&w);
    }
    jsonw_array_close(&w);
    jsonw_member_text(&w, "RequestId", "sandbox");
    jsonw_object_close(&w);
    jsonw_object_close(&w);
    return lost ? 500 : 200;
}
