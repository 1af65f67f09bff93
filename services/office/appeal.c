/* /api/v1/office/appeals: what students ask the school for, and what it decides. Binding applies
 * it. */
#include "base/limits.h"
#include "io/keyring.h"
#include "schema/appeal_event.h"
#include "schema/json.h"
#include "services/office/decide.h"
#include "services/office/domain.h"

/* --- the list --- */

static bool
appeals_query_read(struct api_call *call, const struct scope *scope, struct appeals_query *q)
{
    struct str limit;
    struct str school;
    struct str campaign;
    uint64_t number = PAGE_DEFAULT;
    enum appeal_kind kind;
    enum appeal_state state;
    if (!query_read(call, "state", WORD_LENGTH_MAX, &q->state) ||
        !query_read(call, "kind", WORD_LENGTH_MAX, &q->kind) ||
        !query_read(call, "after", WORD_LENGTH_MAX, &q->after) ||
        !query_read(call, "limit", WORD_LENGTH_MAX, &limit))
        return false;
    const struct {
        const char *name;
        bool wrong;
    } rows[] = {
        {"state", q->state.ptr && !appeal_state_parse(q->state, &state)},
        {"kind", q->kind.ptr && !appeal_kind_parse(q->kind, &kind)},
        {"after", q->after.ptr && !uuid_valid(q->after)},
        {"limit", limit.ptr && (!str_to_u64(limit, PAGE_MAX, &number) || number == 0)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].wrong) {
            answer_field(call, rows[i].name, "one-of", STR("没有这个选项"));
            return false;
        }
    q->limit = (unsigned)number;
    q->college = scope->college;
    if (!school_of(call, scope, &school, &campaign))
        return false;
    q->school = school;
    return true;
}

static void
appeal_row_write(struct jsonw *w, const struct pg_result *rows, size_t row)
{
    enum { ID, KIND, STATE, NAME, NUMBER, COLLEGE, CREATED, DECIDED, OUTCOME };
    enum appeal_kind kind = APPEAL_ROSTER_MISMATCH;
    (void)appeal_kind_parse(pg_str(rows, row, KIND), &kind);
    jsonw_object_open(w);
    jsonw_member(w, "appeal_id", pg_str(rows, row, ID));
    jsonw_member(w, "kind", pg_str(rows, row, KIND));
    jsonw_member_text(w, "title", appeal_kinds[kind].title);
    jsonw_member(w, "state", pg_str(rows, row, STATE));
    member_optional(w, "name", pg_str(rows, row, NAME));
    member_optional(w, "student_number", pg_str(rows, row, NUMBER));
    member_optional(w, "college", pg_str(rows, row, COLLEGE));
    member_time(w, "created_at", pg_int(rows, row, CREATED, 0));
    member_time(w, "decided_at", pg_int(rows, row, DECIDED, 0));
    member_optional(w, "outcome", pg_str(rows, row, OUTCOME));
    jsonw_object_close(w);
}

void
appeals_get(struct api_call *call)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    struct scope scope;
    struct appeals_query q = {0};
    struct err err = {0};
    struct buf body;
    if (!scope_of(call, &scope) || !appeals_query_read(call, &scope, &q))
        return;
    if (store_appeals_list(call->worker->pg, &q, &rows, &err)) {
        api_problem_err(call, "applications not read", &err);
        return;
    }
    size_t count = pg_rows(rows);
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_key(&w, "rows");
    jsonw_array_open(&w);
    for (size_t i = 0; i < count; i++)
        appeal_row_write(&w, rows, i);
    jsonw_array_close(&w);
    member_optional(&w, "next", count == q.limit ? pg_str(rows, count - 1, 0) : STR_NONE);
    jsonw_object_close(&w);
    api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}

/* --- one --- */

/* Columns of sql/appeal_get.sql. */
enum {
    ONE_ACCOUNT,
    ONE_STUDENT,
    ONE_KIND,
    ONE_STATE,
    ONE_CLAIMS,
    ONE_MESSAGE,
    ONE_CREATED,
    ONE_SCHOOL,
    ONE_OUTCOME,
    ONE_HISTORY,
    ONE_DECISION,
    ONE_REASON,
    ONE_DECIDED_AT,
    ONE_DECIDED_BY,
    ONE_LEVEL,
    ONE_NAME,
};

