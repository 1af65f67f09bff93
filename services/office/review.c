/* GET /api/v1/office/reviews, …/{id}, …/review-reasons, …/progress: what staff sees. */
#include "base/clock.h"
#include "base/limits.h"
#include "io/keyring.h"
#include "schema/submission_event.h"
#include "services/office/decide.h"
#include "services/office/domain.h"

/* --- the list --- */

static bool
list_query_read(struct api_call *call, const struct scope *scope, struct reviews_query *q)
{
    enum review_state known;
    struct str limit;
    uint64_t number = PAGE_DEFAULT;
    if (!query_read(call, "college", COLLEGE_LENGTH_MAX, &q->college) ||
        !query_read(call, "state", WORD_LENGTH_MAX, &q->state) ||
        !query_read(call, "student_number", NUMBER_LENGTH_MAX, &q->student_number) ||
        !query_read(call, "after", WORD_LENGTH_MAX, &q->after) ||
        !query_read(call, "limit", WORD_LENGTH_MAX, &limit))
        return false;
    if (q->state.ptr && !review_state_parse(q->state, &known)) {
        answer_field(call, "state", "one-of", STR("没有这个状态"));
        return false;
    }
    if (limit.ptr && (!str_to_u64(limit, PAGE_MAX, &number) || number == 0)) {
        answer_field(call, "limit", "range", STR("每页 1 至 100 条"));
        return false;
    }
    q->limit = (unsigned)number;
    if (q->after.ptr && !uuid_valid(q->after)) {
        answer_field(call, "after", "format", STR("请使用上一页返回的 next"));
        return false;
    }
    if (scope->college.len && q->college.len && !str_eq(q->college, scope->college)) {
        api_problem(call, PROBLEM_NOT_FOUND, NULL);
        return false;
    }
    if (scope->college.len)
        q->college = scope->college;
    return school_of(call, scope, &q->school, &q->campaign);
}

static void
list_row_write(struct jsonw *w, const struct pg_result *rows, size_t row)
{
    enum { STUDENT, NAME, NUMBER, COLLEGE, CLASS, MAJOR, STATE, SUBMISSION, REVISION, LEVEL, AT };
    enum review_state state = REVIEW_NONE;
    (void)review_state_parse(pg_str(rows, row, STATE), &state);
    jsonw_object_open(w);
    jsonw_member(w, "student_id", pg_str(rows, row, STUDENT));
    jsonw_member(w, "name", pg_str(rows, row, NAME));
    jsonw_member(w, "student_number", pg_str(rows, row, NUMBER));
    jsonw_member(w, "college", pg_str(rows, row, COLLEGE));
    jsonw_member(w, "class", pg_str(rows, row, CLASS));
    jsonw_member(w, "major", pg_str(rows, row, MAJOR));
    jsonw_member_text(w, "state", review_states[state].word);
    jsonw_member_text(w, "label", review_states[state].label);
    member_optional(w, "submission_id", pg_str(rows, row, SUBMISSION));
    jsonw_member_int(w, "revision", pg_int(rows, row, REVISION, 0));
    member_optional(w, "by_level", pg_str(rows, row, LEVEL));
    member_time(w, "changed_at", pg_int(rows, row, AT, 0));
    jsonw_object_close(w);
}

void
reviews_get(struct api_call *call)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    struct scope scope;
    struct reviews_query q = {0};
    struct err err = {0};
    struct buf body;
    if (!scope_of(call, &scope) || !list_query_read(call, &scope, &q))
        return;
    if (store_reviews_list(call->worker->pg, &q, &rows, &err)) {
        api_problem_err(call, "reviews not read", &err);
        return;
    }
    size_t count = pg_rows(rows);
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_member(&w, "school_code", q.school);
    jsonw_member(&w, "campaign_id", q.campaign);
    jsonw_key(&w, "rows");
    jsonw_array_open(&w);
    for (size_t i = 0; i < count; i++)
        list_row_write(&w, rows, i);
    jsonw_array_close(&w);
    member_optional(&w, "next", count == q.limit ? pg_str(rows, count - 1, 0) : STR_NONE);
    jsonw_object_close(&w);
    api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}

/* --- one record --- */

