/*
 * POST and GET /api/v1/identity/binding. The order of refusals is the contract's: face-required,
 * values, too-many-tries, phone-code-wrong, roster-no-match, already-bound. A person who does not
 * exist and one whose other values differ get the same answers, by the same steps.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "runtime/crash.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "schema/json.h"
#include "services/binding/card.h"
#include "services/binding/confirm.h"
#include "services/binding/domain.h"
#include "services/binding/limits_redis.h"
#include "services/binding/service.h"
#include "services/binding/store_pg.h"

static const struct json_row body_rows[] = {
    JSON_ROW(struct binding_request, by, JSON_KIND_STR, true),
    JSON_ROW(struct binding_request, category, JSON_KIND_STR, true),
    JSON_ROW(struct binding_request, name, JSON_KIND_STR, false),
    JSON_ROW(struct binding_request, id_type, JSON_KIND_STR, true),
    JSON_ROW(struct binding_request, id_number, JSON_KIND_STR, true),
    JSON_ROW(struct binding_request, student_number, JSON_KIND_STR, false),
    JSON_ROW(struct binding_request, school_code, JSON_KIND_STR, false),
    JSON_ROW(struct binding_request, phone, JSON_KIND_STR, true),
    JSON_ROW(struct binding_request, phone_code, JSON_KIND_STR, true),
    JSON_ROW(struct binding_request, confirmation, JSON_KIND_STR, false),
};

/* One try to bind, from its values to its end. */
struct attempt {
    struct binding_request request;
    char number[ID_NUMBER_SIZE];
    char document_index[INDEX_HEX_SIZE];
    char phone_index[INDEX_HEX_SIZE];
    struct roster_match student;
    bool name_differs;
};

/* Documents of the account that passed the face check: the session's, and the stored ones. */
static enum err_code
documents_verified(struct api_call *call, struct str *ret_documents, size_t *ret_count,
                   struct err *err)
{
    if (call->session->document_index.len) {
        ret_documents[0] = call->session->document_index;
        *ret_count = 1;
        return ERR_OK;
    }
    return store_verified_documents(call->worker->pg, call->session->account_id,
                                    VERIFICATION_VALID_S, call->arena, ret_documents, ret_count,
                                    err);
}

static bool
document_listed(const struct str *documents, size_t count, const char *document_index)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq_text(documents[i], document_index))
            return true;
    return false;
}

/* Face check and values, in that order; answers and returns false when they are not right. */
static bool
attempt_admit(struct api_call *call, struct attempt *attempt)
{
    struct err err = {0};
    struct str documents[VERIFIED_DOCUMENTS_MAX];
    size_t count = 0;
    struct problem_field errors[BINDING_ERRORS_MAX];
    bool face_needed = binding_needs_face(&attempt->request);
    if (face_needed && documents_verified(call, documents, &count, &err)) {
        api_problem_err(call, "verifications not read", &err);
        return false;
    }
    if (face_needed && count == 0) {
        api_problem(call, PROBLEM_FACE_REQUIRED, NULL);
        return false;
    }
    size_t wrong = binding_check(&attempt->request, clock_china_date(call->now_ms), errors);
    if (wrong) {
        api_problem_fields(call, PROBLEM_INVALID_VALUE, errors, wrong);
        return false;
    }
    document_index_of(call->worker->service, attempt->request.id_type, attempt->request.id_number,
                      call->arena, attempt->document_index);
    phone_index_of(call->worker->service, attempt->request.phone, attempt->phone_index);
    if (face_needed && !document_listed(documents, count, attempt->document_index)) {
        api_problem(call, PROBLEM_FACE_REQUIRED, "证件号码与实名认证时不一致，请重新认证");
        return false;
    }
    return true;
}

static struct str
failures_key(struct api_call *call, const char *kind, struct str id)
{
    return arena_printf(call->arena, "lim:match:%s:%.*s", kind, STR_ARG(id));
}

struct failure_limit {
    struct str key;
    const struct limit *limit;
};
enum { FAILURE_LIMITS = 3 };

static void
failure_limits(struct api_call *call, const struct attempt *attempt,
               struct failure_limit ret_rows[FAILURE_LIMITS])
{
    ret_rows[0] = (struct failure_limit){failures_key(call, "session", call->session->session_id),
                                         &limit_match_failures};
    ret_rows[1] = (struct failure_limit){
        failures_key(call, "target", str_of(attempt->document_index)), &limit_match_failures};
    ret_rows[2] = (struct failure_limit){failures_key(call, "account", call->session->account_id),
                                         &limit_account_failures};
}

