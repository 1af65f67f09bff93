/* POST /api/v1/office/reviews and …/reports: one or many decisions, each answered by itself. */
#include "services/office/decide.h"

#include "base/limits.h"
#include "schema/json.h"
#include "services/office/domain.h"

enum { DECISION_MEMBERS = 5 };
struct decisions_body {
    const struct json *decisions;
    struct str action; /* of those that name none */
    struct str reason_code;
    struct str reason;
};
/* clang-format off */
static const struct json_row body_rows[] = {
    JSON_ROW(struct decisions_body, decisions,   JSON_KIND_ARRAY, true),
    JSON_ROW(struct decisions_body, action,      JSON_KIND_STR,   false),
    JSON_ROW(struct decisions_body, reason_code, JSON_KIND_STR,   false),
    JSON_ROW(struct decisions_body, reason,      JSON_KIND_STR,   false),
};
static const struct json_row decision_rows[DECISION_MEMBERS] = {
    JSON_ROW(struct decision, student_id,    JSON_KIND_STR, true),
    JSON_ROW(struct decision, submission_id, JSON_KIND_STR, true),
    JSON_ROW(struct decision, action,        JSON_KIND_STR, false),
    JSON_ROW(struct decision, reason_code,   JSON_KIND_STR, false),
    JSON_ROW(struct decision, reason,        JSON_KIND_STR, false),
};
/* clang-format on */

struct decider
decider_of_staff(const struct api_call *call)
{
    static const enum review_role roles[STAFF_ROLE_COUNT_] = {
        [STAFF_COUNSELLOR] = REVIEW_BY_COUNSELLOR,
        [STAFF_COLLEGE] = REVIEW_BY_COLLEGE,
        [STAFF_SCHOOL] = REVIEW_BY_SCHOOL,
        [STAFF_PROVINCE] = REVIEW_BY_PROVINCE,
    };
    return (struct decider){
        .id = call->staff->staff_id,
        .role = roles[call->staff->role],
        .session_id = call->staff->session_id,
        .traceparent = trace_parent(&call->trace),
        .now_ms = call->now_ms,
    };
}

/* --- carrying out --- */

static struct decision_row
row_of(struct api_call *call, const struct decision *asked, const struct decision_result *result)
{
    const struct review_reason *reason = review_reason_find(asked->reason_code);
    return (struct decision_row){
        .student_id = asked->student_id,
        .campaign_id = result->facts.campaign_id,
        .submission_id = asked->submission_id,
        .revision = decision_current_revision(&result->facts),
        .action = review_action_word(result->verdict.action),
        .from = review_states[result->verdict.from].word,
        .to = review_states[result->verdict.to].word,
        .seen = result->facts.version,
        .reason_code = asked->reason_code,
        .reason_sealed = reason_seal(call, asked->student_id, asked->submission_id, asked->reason),
        .reason_text = reason ? str_of(reason->text) : STR_NONE,
    };
}

/* A student stands once in a request: the second would decide on what the first made. */
static bool
stands_before(const struct decision *asked, size_t place)
{
    for (size_t i = 0; i < place; i++)
        if (str_eq(asked[i].student_id, asked[place].student_id))
            return true;
    return false;
}

enum err_code
decisions_write(struct api_call *call, const struct decider *decider, const struct decision *asked,
                size_t count, struct decision_result *results, struct err *err)
{
    struct office *office = call->worker->service;
    struct decision_row *rows = arena_alloc(call->arena, (count + 1) * sizeof *rows);
    size_t *places = arena_alloc(call->arena, (count + 1) * sizeof *places);
    bool *written = arena_alloc(call->arena, count + 1);
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        results[i].verdict = decide(&asked[i], &results[i].facts, decider->role, decider->id);
        if (results[i].verdict.outcome == DECISION_MADE && stands_before(asked, i)) {
            results[i].verdict.outcome = DECISION_INVALID;
            results[i].verdict.member = "student_id";
            results[i].verdict.text = "同一学生在一次请求中只能出现一次";
        }
        if (results[i].verdict.outcome != DECISION_MADE)
            continue;
        places[made] = i;
        rows[made++] = row_of(call, &asked[i], &results[i]);
    }
    enum err_code code = store_decisions_put(call->worker->pg, decider, rows, made, written, err);
    if (code)
        return code;
    for (size_t k = 0; k < made; k++)
        if (!written[k]) {
            results[places[k]].verdict.outcome = DECISION_STALE;
            results[places[k]].verdict.text = "刚刚已有他人处理，请刷新后再看";
        }
    if (made)
        relay_wake(office->relay);
    return ERR_OK;
}