/* Columns of sql/review_get.sql. */
static const enum field_id roster_columns[] = {
    FIELD_YXDM,   FIELD_YXMC, FIELD_FXMC, FIELD_XM,     FIELD_KSH,  FIELD_ZJLX,
    FIELD_COUNT_, FIELD_SFZH, FIELD_XBDM, FIELD_CSRQ,   FIELD_MZDM, FIELD_XLDM,
    FIELD_ZYDM,   FIELD_ZYMC, FIELD_ZYFX, FIELD_PYFSDM, FIELD_XZ,   FIELD_RXSJ,
    FIELD_BYSJ,   FIELD_SZYX, FIELD_SZBJ, FIELD_XH,
};
static const enum field_id record_columns[] = {
    FIELD_ZZMMDM,    FIELD_DXHWPDW,  FIELD_SYSZDDM,  FIELD_CXSY,     FIELD_SFSLBDM,
    FIELD_RXQDASZDW, FIELD_DASFZRXX, FIELD_HKSFZRXX, FIELD_YHKSZDDM,
};
enum {
    ROSTER_COLUMNS = sizeof roster_columns / sizeof roster_columns[0],
    RECORD_COLUMNS = sizeof record_columns / sizeof record_columns[0],
    ROW_DOCUMENT_INDEX = 6,
    ROW_ACCEPTED = ROSTER_COLUMNS,
    ROW_DECIDED,
    ROW_STATE,
    ROW_SUBMISSION,
    ROW_REVISION,
    ROW_JUDGED_AT,
    ROW_FINDINGS,
    ROW_SEALED,
    ROW_REASON_CODE,
    ROW_REASON,
    ROW_CHANGED_AT,
    ROW_LEVEL,
    ROW_VERSION,
    ROW_RECORD,
};

/* All values in clear, in the arena. */
static enum err_code
values_read(struct api_call *call, const struct pg_result *rows, struct str value[FIELD_COUNT_],
            struct err *err)
{
    struct str student_id = call->args[0];
    struct str submission_id = pg_str(rows, 0, ROW_SUBMISSION);
    struct str sealed = pg_str(rows, 0, ROW_SEALED);
    struct sealer *sealer = call->worker->sealer;
    for (size_t i = 0; i < ROSTER_COLUMNS; i++)
        if (roster_columns[i] != FIELD_COUNT_)
            value[roster_columns[i]] = arena_copy(call->arena, pg_str(rows, 0, (int)i));
    for (size_t i = 0; i < RECORD_COLUMNS; i++)
        value[record_columns[i]] = arena_copy(call->arena, pg_str(rows, 0, ROW_RECORD + (int)i));
    if (value[FIELD_KSH].len) {
        struct str context =
            arena_printf(call->arena, "ksh/%.*s", STR_ARG(pg_str(rows, 0, ROW_DOCUMENT_INDEX)));
        enum err_code code =
            seal_open(sealer, value[FIELD_KSH], context, call->arena, &value[FIELD_KSH], err);
        if (code)
            return code;
    }
    if (sealed.len == 0) /* no record, or one of before the fields were sealed as one */
        return ERR_OK;
    struct str plain;
    struct str context = submission_sealed_context(student_id, submission_id, call->arena);
    enum err_code code = seal_open(sealer, sealed, context, call->arena, &plain, err);
    return code ? code : submission_sealed_decode(plain, call->arena, value, err);
}

static void
fields_write(struct api_call *call, struct jsonw *w, const struct str value[FIELD_COUNT_])
{
    enum review_role role = decider_of_staff(call).role;
    jsonw_key(w, "fields");
    jsonw_array_open(w);
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        bool shown = field_shown((enum field_id)i, role);
        /* SFZH comes masked from the roster's own column. */
        bool mask = !shown && i != FIELD_SFZH;
        if (value[i].len == 0)
            continue;
        jsonw_object_open(w);
        jsonw_member_text(w, "name", fields[i].name);
        jsonw_member_text(w, "label", fields[i].label);
        jsonw_member_text(w, "owner",
                          fields[i].owner == FIELD_OWNER_STUDENT ? "student" : "roster");
        jsonw_member(w, "value", mask ? text_masked(value[i], call->arena) : value[i]);
        jsonw_member_bool(w, "masked", !shown);
        jsonw_object_close(w);
    }
    jsonw_array_close(w);
}

static enum err_code
review_write(struct api_call *call, struct jsonw *w, const struct pg_result *rows,
             struct str campaign_id, struct err *err)
{
    struct str *value = arena_alloc(call->arena, FIELD_COUNT_ * sizeof *value);
    enum review_state decided = REVIEW_NONE;
    struct str reason = pg_str(rows, 0, ROW_REASON);
    enum err_code code = values_read(call, rows, value, err);
    if (code == ERR_OK)
        code = reason_open(call, call->args[0], pg_str(rows, 0, ROW_DECIDED), &reason, err);
    if (code)
        return code;
    (void)review_state_parse(pg_str(rows, 0, ROW_STATE), &decided);
    enum review_state seen =
        review_visible(pg_str(rows, 0, ROW_ACCEPTED), pg_str(rows, 0, ROW_DECIDED), decided);
    jsonw_object_open(w);
    jsonw_member(w, "student_id", call->args[0]);
    jsonw_member(w, "campaign_id", campaign_id);
    jsonw_member_text(w, "state", review_states[seen].word);
    jsonw_member_text(w, "label", review_states[seen].label);
    jsonw_member_text(w, "next", review_states[seen].next);
    member_optional(w, "submission_id", pg_str(rows, 0, ROW_SUBMISSION));
    jsonw_member_int(w, "revision", pg_int(rows, 0, ROW_REVISION, 0));
    member_time(w, "judged_at", pg_int(rows, 0, ROW_JUDGED_AT, 0));
    member_time(w, "changed_at", pg_int(rows, 0, ROW_CHANGED_AT, 0));
    member_optional(w, "by_level", pg_str(rows, 0, ROW_LEVEL));
    member_reason(w, pg_str(rows, 0, ROW_REASON_CODE), reason);
    jsonw_key(w, "findings");
    jsonw_raw(w, pg_str(rows, 0, ROW_FINDINGS));
    fields_write(call, w, value);
    code = history_write(call, w, call->args[0], campaign_id, err);
    jsonw_object_close(w);
    return code;
}

