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
enum { INBOX_SHOWN_MAX = 50, SIGNATURE_WINDOW_S = 300 };

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

static void
message_keep(struct sandbox *sandbox, struct str number, struct str code, struct str template_id)
{
    (void)pthread_mutex_lock(&sandbox->lock);
    struct message *message = &sandbox->messages[sandbox->message_count++ % INBOX_MAX];
    *message = (struct message){.time_ms = clock_now_ms()};
    size_t code_length = str_starts(number, MAINLAND) ? MAINLAND.len : 0;
    sandbox_copy(message->phone, sizeof message->phone,
                 (struct str){number.ptr + code_length, number.len - code_length});
    sandbox_copy(message->code, sizeof message->code, code);
    sandbox_copy(message->template_id, sizeof message->template_id, template_id);
    (void)snprintf(message->text, sizeof message->text,
                   "【%s】验证码 %s，5 分钟内有效，请勿告诉他人。", sandbox->conf->sms_sign_name,
                   message->code);
    message_note(sandbox, message);
    (void)pthread_mutex_unlock(&sandbox->lock);
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
    if (!str_eq_text(sandbox_member(doc, "TemplateId"), sandbox->conf->sms_template_id) ||
        code.len > 6 || !str_is_digits(code))
        return sms_error(call, "FailedOperation.TemplateIncorrectOrUnapproved", "TemplateId");
    struct jsonw w = jsonw_on(call->out);
    jsonw_object_open(&w);
    jsonw_key(&w, "Response");
    jsonw_object_open(&w);
    jsonw_key(&w, "SendStatusSet");
    jsonw_array_open(&w);
    size_t count = 0;
    for (const struct json *n = json_first(numbers); n && count < 200; n = json_next(n), count++) {
        const char *status = number_status(json_str(n));
        if (strcmp(status, "Ok") == 0)
            message_keep(sandbox, json_str(n), code, sandbox_member(doc, "TemplateId"));
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
    return 200;
}

/* --- the inbox --- */

unsigned
inbox_get(struct sandbox_call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct str phone = sandbox_query(call, "phone");
    char time[CLOCK_RFC3339_SIZE];
    size_t shown = 0;
    struct jsonw w = jsonw_on(call->out);
    jsonw_object_open(&w);
    jsonw_key(&w, "messages");
    jsonw_array_open(&w);
    (void)pthread_mutex_lock(&sandbox->lock);
    size_t oldest = sandbox->message_count > INBOX_MAX ? sandbox->message_count - INBOX_MAX : 0;
    for (size_t i = sandbox->message_count; i > oldest && shown < INBOX_SHOWN_MAX; i--) {
        const struct message *message = &sandbox->messages[(i - 1) % INBOX_MAX];
        if (phone.len && !str_eq_text(phone, message->phone))
            continue;
        shown++;
        jsonw_object_open(&w);
        jsonw_member_text(&w, "time", clock_format_rfc3339(message->time_ms, time));
        jsonw_member_text(&w, "channel", "sms");
        jsonw_member_text(&w, "phone", message->phone);
        jsonw_member_text(&w, "template", message->template_id);
        jsonw_member_text(&w, "text", message->text);
        jsonw_member_text(&w, "code", message->code);
        jsonw_object_close(&w);
    }
    (void)pthread_mutex_unlock(&sandbox->lock);
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    return 200;
}