enum err_code
decisions_carry_out(struct api_call *call, const struct decider *decider, const struct scope *scope,
                    const struct decision *asked, size_t count, struct decision_result *ret_results,
                    struct err *err)
{
    struct decision_facts *facts = arena_alloc(call->arena, (count + 1) * sizeof *facts);
    enum err_code code =
        store_decision_facts(call->worker->pg, scope, asked, count, call->arena, facts, err);
    if (code)
        return code;
    for (size_t i = 0; i < count; i++)
        ret_results[i].facts = facts[i];
    return decisions_write(call, decider, asked, count, ret_results, err);
}

/* --- answering --- */

static void
result_write(struct jsonw *w, enum review_role role, const struct decision *asked,
             const struct decision_result *result)
{
    static const struct {
        int status;
        const char *word;
    } outcomes[] = {
        [DECISION_MADE] = {200, "done"},           [DECISION_REPEATED] = {200, "done"},
        [DECISION_UNKNOWN] = {404, "not-found"},   [DECISION_STALE] = {409, "stale"},
        [DECISION_REFUSED] = {409, "not-allowed"}, [DECISION_INVALID] = {422, "invalid-value"},
    };
    const struct decision_verdict *verdict = &result->verdict;
    jsonw_object_open(w);
    jsonw_member(w, "student_id", asked->student_id);
    jsonw_member(w, "submission_id", asked->submission_id);
    jsonw_member_int(w, "status", outcomes[verdict->outcome].status);
    jsonw_member_text(w, "result", outcomes[verdict->outcome].word);
    if (verdict->outcome == DECISION_MADE || verdict->outcome == DECISION_REPEATED) {
        jsonw_member_text(w, "state", review_states[verdict->to].word);
    } else if (result->facts.known && verdict->outcome != DECISION_INVALID) {
        jsonw_member_text(w, "state", review_states[verdict->from].word);
        if (result->facts.by_level.len) { /* who was quicker */
            jsonw_member(w, "by_level", result->facts.by_level);
            member_time(w, "changed_at", result->facts.decided_at_ms);
        }
    }
    if (verdict->outcome == DECISION_REFUSED) {
        struct buf detail;
        buf_init(&detail, 1024);
        review_refusal(verdict->action, role, verdict->from, &detail);
        jsonw_member(w, "detail", buf_str(&detail));
        buf_done(&detail);
    } else if (verdict->text) {
        jsonw_member_text(w, "detail", verdict->text);
    } else if (verdict->outcome == DECISION_UNKNOWN) {
        jsonw_member_text(w, "detail", "没有找到");
    }
    if (verdict->member)
        jsonw_member_text(w, "member", verdict->member);
    jsonw_object_close(w);
}

static size_t
results_write(struct jsonw *w, enum review_role role, const struct decision *asked, size_t count,
              const struct decision_result *results)
{
    size_t done = 0;
    jsonw_key(w, "results");
    jsonw_array_open(w);
    for (size_t i = 0; i < count; i++) {
        result_write(w, role, &asked[i], &results[i]);
        done += results[i].verdict.outcome == DECISION_MADE ||
                results[i].verdict.outcome == DECISION_REPEATED;
    }
    jsonw_array_close(w);
    jsonw_member_int(w, "done", (int64_t)done);
    jsonw_member_int(w, "refused", (int64_t)(count - done));
    return done;
}

/* --- reading the body --- */

