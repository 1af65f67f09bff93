/* GET /api/v1/report, POST /api/v1/report/withdrawal: the student's own record. */
#include "base/clock.h"
#include "base/limits.h"
#include "services/office/decide.h"
#include "services/office/domain.h"

static bool
window_open(const struct report_facts *facts, int64_t now_ms)
{
    return now_ms >= facts->opens_at_ms && now_ms < facts->closes_at_ms;
}

static enum err_code
report_write(struct api_call *call, struct jsonw *w, const struct report_facts *facts,
             struct err *err)
{
    const struct decision_facts *decision = &facts->decision;
    enum review_state seen = decision->known ? decision_visible(decision) : REVIEW_NONE;
    /* A reason is of the decision: of a newer revision nobody has said anything yet. */
    bool decided = decision->known && seen == decision->decided;
    struct str reason = decided ? facts->reason_sealed : STR_NONE;
    enum err_code code =
        reason_open(call, call->session->student_id, decision->decided_id, &reason, err);
    if (code)
        return code;
    jsonw_object_open(w);
    member_optional(w, "campaign_id", decision->campaign_id);
    member_optional(w, "campaign", facts->campaign_name);
    jsonw_member_text(w, "state", review_states[seen].word);
    jsonw_member_text(w, "label", review_states[seen].label);
    jsonw_member_text(w, "next", review_states[seen].next);
    jsonw_member_bool(w, "locked", review_states[seen].locked);
    jsonw_member_bool(w, "can_withdraw",
                      seen == REVIEW_SUBMITTED && window_open(facts, call->now_ms));
    member_optional(w, "submission_id", decision_current_id(decision));
    jsonw_member_int(w, "revision", decision_current_revision(decision));
    jsonw_member_int(w, "newest_revision", facts->newest_revision);
    member_optional(w, "newest_outcome", facts->newest_outcome);
    member_optional(w, "by_level", decided ? decision->by_level : STR_NONE);
    member_time(w, "changed_at", decided ? decision->decided_at_ms : 0);
    member_reason(w, decided ? facts->reason_code : STR_NONE, reason);
    if (decision->known) {
        code = history_write(call, w, call->session->student_id, decision->campaign_id, err);
    } else {
        jsonw_key(w, "history");
        jsonw_raw(w, STR("[]"));
    }
    jsonw_object_close(w);
    return code;
}

/* Answers; what the record is now. */
static void
report_answer(struct api_call *call)
{
    struct report_facts facts;
    struct err err = {0};
    struct buf body;
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    enum err_code code =
        store_report_facts(call->worker->pg, call->session->student_id, call->arena, &facts, &err);
    if (code == ERR_OK)
        code = report_write(call, &w, &facts, &err);
    if (code)
        api_problem_err(call, "report not read", &err);
    else
        api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}

void
report_get(struct api_call *call)
{
    if (session_is_bound(call->session))
        report_answer(call);
    else
        api_problem(call, PROBLEM_BINDING_REQUIRED, NULL);
}

static void
answer_refused(struct api_call *call, const struct decision_verdict *verdict)
{
    struct buf detail;
    buf_init(&detail, 1024);
    review_refusal(REVIEW_WITHDRAW, REVIEW_BY_STUDENT, verdict->from, &detail);
    api_problem(call, review_states[verdict->from].locked ? PROBLEM_LOCKED : PROBLEM_NOT_ALLOWED,
                detail.ptr);
    buf_done(&detail);
}

void
withdrawal_post(struct api_call *call)
{
    struct report_facts facts;
    struct decision_result result;
    struct err err = {0};
    if (!session_is_bound(call->session)) {
        api_problem(call, PROBLEM_BINDING_REQUIRED, NULL);
        return;
    }
    enum err_code code =
        store_report_facts(call->worker->pg, call->session->student_id, call->arena, &facts, &err);
    if (code) {
        api_problem_err(call, "report not read", &err);
        return;
    }
    result.facts = facts.decision;
    /* Who could not hand in again would be left with nothing. */
    if (facts.decision.known && decision_visible(&facts.decision) == REVIEW_SUBMITTED &&
        !window_open(&facts, call->now_ms)) {
        api_problem(call, PROBLEM_WINDOW_CLOSED, NULL);
        return;
    }
    const struct decision asked = {
        .student_id = call->session->student_id,
        .submission_id = decision_current_id(&facts.decision),
        .action = STR("withdraw"),
    };
    const struct decider decider = {
        .id = STR("student"),
        .role = REVIEW_BY_STUDENT,
        .session_id = call->session->session_id,
        .traceparent = trace_parent(&call->trace),
        .now_ms = call->now_ms,
    };
    if (decisions_write(call, &decider, &asked, 1, &result, &err)) {
        api_problem_err(call, "withdrawal not written", &err);
        return;
    }
    if (result.verdict.outcome == DECISION_MADE || result.verdict.outcome == DECISION_REPEATED)
        report_answer(call);
    else if (result.verdict.outcome == DECISION_STALE)
        api_problem(call, PROBLEM_NOT_ALLOWED, result.verdict.text);
    else
        answer_refused(call, &result.verdict);
}
