/* 实名认证: POST /verifications begins a face check, POST /{id}/completion fetches its result. The
 * result comes from the platform's server, never from the client. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "schema/json.h"
#include "services/binding/domain.h"
#include "services/binding/limits_redis.h"
#include "services/binding/service.h"
#include "services/binding/store_pg.h"

struct verification_body {
    struct str category;
    struct str name;
    struct str id_type;
    struct str id_number;
    struct str consent_version;
};
static const struct json_row body_rows[] = {
    JSON_ROW(struct verification_body, category, JSON_KIND_STR, true),
    JSON_ROW(struct verification_body, name, JSON_KIND_STR, true),
    JSON_ROW(struct verification_body, id_type, JSON_KIND_STR, true),
    JSON_ROW(struct verification_body, id_number, JSON_KIND_STR, true),
    JSON_ROW(struct verification_body, consent_version, JSON_KIND_STR, true),
};

static void
count_platform(const char *api, const struct wechat_answer *answer, uint64_t since_ns)
{
    metric_count(METRIC_sy_platform_calls_total, api, wechat_outcome_name(answer->outcome));
    metric_observe(METRIC_sy_platform_call_duration_seconds,
                   (double)(clock_mono_ns() - since_ns) / 1e9, api, NULL, NULL);
}

static struct str
verification_context(struct api_call *call, struct str verification_id)
{
    return arena_printf(call->arena, "verification/%.*s", STR_ARG(verification_id));
}

static enum err_code
openid_open(struct api_call *call, struct str *ret_openid, struct err *err)
{
    struct str context =
        arena_printf(call->arena, "openid/%.*s", STR_ARG(call->session->account_id));
    return seal_open(call->worker->sealer, call->session->openid_sealed, context, call->arena,
                     ret_openid, err);
}

/* Within the account's limit; answers and returns false otherwise. */
static bool
verification_allowed(struct api_call *call)
{
    struct err err = {0};
    bool within = false;
    unsigned retry_s = 0;
    struct str key = arena_printf(call->arena, "lim:face:%.*s", STR_ARG(call->session->account_id));
    if (limit_take(call->worker->redis, key, &limit_verifications, call->arena, &within, &retry_s,
                   &err)) {
        api_problem_err(call, "limit not read", &err);
        return false;
    }
    if (!within)
        api_problem_retry(call, PROBLEM_TOO_MANY_REQUESTS, retry_s);
    return within;
}

/* Begins the check with a token, and once more with a new token when it was stale. */
static struct wechat_answer
face_begin(struct api_call *call, struct wechat_face *face, int64_t *ret_expires_in_s)
{
    const struct binding *binding = call->worker->service;
    struct wechat_answer answer = {WECHAT_BUSY, -1};
    struct str token = STR_NONE;
    struct err err = {0};
    for (int i = 0; i < 2; i++) {
        if (access_token_get(call, i ? token : STR_NONE, &token, &err)) {
            log_failure(LOG_WARN, "no access token", &err);
            return answer;
        }
        uint64_t since_ns = clock_mono_ns();
        answer = wechat_face_start(call->worker->client, &binding->wechat, token, face, call->arena,
                                   &face->verify_id, ret_expires_in_s);
        count_platform("getverifyid", &answer, since_ns);
        if (answer.outcome != WECHAT_TOKEN_STALE)
            break;
    }
    return answer;
}

static void
answer_begun(struct api_call *call, const struct verification *verification, int64_t expires_in_s)
{
    struct buf body;
    char expires[CLOCK_RFC3339_SIZE];
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_member(&w, "verification_id", verification->verification_id);
    jsonw_member(&w, "verify_id", verification->verify_id);
    jsonw_member_text(&w, "expires_at",
                      clock_format_rfc3339(call->now_ms + expires_in_s * 1000, expires));
    jsonw_object_close(&w);
    api_reply_json(call, 201, buf_str(&body));
    buf_done(&body);
}

static void
answer_platform(struct api_call *call, const char *what, const struct wechat_answer *answer)
{
    struct err err = {0};
    (void)ERR(&err, answer->outcome == WECHAT_BUSY ? ERR_UNAVAILABLE : ERR_CONFIG,
              "%s answered %" PRId64 " (%s)", what, answer->errcode,
              wechat_outcome_name(answer->outcome));
    api_problem_err(call, "face check not possible", &err);
}

static void
verification_begin(struct api_call *call, const struct verification_request *request)
{
    struct binding *binding = call->worker->service;
    struct err err = {0};
    char id[SUBMISSION_ID_SIZE];
    char seq_no[33];
    unsigned char random[16];
    char document_index[INDEX_HEX_SIZE];
    int64_t expires_in_s = 0;
    uuid_random(id);
    crypto_random(random, sizeof random);
    hex_encode(random, sizeof random, seq_no);
    document_index_of(binding, request->id_type, request->id_number, call->arena, document_index);
    struct wechat_face face = {
        .out_seq_no = str_of(seq_no), .name = request->name, .number = request->id_number};
    if (openid_open(call, &face.openid, &err)) {
        api_problem_err(call, "openid not opened", &err);
        return;
    }
    struct wechat_answer answer = face_begin(call, &face, &expires_in_s);
    if (answer.outcome != WECHAT_OK) {
        answer_platform(call, "getverifyid", &answer);
        return;
    }
    struct str context = verification_context(call, str_of(id));
    const struct verification verification = {
        .verification_id = str_of(id),
        .account_id = call->session->account_id,
        .out_seq_no = face.out_seq_no,
        .verify_id = face.verify_id,
        .document_index = str_of(document_index),
        .name_sealed = seal_text(call->worker->sealer, request->name, context, call->arena),
        .id_number_sealed =
            seal_text(call->worker->sealer, request->id_number, context, call->arena),
    };
    if (store_verification_add(call->worker->pg, &verification, expires_in_s,
                               request->consent_version, trace_parent(&call->trace), &err))
        api_problem_err(call, "verification not stored", &err);
    else
        answer_begun(call, &verification, expires_in_s);
}