/* The campaign that is asked for, or the one of the student's school now. */
static bool
campaign_read(struct api_call *call, struct str *ret_campaign)
{
    struct err err = {0};
    if (!query_read(call, "campaign_id", CAMPAIGN_LENGTH_MAX, ret_campaign))
        return false;
    if (ret_campaign->len || call->staff->school_code.len == 0)
        return true;
    enum err_code code = store_campaign_of_school(call->worker->pg, call->staff->school_code,
                                                  call->arena, ret_campaign, &err);
    if (code == ERR_NOT_FOUND)
        api_problem(call, PROBLEM_NOT_FOUND, NULL);
    else if (code)
        api_problem_err(call, "campaign not read", &err);
    return code == ERR_OK;
}

void
review_get(struct api_call *call)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    struct scope scope;
    struct str campaign_id;
    struct err err = {0};
    struct buf body;
    if (!scope_of(call, &scope) || !campaign_read(call, &campaign_id))
        return;
    if (!uuid_valid(call->args[0])) {
        api_problem(call, PROBLEM_NOT_FOUND, NULL);
        return;
    }
    if (store_review_get(call->worker->pg, &scope, call->args[0], campaign_id, &rows, &err)) {
        api_problem_err(call, "review not read", &err);
        return;
    }
    if (pg_rows(rows) == 0) {
        api_problem(call, PROBLEM_NOT_FOUND, NULL);
        return;
    }
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    if (review_write(call, &w, rows, campaign_id, &err))
        api_problem_err(call, "review not read", &err);
    else
        api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}

/* --- lists --- */

void
reasons_get(struct api_call *call)
{
    struct buf body;
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_key(&w, "rows");
    jsonw_array_open(&w);
    for (size_t i = 0; i < review_reason_count; i++) {
        jsonw_object_open(&w);
        jsonw_member_text(&w, "code", review_reasons[i].code);
        jsonw_member_text(&w, "text", review_reasons[i].text);
        jsonw_member_bool(&w, "needs_text", review_reasons[i].needs_text);
        jsonw_object_close(&w);
    }
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}

/* Columns of sql/progress.sql behind the college; `passed` is the sum of three of them. */
static const char *const counts[] = {"students", "bound",     "filled",           "submitted",
                                     "returned", "withdrawn", "college_approved", "school_approved",
                                     "reported", "missing"};
enum { COUNTS = sizeof counts / sizeof counts[0], PASSED_FIRST = 6, PASSED_LAST = 8 };

static void
counts_write(struct jsonw *w, const int64_t count[COUNTS])
{
    int64_t passed = 0;
    for (size_t i = 0; i < COUNTS; i++) {
        jsonw_member_int(w, counts[i], count[i]);
        passed += i >= PASSED_FIRST && i <= PASSED_LAST ? count[i] : 0;
    }
    jsonw_member_int(w, "passed", passed);
}

static void
progress_write(struct jsonw *w, const struct pg_result *rows)
{
    int64_t total[COUNTS] = {0};
    jsonw_key(w, "colleges");
    jsonw_array_open(w);
    for (size_t row = 0; row < pg_rows(rows); row++) {
        int64_t count[COUNTS];
        for (size_t i = 0; i < COUNTS; i++) {
            count[i] = pg_int(rows, row, 1 + (int)i, 0);
            total[i] += count[i];
        }
        jsonw_object_open(w);
        jsonw_member(w, "college", pg_str(rows, row, 0));
        counts_write(w, count);
        jsonw_object_close(w);
    }
    jsonw_array_close(w);
    jsonw_key(w, "total");
    jsonw_object_open(w);
    counts_write(w, total);
    jsonw_object_close(w);
}

void
progress_get(struct api_call *call)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    struct scope scope;
    struct str school;
    struct str campaign;
    struct err err = {0};
    struct buf body;
    if (!scope_of(call, &scope) || !school_of(call, &scope, &school, &campaign))
        return;
    if (store_progress(call->worker->pg, school, scope.college, campaign, &rows, &err)) {
        api_problem_err(call, "progress not read", &err);
        return;
    }
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_member(&w, "school_code", school);
    jsonw_member(&w, "campaign_id", campaign);
    member_time(&w, "at", call->now_ms);
    progress_write(&w, rows);
    jsonw_object_close(&w);
    api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}