static enum err_code
part_open(struct api_call *call, struct str sealed, struct str context, struct str *ret_plain,
          struct err *err)
{
    *ret_plain = STR_NONE;
    return sealed.len
               ? seal_open(call->worker->sealer, sealed, context, call->arena, ret_plain, err)
               : ERR_OK;
}

/* Claims with their labels; numbers of documents and phones masked. */
static enum err_code
claims_write(struct api_call *call, struct jsonw *w, enum appeal_kind kind, struct str plain,
             struct err *err)
{
    const struct json *root = NULL;
    enum err_code code = plain.len ? json_parse_in(call->arena, plain, &root, err) : ERR_OK;
    if (code)
        return code;
    jsonw_key(w, "claims");
    jsonw_array_open(w);
    for (const struct json *one = root ? json_first(root) : NULL; one; one = json_next(one)) {
        const struct appeal_claim *claim = appeal_claim_find(kind, json_name(one));
        bool masked =
            str_eq_text(json_name(one), "id_number") || str_eq_text(json_name(one), "phone");
        if (claim == NULL || json_str(one).len == 0)
            continue;
        jsonw_object_open(w);
        jsonw_member_text(w, "name", claim->name);
        jsonw_member_text(w, "label", claim->label);
        jsonw_member(w, "value", masked ? text_masked(json_str(one), call->arena) : json_str(one));
        jsonw_member_bool(w, "masked", masked);
        jsonw_object_close(w);
    }
    jsonw_array_close(w);
    return ERR_OK;
}

static void
student_write(struct jsonw *w, const struct pg_result *rows)
{
    static const char *const names[] = {"name",  "student_number", "college",
                                        "class", "major",          "major_code"};
    jsonw_key(w, "student");
    if (pg_is_null(rows, 0, ONE_NAME)) {
        jsonw_null(w);
        return;
    }
    jsonw_object_open(w);
    jsonw_member(w, "student_id", pg_str(rows, 0, ONE_STUDENT));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        jsonw_member(w, names[i], pg_str(rows, 0, ONE_NAME + (int)i));
    jsonw_object_close(w);
}

static enum err_code
appeal_write(struct api_call *call, struct jsonw *w, const struct pg_result *rows, struct err *err)
{
    enum appeal_kind kind = APPEAL_ROSTER_MISMATCH;
    struct str id = call->args[0];
    struct str claims;
    struct str message;
    struct str reason;
    struct str decision = pg_str(rows, 0, ONE_DECISION);
    struct arena *arena = call->arena;
    enum err_code code =
        part_open(call, pg_str(rows, 0, ONE_CLAIMS),
                  arena_printf(arena, "appeal/%.*s/claims", STR_ARG(id)), &claims, err);
    if (code == ERR_OK)
        code = part_open(call, pg_str(rows, 0, ONE_MESSAGE),
                         arena_printf(arena, "appeal/%.*s/message", STR_ARG(id)), &message, err);
    if (code == ERR_OK)
        code = part_open(call, pg_str(rows, 0, ONE_REASON),
                         arena_printf(arena, "appeal-reason/%.*s", STR_ARG(id)), &reason, err);
    if (code)
        return code;
    (void)appeal_kind_parse(pg_str(rows, 0, ONE_KIND), &kind);
    jsonw_object_open(w);
    jsonw_member(w, "appeal_id", id);
    jsonw_member(w, "kind", pg_str(rows, 0, ONE_KIND));
    jsonw_member_text(w, "title", appeal_kinds[kind].title);
    jsonw_member(w, "state", decision.len ? decision : pg_str(rows, 0, ONE_STATE));
    jsonw_member_bool(w, "can_decide", appeal_decider(kind, decider_of_staff(call).role));
    jsonw_member(w, "message", message);
    code = claims_write(call, w, kind, claims, err);
    student_write(w, rows);
    member_time(w, "created_at", pg_int(rows, 0, ONE_CREATED, 0));
    member_time(w, "decided_at", pg_int(rows, 0, ONE_DECIDED_AT, 0));
    member_optional(w, "by_level", pg_str(rows, 0, ONE_LEVEL));
    member_optional(w, "reason", reason);
    member_optional(w, "outcome", pg_str(rows, 0, ONE_OUTCOME));
    jsonw_object_close(w);
    return code;
}