void
verification_post(struct api_call *call)
{
    const struct binding *binding = call->worker->service;
    struct verification_body body = {0};
    struct problem_field errors[BINDING_ERRORS_MAX];
    char number[ID_NUMBER_SIZE];
    if (!api_read_body(call, body_rows, sizeof body_rows / sizeof body_rows[0], &body))
        return;
    bool fits = id_number_normalise(body.id_number, number);
    const struct verification_request request = {
        .category = body.category,
        .name = body.name,
        .id_type = body.id_type,
        .id_number = fits ? str_of(number) : body.id_number,
        .consent_version = body.consent_version,
    };
    size_t wrong = verification_check(&request, binding->conf->consent_version,
                                      clock_china_date(call->now_ms), call->arena, errors);
    if (wrong)
        api_problem_fields(call, PROBLEM_INVALID_VALUE, errors, wrong);
    else if (verification_allowed(call))
        verification_begin(call, &request);
}

/* --- completion --- */

static void
answer_state(struct api_call *call, const char *state, const char *reason)
{
    struct buf body;
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_member_text(&w, "state", state);
    jsonw_member_text(&w, "reason", reason);
    jsonw_object_close(&w);
    api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}

static struct wechat_answer
face_ask(struct api_call *call, const struct wechat_face *face, int64_t *ret_verify_ret)
{
    const struct binding *binding = call->worker->service;
    struct wechat_answer answer = {WECHAT_BUSY, -1};
    struct str token = STR_NONE;
    struct err err = {0};
    for (int i = 0; i < 2; i++) {
        if (access_token_get(call, i ? token : STR_NONE, &token, &err)) {
            log_failure(LOG_WARN, "no access token", &err);
            return answer;
        }
        uint64_t since_ns = clock_mono_ns();
        answer = wechat_face_result(call->worker->client, &binding->wechat, token, face,
                                    call->arena, ret_verify_ret);
        count_platform("queryverifyinfo", &answer, since_ns);
        if (answer.outcome != WECHAT_TOKEN_STALE)
            break;
    }
    return answer;
}

static enum err_code
face_reopen(struct api_call *call, const struct verification *verification,
            struct wechat_face *face, struct err *err)
{
    struct str context = verification_context(call, verification->verification_id);
    face->out_seq_no = verification->out_seq_no;
    face->verify_id = verification->verify_id;
    enum err_code code = openid_open(call, &face->openid, err);
    if (code == ERR_OK)
        code = seal_open(call->worker->sealer, verification->name_sealed, context, call->arena,
                         &face->name, err);
    if (code == ERR_OK)
        code = seal_open(call->worker->sealer, verification->id_number_sealed, context, call->arena,
                         &face->number, err);
    return code;
}

/* Stores a final result; a passed one is news and marks the session. */
static enum err_code
verification_end(struct api_call *call, const struct verification *verification,
                 enum face_state state, const char *reason, struct err *err)
{
    struct binding *binding = call->worker->service;
    struct session session = *call->session;
    bool passed = state == FACE_PASSED;
    if (passed && !session_is_bound(&session))
        session.document_index = verification->document_index;
    const struct identity_changed news = news_of(&session, "verified");
    enum err_code code = store_verification_end(
        call->worker->pg, verification->verification_id, passed ? "passed" : "failed", reason,
        passed ? &news : NULL, trace_parent(&call->trace), &session.identity_sequence, err);
    if (code || !passed)
        return code;
    relay_wake(binding->relay);
    return session_update(call->worker->redis, &session, call->arena, err);
}

static void
verification_settle(struct api_call *call, const struct verification *verification)
{
    struct err err = {0};
    struct wechat_face face = {.openid = STR_NONE};
    int64_t verify_ret = 0;
    const char *reason = NULL;
    enum face_state state = FACE_FAILED;
    if (verification->expired) {
        reason = "expired";
    } else {
        if (face_reopen(call, verification, &face, &err)) {
            api_problem_err(call, "verification not opened", &err);
            return;
        }
        struct wechat_answer answer = face_ask(call, &face, &verify_ret);
        if (answer.outcome == WECHAT_MISCONFIGURED || answer.outcome == WECHAT_TOKEN_STALE) {
            answer_platform(call, "queryverifyinfo", &answer);
            return;
        }
        state = face_decide(answer.outcome, verify_ret, &reason);
    }
    if (state == FACE_PENDING)
        answer_state(call, "pending", NULL);
    else if (verification_end(call, verification, state, reason, &err))
        api_problem_err(call, "result not stored", &err);
    else
        answer_state(call, state == FACE_PASSED ? "passed" : "failed", reason);
}

void
verification_complete(struct api_call *call)
{
    struct err err = {0};
    struct verification verification;
    if (!uuid_valid(call->args[0])) {
        api_problem(call, PROBLEM_NOT_FOUND, NULL);
        return;
    }
    enum err_code code =
        store_verification_get(call->worker->pg, call->args[0], call->session->account_id,
                               call->arena, &verification, &err);
    if (code == ERR_NOT_FOUND)
        api_problem(call, PROBLEM_NOT_FOUND, NULL);
    else if (code)
        api_problem_err(call, "verification not read", &err);
    else if (!str_eq(verification.state, STR("pending")))
        answer_state(call, arena_copy(call->arena, verification.state).ptr,
                     verification.reason.len ? verification.reason.ptr : NULL);
    else
        verification_settle(call, &verification);
}
