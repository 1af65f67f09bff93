/*
 * The path without a face check: what binding needs waits, sealed, for the school's confirmation.
 * The answer is the same whether the roll knows the person or not, and whether another account is
 * bound to it: the school sees that, the caller does not.
 */
#include "services/binding/confirm.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "runtime/log.h"
#include "services/binding/appeal.h"
#include "services/binding/limits_redis.h"

static void
answer_filed(struct api_call *call, struct str appeal_id)
{
    struct buf body;
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_member(&w, "appeal_id", appeal_id);
    jsonw_member_text(&w, "state", appeal_state_name(APPEAL_FILED));
    jsonw_member_text(&w, "told", appeal_told(APPEAL_IDENTITY_CONFIRMATION, APPEAL_FILED));
    jsonw_object_close(&w);
    api_reply_json(call, 202, buf_str(&body));
    buf_done(&body);
}

static void
claim_put(struct appeal_claims *claims, const char *name, struct str value)
{
    const struct appeal_claim *rows = appeal_kinds[APPEAL_IDENTITY_CONFIRMATION].claims;
    const struct appeal_claim *row = appeal_claim_find(APPEAL_IDENTITY_CONFIRMATION, str_of(name));
    if (row)
        claims->value[row - rows] = value;
}

static void
confirmation_store(struct api_call *call, const struct binding_request *request,
                   const struct confirmation *confirmation)
{
    struct err err = {0};
    struct roster_match student = {.student_id = STR_NONE};
    struct appeal_claims claims = {0};
    struct sealer *sealer = call->worker->sealer;
    char id[SUBMISSION_ID_SIZE];
    uuid_random(id);
    claim_put(&claims, "name", request->name);
    claim_put(&claims, "id_type", request->id_type);
    claim_put(&claims, "id_number", request->id_number);
    claim_put(&claims, "student_number", request->student_number);
    claim_put(&claims, "phone", request->phone);
    enum err_code code =
        appeal_student(call->worker->pg, call->worker->service, request->school_code,
                       request->id_type, request->id_number, call->arena, &student, &err);
    struct new_appeal row = {
        .appeal_id = str_of(id),
        .account_id = call->session->account_id,
        .student_id = student.student_id,
        .school_code = request->school_code,
        .kind = APPEAL_IDENTITY_CONFIRMATION,
        .claims_sealed = appeal_claims_seal(sealer, str_of(id), APPEAL_IDENTITY_CONFIRMATION,
                                            &claims, call->arena),
        .message_sealed =
            seal_text(sealer, STR("申请由学校确认身份，不使用人脸核验"),
                      appeal_context(call->arena, str_of(id), "message"), call->arena),
        .traceparent = trace_parent(&call->trace),
    };
    if (code == ERR_OK || code == ERR_NOT_FOUND)
        code = store_appeal_add(call->worker->pg, &row, confirmation, &err);
    struct err unused = {0};
    if (code == ERR_OK && phone_code_use(call->worker->redis, call->session->session_id,
                                         confirmation->phone_index, call->arena, &unused))
        log_failure(LOG_WARN, "a phone code stays good for minutes", &unused);
    if (code == ERR_DUPLICATE)
        api_problem(call, PROBLEM_APPEAL_OPEN, NULL);
    else if (code)
        api_problem_err(call, "confirmation not asked for", &err);
    else
        answer_filed(call, row.appeal_id);
}

void
confirmation_file(struct api_call *call, const struct binding_request *request,
                  const char *document_index, const char *phone_index)
{
    if (session_is_bound(call->session)) {
        api_problem(call, PROBLEM_ALREADY_BOUND, NULL);
        return;
    }
    const struct confirmation confirmation = {
        .bound_by = request->by,
        .document_index = str_of(document_index),
        .phone_index = str_of(phone_index),
        .phone_sealed = seal_text(call->worker->sealer, request->phone,
                                  arena_printf(call->arena, "phone/%s", phone_index), call->arena),
    };
    if (appeal_school_known(call, request->school_code) &&
        appeal_allowed(call, str_of(document_index)))
        confirmation_store(call, request, &confirmation);
}
