/* POST /phone-codes: a code by SMS, limited per phone; PUT /phone: another verified phone. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "runtime/crash.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "schema/json.h"
#include "services/binding/card.h"
#include "services/binding/domain.h"
#include "services/binding/limits_redis.h"
#include "services/binding/service.h"
#include "services/binding/store_pg.h"

struct phone_body {
    struct str phone;
    struct str phone_code;
};
static const struct json_row code_rows[] = {
    JSON_ROW(struct phone_body, phone, JSON_KIND_STR, true),
};
static const struct json_row put_rows[] = {
    JSON_ROW(struct phone_body, phone, JSON_KIND_STR, true),
    JSON_ROW(struct phone_body, phone_code, JSON_KIND_STR, true),
};

/* Six digits, each as likely as any. */
static void
code_new(char out[PHONE_CODE_DIGITS + 1])
{
    uint32_t random;
    do
        crypto_random(&random, sizeof random);
    while (random >= 4294000000u); /* a multiple of a million: no remainder is favoured */
    (void)snprintf(out, PHONE_CODE_DIGITS + 1, "%06u", random % 1000000u);
}

/* What an account may ask for, cool-down, hour and day of one phone, and what all may cost; answers
 * and returns false past any of them. */
static bool
phone_allowed(struct api_call *call, const char *phone_index)
{
    const struct binding *binding = call->worker->service;
    const struct limit all = {(unsigned)binding->conf->sms_day_max, 86400, "sms-day"};
    const struct str account = call->session->account_id;
    const struct str phone = str_of(phone_index);
    const struct {
        const char *prefix;
        const struct limit *limit;
        struct str whose;
    } rows[] = {{"lim:sms:", &limit_account_codes, account},
                {"lim:cool:", &limit_phone_cool_down, phone},
                {"lim:hour:", &limit_phone_hour, phone},
                {"lim:day:", &limit_phone_day, phone},
                {"lim:all:", &all, STR("sms")}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {0};
        bool within = false;
        unsigned retry_s = 0;
        struct str key =
            arena_printf(call->arena, "%s%.*s", rows[i].prefix, STR_ARG(rows[i].whose));
        if (limit_take(call->worker->redis, key, rows[i].limit, call->arena, &within, &retry_s,
                       &err)) {
            api_problem_err(call, "limit not read", &err);
            return false;
        }
        if (!within) {
            api_problem_retry(call, PROBLEM_TOO_MANY_REQUESTS, retry_s);
            return false;
        }
    }
    return true;
}

static void
answer_sent(struct api_call *call)
{
    struct buf body;
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_member_int(&w, "retry_after_s", limit_phone_cool_down.window_s);
    jsonw_member_int(&w, "expires_in_s", PHONE_CODE_LIFE_S);
    jsonw_object_close(&w);
    api_reply_json(call, 202, buf_str(&body));
    buf_done(&body);
}

/* What the student is told when the message could not be sent. The limits stay counted, so that
 * trying again at once does not cost another message. */
static void
answer_unsent(struct api_call *call, enum sms_outcome outcome)
{
    struct err err = {0};
    const struct problem_field error = {"phone", "reachable",
                                        STR("该手机号无法接收验证码短信，请核对或更换手机号")};
    switch (outcome) {
    case SMS_LIMITED:
        api_problem_retry(call, PROBLEM_TOO_MANY_REQUESTS, limit_phone_cool_down.window_s);
        return;
    case SMS_NUMBER:
        api_problem_fields(call, PROBLEM_INVALID_VALUE, &error, 1);
        return;
    case SMS_MAYBE_SENT: /* it may arrive, and is good then; another one costs the cool-down */
        log_event(LOG_WARN, "phone code maybe sent", LOG_TEXT("platform", "sms"));
        api_problem_retry(call, PROBLEM_UNAVAILABLE, limit_phone_cool_down.window_s);
        return;
    case SMS_SENT:
    case SMS_BUSY:
    case SMS_MISCONFIGURED:
        break;
    }
    (void)ERR(&err, outcome == SMS_BUSY ? ERR_UNAVAILABLE : ERR_CONFIG, "SMS is %s",
              sms_outcome_name(outcome));
    api_problem_err(call, "phone code not sent", &err);
}