/* Neither this session nor this document nor this account failed too often; answers and returns
 * false otherwise. */
static bool
matches_allowed(struct api_call *call, const struct attempt *attempt)
{
    struct failure_limit rows[FAILURE_LIMITS];
    failure_limits(call, attempt, rows);
    for (size_t i = 0; i < FAILURE_LIMITS; i++) {
        struct err err = {0};
        bool used_up = false;
        unsigned retry_s = 0;
        if (limit_used_up(call->worker->redis, rows[i].key, rows[i].limit, call->arena, &used_up,
                          &retry_s, &err)) {
            api_problem_err(call, "limit not read", &err);
            return false;
        }
        if (used_up) {
            api_problem_retry(call, PROBLEM_TOO_MANY_TRIES, retry_s);
            return false;
        }
    }
    return true;
}

/* It did not come to a failed match: the first `count` limits forget it. */
static void
failures_give_back(struct api_call *call, const struct attempt *attempt, size_t count)
{
    struct failure_limit rows[FAILURE_LIMITS];
    failure_limits(call, attempt, rows);
    for (size_t i = 0; i < count; i++) {
        struct err err = {0};
        if (limit_give_back(call->worker->redis, rows[i].key, rows[i].limit, call->arena, &err))
            log_failure(LOG_WARN, "a try stays counted", &err);
    }
}

/* Counts a failed match before it is one, so that tries at the same time cannot all pass the last
 * free place. Answers and returns false when there is none. */
static bool
failures_take(struct api_call *call, const struct attempt *attempt)
{
    struct failure_limit rows[FAILURE_LIMITS];
    failure_limits(call, attempt, rows);
    for (size_t i = 0; i < FAILURE_LIMITS; i++) {
        struct err err = {0};
        bool within = false;
        unsigned retry_s = 0;
        if (limit_take(call->worker->redis, rows[i].key, rows[i].limit, call->arena, &within,
                       &retry_s, &err)) {
            failures_give_back(call, attempt, i);
            api_problem_err(call, "failure not counted", &err);
            return false;
        }
        if (!within) {
            failures_give_back(call, attempt, i + 1);
            api_problem_retry(call, PROBLEM_TOO_MANY_TRIES, retry_s);
            return false;
        }
    }
    return true;
}

/* Looks the student up; ERR_NOT_FOUND when nobody matches. */
static enum err_code
attempt_match(struct api_call *call, struct attempt *attempt, struct err *err)
{
    struct roster_match rows[ROSTER_MATCHES_MAX];
    size_t count = 0;
    const struct binding_request *request = &attempt->request;
    bool by_name = str_eq(request->by, STR("name"));
    enum err_code code = store_roster_find(call->worker->pg, str_of(attempt->document_index),
                                           by_name ? STR_NONE : request->school_code,
                                           by_name ? STR_NONE : request->student_number,
                                           call->arena, rows, &count, err);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        bool agrees = names_agree(rows[i].name, request->name);
        if (by_name && !agrees)
            continue;
        attempt->student = rows[i];
        attempt->name_differs = !agrees && request->name.len > 0;
        return ERR_OK;
    }
    return code ? code : ERR(err, ERR_NOT_FOUND, "no roster row matches");
}

static enum err_code
attempt_store(struct api_call *call, struct attempt *attempt, struct session *session,
              struct err *err)
{
    struct binding *binding = call->worker->service;
    struct card card = {
        .name = attempt->student.name,
        .id_number = attempt->student.id_number_masked,
        .student_number = attempt->student.student_number,
        .school = attempt->student.school,
    };
    card_set_phone(&card, attempt->request.phone);
    session->document_index = str_of(attempt->document_index);
    session->student_id = attempt->student.student_id;
    session->school_code = attempt->student.school_code;
    session->phone_index = str_of(attempt->phone_index);
    session->phone_sealed =
        seal_text(call->worker->sealer, attempt->request.phone,
                  arena_printf(call->arena, "phone/%s", attempt->phone_index), call->arena);
    session->card_sealed = card_seal(call->worker->sealer, session->account_id, &card, call->arena);
    const struct new_binding row = {
        .student = &attempt->student,
        .account_id = session->account_id,
        .by = attempt->request.by,
        .document_index = session->document_index,
        .name_differs = attempt->name_differs,
        .phone_index = session->phone_index,
        .phone_sealed = session->phone_sealed,
        .traceparent = trace_parent(&call->trace),
    };
    const struct identity_changed news = news_of(session, "bound");
    enum err_code code =
        store_binding_add(call->worker->pg, &row, &news, &session->identity_sequence, err);
    if (code == ERR_OK) {
        crash_at(CRASH_BOUND);
        relay_wake(binding->relay);
    }
    return code;
}

