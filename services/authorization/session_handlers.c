/* POST, GET and DELETE /api/v1/session. */
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "runtime/crash.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "schema/json.h"
#include "services/authorization/domain.h"
#include "services/authorization/service.h"
#include "services/authorization/store_pg.h"

struct login_body {
    struct str channel;
    struct str code;
    struct str consent_version;
};
static const struct json_row login_rows[] = {
    JSON_ROW(struct login_body, channel, JSON_KIND_STR, true),
    JSON_ROW(struct login_body, code, JSON_KIND_STR, true),
    JSON_ROW(struct login_body, consent_version, JSON_KIND_STR, true),
};

static struct authorization *
authorization_of(const struct api_call *call)
{
    return call->worker->service;
}

/* Exchanges the code; answers and returns false when there is no openid. */
static bool
login_exchange(struct api_call *call, enum login_channel channel, struct str code,
               struct str *ret_openid)
{
    const struct authorization *authorization = authorization_of(call);
    enum problem_id problem;
    uint64_t since_ns = clock_mono_ns();
    bool h5 = channel == LOGIN_H5;
    struct wechat_answer answer = wechat_login(call->worker->client, &authorization->wechat, h5,
                                               code, call->arena, ret_openid);
    const char *api = h5 ? "oauth2_access_token" : "jscode2session";
    metric_count(METRIC_sy_platform_calls_total, api, wechat_outcome_name(answer.outcome));
    metric_observe(METRIC_sy_platform_call_duration_seconds,
                   (double)(clock_mono_ns() - since_ns) / 1e9, api, NULL, NULL);
    if (answer.outcome == WECHAT_OK)
        return true;
    if (login_refusal(answer.outcome, &problem)) {
        api_problem(call, problem, NULL);
        return false;
    }
    struct err err = {0};
    enum err_code kind = answer.outcome == WECHAT_BUSY ? ERR_UNAVAILABLE : ERR_CONFIG;
    (void)ERR(&err, kind, "%s answered %lld (%s)", api, (long long)answer.errcode,
              wechat_outcome_name(answer.outcome));
    api_problem_err(call, "log-in not possible", &err);
    return false;
}

/* What is known of the person: what binding left in Redis a moment ago, else our own table. */
static enum err_code
identity_find(struct api_call *call, struct session *session, struct err *err)
{
    struct redis_value value;
    struct session known = {0};
    struct redis_command get = REDIS_COMMAND(
        STR("GET"), arena_printf(call->arena, "bound:%.*s", STR_ARG(session->account_id)));
    enum err_code code = redis_call(call->worker->redis, &get, call->arena, &value, err);
    if (code)
        return code;
    if (value.type != REDIS_STR || !session_decode(value.text, &known))
        return store_identity_get(call->worker->pg, session->account_id, call->arena, session, err);
    session->document_index = known.document_index;
    session->student_id = known.student_id;
    session->school_code = known.school_code;
    session->phone_index = known.phone_index;
    session->phone_sealed = known.phone_sealed;
    session->card_sealed = known.card_sealed;
    session->identity_sequence = known.identity_sequence;
    return ERR_OK;
}

static void
answer_opened(struct api_call *call, const struct session *session, const char *token)
{
    struct buf body;
    char expires[CLOCK_RFC3339_SIZE];
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_member_text(&w, "token", token);
    jsonw_member_text(&w, "expires_at", clock_format_rfc3339(session->expires_at_ms, expires));
    jsonw_member_bool(&w, "bound", session_is_bound(session));
    jsonw_object_close(&w);
    api_reply_json(call, 201, buf_str(&body));
    buf_done(&body);
}

static enum err_code
login_open(struct api_call *call, struct session *session, const struct login_body *body,
           char token[SESSION_TOKEN_SIZE], struct err *err)
{
    size_t evicted = 0;
    const struct runtime_conf *conf = &authorization_of(call)->conf->runtime;
    enum err_code code =
        store_login(call->worker->pg, session->account_id, body->channel, session->openid_sealed,
                    body->consent_version, trace_parent(&call->trace), err);
    if (code == ERR_OK)
        code = identity_find(call, session, err);
    if (code == ERR_OK)
        code = session_open(call->worker->redis, session, (unsigned)conf->session_idle_s,
                            (unsigned)authorization_of(call)->conf->session_absolute_s, call->arena,
                            token, &evicted, err);
    if (code == ERR_OK && evicted)
        metric_add(METRIC_sy_sessions_revoked_total, (double)evicted, "evicted", NULL, NULL);
    return code;
}

void
session_post(struct api_call *call)
{
    const struct authorization *authorization = authorization_of(call);
    struct login_body body = {0};
    struct problem_field errors[3];
    struct str openid = STR_NONE;
    enum login_channel channel;
    struct err err = {0};
    char account[INDEX_HEX_SIZE];
    char session_id[SUBMISSION_ID_SIZE];
    char token[SESSION_TOKEN_SIZE];
    if (!api_read_body(call, login_rows, sizeof login_rows / sizeof login_rows[0], &body))
        return;
    size_t wrong = login_check(body.channel, body.code, body.consent_version,
                               authorization->conf->consent_version, call->arena, errors);
    if (wrong) {
        api_problem_fields(call, PROBLEM_INVALID_VALUE, errors, wrong);
        return;
    }
    (void)login_channel_parse(body.channel, &channel);
    if (!login_exchange(call, channel, body.code, &openid))
        return;
    const char *appid =
        channel == LOGIN_H5 ? authorization->wechat.h5_appid : authorization->wechat.appid;
    keyring_index(authorization->runtime->keyring, "account",
                  arena_printf(call->arena, "%s/%.*s", appid, STR_ARG(openid)), account);
    uuid_random(session_id);
    struct session session = {
        .session_id = str_of(session_id),
        .account_id = str_of(account),
        .channel = body.channel,
        .openid_sealed = seal_text(call->worker->sealer, openid,
                                   arena_printf(call->arena, "openid/%s", account), call->arena),
    };
    if (login_open(call, &session, &body, token, &err)) {
        api_problem_err(call, "session not opened", &err);
        return;
    }
    crash_at(CRASH_SESSION_OPENED);
    metric_count(METRIC_sy_sessions_opened_total, channel == LOGIN_H5 ? "h5" : "mini_program");
    log_event(LOG_INFO, "session opened", LOG_TEXT("session_id", session_id));
    answer_opened(call, &session, token);
}

void
session_get(struct api_call *call)
{
    const struct session *session = call->session;
    struct err err = {0};
    struct str card = STR_NONE;
    struct buf body;
    if (session->card_sealed.len &&
        seal_open(call->worker->sealer, session->card_sealed,
                  arena_printf(call->arena, "card/%.*s", STR_ARG(session->account_id)), call->arena,
                  &card, &err)) {
        api_problem_err(call, "card not opened", &err);
        return;
    }
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_member_bool(&w, "bound", session_is_bound(session));
    jsonw_member_bool(&w, "verified", session->document_index.len > 0);
    jsonw_key(&w, "student");
    if (session_is_bound(session) && card.len)
        jsonw_raw(&w, card);
    else
        jsonw_null(&w);
    jsonw_object_close(&w);
    api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}

void
session_delete(struct api_call *call)
{
    struct err err = {0};
    if (session_close(call->worker->redis, call->session, call->arena, &err)) {
        api_problem_err(call, "session not closed", &err);
        return;
    }
    metric_count(METRIC_sy_sessions_revoked_total, "logout");
    api_reply_empty(call, 204);
}