/* One of the list; answers 400 and returns false when it is none. */
static bool
decision_read(struct api_call *call, const struct json *value, const struct decisions_body *body,
              struct decision *ret)
{
    struct err err = {0};
    char member[64] = "";
    *ret = (struct decision){.student_id = STR_NONE};
    enum err_code code = json_read(value, decision_rows, DECISION_MEMBERS, true, ret, member, &err);
    if (code) {
        enum problem_id id = code == ERR_UNKNOWN_MEMBER   ? PROBLEM_UNKNOWN_MEMBER
                             : code == ERR_MISSING_MEMBER ? PROBLEM_MISSING_MEMBER
                                                          : PROBLEM_MALFORMED;
        api_problem(call, id,
                    arena_printf(call->arena, "%s：decisions.%s", problems[id].title, member).ptr);
        return false;
    }
    if (ret->action.len == 0)
        ret->action = body->action;
    if (ret->reason_code.len == 0 && ret->reason.len == 0) {
        ret->reason_code = body->reason_code;
        ret->reason = body->reason;
    }
    return true;
}

static bool
decisions_read(struct api_call *call, struct decision *ret, size_t *ret_count)
{
    struct decisions_body body = {0};
    size_t count = 0;
    if (!api_read_body(call, body_rows, sizeof body_rows / sizeof body_rows[0], &body))
        return false;
    for (const struct json *v = json_first(body.decisions); v; v = json_next(v)) {
        if (count == DECISIONS_MAX) {
            answer_field(call, "decisions", "length", STR("一次最多处理 500 条"));
            return false;
        }
        if (!decision_read(call, v, &body, &ret[count++]))
            return false;
    }
    if (count == 0) {
        answer_field(call, "decisions", "required", STR("请选择要处理的记录"));
        return false;
    }
    *ret_count = count;
    return true;
}

void
reviews_post(struct api_call *call)
{
    struct scope scope;
    struct err err = {0};
    struct buf body;
    size_t count = 0;
    struct decision *asked = arena_alloc(call->arena, DECISIONS_MAX * sizeof *asked);
    if (!decisions_read(call, asked, &count) || !scope_of(call, &scope))
        return;
    struct decision_result *results = arena_alloc(call->arena, count * sizeof *results);
    const struct decider decider = decider_of_staff(call);
    if (decisions_carry_out(call, &decider, &scope, asked, count, results, &err)) {
        api_problem_err(call, "decisions not written", &err);
        return;
    }
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    (void)results_write(&w, decider.role, asked, count, results);
    jsonw_object_close(&w);
    api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}

/* --- reporting what a school has approved --- */

static enum err_code
approved_read(struct api_call *call, struct str school, struct str campaign, struct decision *ret,
              size_t *ret_count, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    enum err_code code = store_approved(call->worker->pg, school, campaign, &rows, err);
    if (code)
        return code;
    *ret_count = pg_rows(rows) < DECISIONS_MAX ? pg_rows(rows) : DECISIONS_MAX;
    for (size_t i = 0; i < *ret_count; i++)
        ret[i] = (struct decision){
            .student_id = arena_copy(call->arena, pg_str(rows, i, 0)),
            .submission_id = arena_copy(call->arena, pg_str(rows, i, 1)),
            .action = STR("report"),
        };
    return ERR_OK;
}

void
reports_post(struct api_call *call)
{
    struct scope scope;
    struct str school;
    struct str campaign;
    struct err err = {0};
    struct buf body;
    size_t count = 0;
    struct decision *asked = arena_alloc(call->arena, DECISIONS_MAX * sizeof *asked);
    const struct decider decider = decider_of_staff(call);
    if (call->staff->role != STAFF_SCHOOL) {
        api_problem(call, PROBLEM_FORBIDDEN, "由学校上报；您的账号没有这项权限");
        return;
    }
    if (!scope_of(call, &scope) || !school_of(call, &scope, &school, &campaign))
        return;
    enum err_code code = approved_read(call, school, campaign, asked, &count, &err);
    struct decision_result *results = arena_alloc(call->arena, (count + 1) * sizeof *results);
    if (code == ERR_OK)
        code = decisions_carry_out(call, &decider, &scope, asked, count, results, &err);
    if (code) {
        api_problem_err(call, "reports not written", &err);
        return;
    }
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_member(&w, "campaign_id", campaign);
    (void)results_write(&w, decider.role, asked, count, results);
    jsonw_member_bool(&w, "more", count == DECISIONS_MAX);
    jsonw_object_close(&w);
    api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}