/* The application that a call names, within the scope; answers and returns false otherwise. */
static bool
appeal_read(struct api_call *call, struct pg_result **ret_rows)
{
    struct scope scope;
    struct err err = {0};
    if (!scope_of(call, &scope))
        return false;
    if (uuid_valid(call->args[0])) {
        if (store_appeal_get(call->worker->pg, &scope, call->args[0], ret_rows, &err)) {
            api_problem_err(call, "application not read", &err);
            return false;
        }
        if (pg_rows(*ret_rows) == 1)
            return true;
    }
    api_problem(call, PROBLEM_NOT_FOUND, NULL);
    return false;
}

static void
appeal_answer(struct api_call *call, const struct pg_result *rows)
{
    struct err err = {0};
    struct buf body;
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    if (appeal_write(call, &w, rows, &err))
        api_problem_err(call, "application not shown", &err);
    else
        api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}

void
appeal_get(struct api_call *call)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    if (appeal_read(call, &rows))
        appeal_answer(call, rows);
}

/* --- deciding --- */

struct appeal_body {
    struct str decision;
    struct str reason;
};
static const struct json_row appeal_rows[] = {
    JSON_ROW(struct appeal_body, decision, JSON_KIND_STR, true),
    JSON_ROW(struct appeal_body, reason, JSON_KIND_STR, false),
};

/* What can be; answers and returns false otherwise. */
static bool
appeal_body_check(struct api_call *call, const struct appeal_body *body)
{
    bool refused = str_eq_text(body->decision, appeal_state_name(APPEAL_REFUSED));
    if (!refused && !str_eq_text(body->decision, appeal_state_name(APPEAL_ACCEPTED)))
        answer_field(call, "decision", "one-of", STR("请选择同意（accepted）或不同意（refused）"));
    else if (refused && body->reason.len == 0)
        answer_field(call, "reason", "required", STR("不同意须写明原因，学生会看到"));
    else if (utf8_length(body->reason) > REASON_LENGTH_MAX)
        answer_field(call, "reason", "length", STR("说明过长，请控制在 200 字以内"));
    else if (text_has_number(body->reason))
        answer_field(call, "reason", "no-number", STR("说明中请不要写证件号或手机号"));
    else
        return true;
    return false;
}

static void
answer_not_theirs(struct api_call *call, enum appeal_kind kind)
{
    struct buf detail;
    buf_init(&detail, 512);
    buf_printf(&detail, "“%s”由", appeal_kinds[kind].title);
    appeal_deciders_write(kind, &detail);
    buf_add_text(&detail, "处理");
    api_problem(call, PROBLEM_FORBIDDEN, detail.ptr);
    buf_done(&detail);
}

void
appeal_decide_post(struct api_call *call)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    CLEANUP(pg_result_free) struct pg_result *after = NULL;
    struct office *office = call->worker->service;
    struct appeal_body body = {.decision = STR_NONE};
    struct err err = {0};
    enum appeal_kind kind = APPEAL_ROSTER_MISMATCH;
    bool written = false;
    const struct decider decider = decider_of_staff(call);
    if (!api_read_body(call, appeal_rows, 2, &body) || !appeal_read(call, &rows))
        return;
    (void)appeal_kind_parse(pg_str(rows, 0, ONE_KIND), &kind);
    if (!appeal_decider(kind, decider.role)) {
        answer_not_theirs(call, kind);
        return;
    }
    if (!appeal_body_check(call, &body))
        return;
    const struct appeal_decided news = {
        .appeal_id = call->args[0],
        .account_id = pg_str(rows, 0, ONE_ACCOUNT),
        .student_id = pg_str(rows, 0, ONE_STUDENT),
        .kind = pg_str(rows, 0, ONE_KIND),
        .decision = body.decision,
        .reason = body.reason,
        .at_ms = call->now_ms,
    };
    struct str context = arena_printf(call->arena, "appeal-reason/%.*s", STR_ARG(call->args[0]));
    struct str sealed = body.reason.len
                            ? seal_text(call->worker->sealer, body.reason, context, call->arena)
                            : STR_NONE;
    if (store_appeal_decide(call->worker->pg, &decider, &news, sealed, &written, &err)) {
        api_problem_err(call, "decision not written", &err);
        return;
    }
    bool same = str_eq(pg_str(rows, 0, ONE_DECISION), body.decision) &&
                str_eq(pg_str(rows, 0, ONE_DECIDED_BY), decider.id);
    if (!written && !same) { /* sent twice, as after an answer that was lost, is done */
        api_problem(call, PROBLEM_NOT_ALLOWED, "该申请已经处理或已撤回，请刷新后再看");
        return;
    }
    relay_wake(office->relay);
    if (appeal_read(call, &after))
        appeal_answer(call, after);
}