static void
code_send(struct api_call *call, struct str phone, const char *phone_index)
{
    const struct binding *binding = call->worker->service;
    struct err err = {0};
    char digits[PHONE_CODE_DIGITS + 1];
    char code_index[INDEX_HEX_SIZE];
    code_new(digits);
    code_index_of(binding, call->session->session_id, phone_index, str_of(digits), call->arena,
                  code_index);
    if (phone_code_put(call->worker->redis, call->session->session_id, str_of(phone_index),
                       str_of(code_index), call->arena, &err)) {
        api_problem_err(call, "phone code not kept", &err);
        return;
    }
    crash_at(CRASH_CODE_KEPT);
    uint64_t since_ns = clock_mono_ns();
    enum sms_outcome outcome = sms_send_code(call->worker->client, &binding->sms, phone,
                                             str_of(digits), clock_now_ms() / 1000, call->arena);
    crash_at(CRASH_CODE_SENT);
    crypto_wipe(digits, sizeof digits);
    metric_count(METRIC_sy_phone_codes_sent_total, sms_outcome_name(outcome));
    metric_observe(METRIC_sy_platform_call_duration_seconds,
                   (double)(clock_mono_ns() - since_ns) / 1e9, "SendSms", NULL, NULL);
    if (outcome == SMS_SENT)
        answer_sent(call);
    else
        answer_unsent(call, outcome);
}

/* A mobile number of the mainland, Hong Kong, Macao or Taiwan; answers and returns false otherwise.
 */
static bool
phone_plausible(struct api_call *call, struct str phone)
{
    if (phone_mobile_valid(phone))
        return true;
    const struct problem_field error = {
        "phone", "phone", STR("请填写 11 位大陆手机号；港澳台号码请带区号，如 +85251234567")};
    api_problem_fields(call, PROBLEM_INVALID_VALUE, &error, 1);
    return false;
}

void
phone_code_post(struct api_call *call)
{
    struct phone_body body = {.phone = STR_NONE};
    char phone_index[INDEX_HEX_SIZE];
    if (!api_read_body(call, code_rows, 1, &body) || !phone_plausible(call, body.phone))
        return;
    phone_index_of(call->worker->service, body.phone, phone_index);
    if (phone_allowed(call, phone_index))
        code_send(call, body.phone, phone_index);
}

/* --- another phone --- */

static enum err_code
phone_change(struct api_call *call, struct session *session, struct str phone, struct err *err)
{
    struct binding *binding = call->worker->service;
    struct card card;
    enum err_code code = card_open(call, &card, err);
    if (code)
        return code;
    struct str context = arena_printf(call->arena, "phone/%.*s", STR_ARG(session->phone_index));
    session->phone_sealed = seal_text(call->worker->sealer, phone, context, call->arena);
    card_set_phone(&card, phone);
    session->card_sealed = card_seal(call->worker->sealer, session->account_id, &card, call->arena);
    const struct identity_changed news = news_of(session, "phone_changed");
    code = store_binding_phone(call->worker->pg, session->account_id, session->phone_index,
                               session->phone_sealed, &news, trace_parent(&call->trace),
                               &session->identity_sequence, err);
    if (code)
        return code;
    relay_wake(binding->relay);
    code = identity_remember(call, session, err);
    if (code == ERR_OK)
        code = session_update(call->worker->redis, session, call->arena, err);
    if (code == ERR_OK)
        code = phone_code_use(call->worker->redis, session->session_id, session->phone_index,
                              call->arena, err);
    return code;
}

void
phone_put(struct api_call *call)
{
    struct err err = {0};
    struct phone_body body = {.phone = STR_NONE};
    char phone_index[INDEX_HEX_SIZE];
    if (!api_read_body(call, put_rows, 2, &body))
        return;
    if (!session_is_bound(call->session)) {
        api_problem(call, PROBLEM_BINDING_REQUIRED, NULL);
        return;
    }
    if (!phone_plausible(call, body.phone))
        return;
    phone_index_of(call->worker->service, body.phone, phone_index);
    if (!phone_code_accept(call, phone_index, body.phone_code))
        return;
    struct session session = *call->session;
    session.phone_index = str_of(phone_index);
    enum err_code code = phone_change(call, &session, body.phone, &err);
    if (code == ERR_NOT_FOUND) { /* the school took the binding away meanwhile */
        api_problem(call, PROBLEM_BINDING_REQUIRED, NULL);
        return;
    }
    if (code) {
        api_problem_err(call, "phone not changed", &err);
        return;
    }
    call->session = session_hold(call, &session);
    card_answer(call, 200, NULL);
}