/* The binding stands. What follows is in Redis: when it fails the student logs in again and is
 * bound. */
static void
attempt_finish(struct api_call *call, struct session *session)
{
    const struct binding *binding = call->worker->service;
    struct err err = {0};
    char token[SESSION_TOKEN_SIZE];
    enum err_code code = phone_code_use(call->worker->redis, session->session_id,
                                        session->phone_index, call->arena, &err);
    if (code == ERR_OK)
        code = identity_remember(call, session, &err);
    if (code == ERR_OK)
        code = session_rotate(call->worker->redis, session,
                              (unsigned)binding->conf->runtime.session_idle_s, call->arena, token,
                              &err);
    if (code == ERR_NOT_FOUND) { /* who logged out meanwhile is bound, and stays logged out */
        api_problem(call, PROBLEM_UNAUTHORIZED, NULL);
        return;
    }
    if (code) {
        api_problem_err(call, "bound, but the session was not rotated", &err);
        return;
    }
    crash_at(CRASH_ROTATED);
    metric_count(METRIC_sy_sessions_revoked_total, "rotated");
    log_event(LOG_INFO, "bound", LOG_STR("student_id", session->student_id));
    call->session = session_hold(call, session);
    card_answer(call, 201, token);
}

static const char *
outcome_word(enum err_code code)
{
    switch ((int)code) {
    case ERR_OK:
        return "bound";
    case ERR_NOT_FOUND:
        return "no-match";
    case ERR_DUPLICATE:
        return "already-bound";
    default:
        return "failed";
    }
}

static void
attempt_run(struct api_call *call, struct attempt *attempt)
{
    struct err err = {0};
    struct session session = *call->session;
    if (!failures_take(call, attempt))
        return;
    enum err_code code = attempt_match(call, attempt, &err);
    if (code == ERR_OK && session_is_bound(call->session))
        code = ERR(&err, ERR_DUPLICATE, "account is bound");
    if (code == ERR_OK)
        code = attempt_store(call, attempt, &session, &err);
    metric_count(METRIC_sy_bindings_total,
                 str_eq(attempt->request.by, STR("name")) ? "name" : "student_number",
                 outcome_word(code));
    if (code != ERR_NOT_FOUND)
        failures_give_back(call, attempt, FAILURE_LIMITS);
    switch ((int)code) {
    case ERR_OK:
        attempt_finish(call, &session);
        break;
    case ERR_NOT_FOUND:
        api_problem(call, PROBLEM_ROSTER_NO_MATCH, NULL);
        break;
    case ERR_DUPLICATE:
        api_problem(call, PROBLEM_ALREADY_BOUND, NULL);
        break;
    default:
        api_problem_err(call, "not bound", &err);
        break;
    }
}

void
binding_post(struct api_call *call)
{
    struct attempt *attempt = arena_alloc(call->arena, sizeof *attempt);
    if (!api_read_body(call, body_rows, sizeof body_rows / sizeof body_rows[0], &attempt->request))
        return;
    if (id_number_normalise(attempt->request.id_number, attempt->number))
        attempt->request.id_number = str_of(attempt->number);
    if (!attempt_admit(call, attempt) || !matches_allowed(call, attempt) ||
        !phone_code_accept(call, attempt->phone_index, attempt->request.phone_code))
        return;
    if (attempt->request.confirmation.len)
        confirmation_file(call, &attempt->request, attempt->document_index, attempt->phone_index);
    else
        attempt_run(call, attempt);
}

void
binding_get(struct api_call *call)
{
    if (session_is_bound(call->session))
        card_answer(call, 200, NULL);
    else
        api_problem(call, PROBLEM_BINDING_REQUIRED, NULL);
}
