#include "services/office/store_pg.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/limits.h"
#include "io/keyring.h"
#include "office_sql.h"
#include "schema/appeal_event.h"
#include "schema/review_event.h"

const struct pg_statement *const store_outbox_take = &SQL_OUTBOX_TAKE;
const struct pg_statement *const store_outbox_done = &SQL_OUTBOX_DONE;
const struct pg_statement *const store_outbox_forget = &SQL_OUTBOX_FORGET;

/* Columns that sql/review_facts.sql and sql/report_facts.sql have in common, after the first. */
static void
facts_read(const struct pg_result *rows, size_t row, int column, struct arena *arena,
           struct decision_facts *facts)
{
    enum { CAMPAIGN, SCHOOL, ACCEPTED, ACCEPTED_REVISION, DECIDED, DECIDED_REVISION };
    enum { STATE = DECIDED_REVISION + 1, VERSION, BY, LEVEL, AT };
    *facts = (struct decision_facts){
        .known = true,
        .campaign_id = arena_copy(arena, pg_str(rows, row, column + CAMPAIGN)),
        .school_code = arena_copy(arena, pg_str(rows, row, column + SCHOOL)),
        .accepted_id = arena_copy(arena, pg_str(rows, row, column + ACCEPTED)),
        .accepted_revision = pg_int(rows, row, column + ACCEPTED_REVISION, 0),
        .decided_id = arena_copy(arena, pg_str(rows, row, column + DECIDED)),
        .decided_revision = pg_int(rows, row, column + DECIDED_REVISION, 0),
        .version = pg_int(rows, row, column + VERSION, 0),
        .decided_by = arena_copy(arena, pg_str(rows, row, column + BY)),
        .by_level = arena_copy(arena, pg_str(rows, row, column + LEVEL)),
        .decided_at_ms = pg_int(rows, row, column + AT, 0),
    };
    (void)review_state_parse(pg_str(rows, row, column + STATE), &facts->decided);
}

enum err_code
store_decision_facts(struct pg *pg, const struct scope *scope, const struct decision *asked,
                     size_t count, struct arena *arena, struct decision_facts *ret_facts,
                     struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    struct pg_array ids[2];
    for (size_t i = 0; i < 2; i++)
        pg_array_init_of(&ids[i], PG_TYPE_UUID, LIMIT_MESSAGE);
    for (size_t i = 0; i < count; i++) {
        ret_facts[i] = (struct decision_facts){.known = false};
        bool valid = uuid_valid(asked[i].student_id) && uuid_valid(asked[i].submission_id);
        if (valid) {
            pg_array_add(&ids[0], asked[i].student_id);
            pg_array_add(&ids[1], asked[i].submission_id);
        } else { /* keeps its place, and is nobody's */
            pg_array_add_null(&ids[0]);
            pg_array_add_null(&ids[1]);
        }
    }
    for (size_t i = 0; i < 2; i++)
        pg_array_finish(&ids[i]);
    const struct pg_param params[] = {PG_ARRAY(&ids[0]), PG_ARRAY(&ids[1]),
                                      PG_STR(scope->school_code), PG_STR(scope->college)};
    enum err_code code = pg_exec(pg, &SQL_REVIEW_FACTS, params, 4, &rows, err);
    for (size_t i = 0; i < 2; i++)
        pg_array_done(&ids[i]);
    if (code)
        return code;
    for (size_t i = 0; i < pg_rows(rows); i++) {
        int64_t place = pg_int(rows, i, 0, 0);
        if (place >= 1 && place <= (int64_t)count)
            facts_read(rows, i, 1, arena, &ret_facts[place - 1]);
    }
    return ERR_OK;
}

enum {
    PUT_STUDENT,
    PUT_CAMPAIGN,
    PUT_SUBMISSION,
    PUT_REVISION,
    PUT_ACTION,
    PUT_FROM,
    PUT_TO,
    PUT_SEEN,
    PUT_REASON_CODE,
    PUT_REASON_SEALED,
    PUT_EVENT_ID,
    PUT_EVENT,
    PUT_COLUMNS,
};
static const enum pg_type put_types[PUT_COLUMNS] = {
    PG_TYPE_UUID, PG_TYPE_TEXT, PG_TYPE_UUID, PG_TYPE_INT4, PG_TYPE_TEXT, PG_TYPE_TEXT,
    PG_TYPE_TEXT, PG_TYPE_INT4, PG_TYPE_TEXT, PG_TYPE_TEXT, PG_TYPE_UUID, PG_TYPE_TEXT,
};

static struct str
null_if_empty(struct str text)
{
    return text.len ? text : STR_NONE;
}

static void
put_add(struct pg_array arrays[PUT_COLUMNS], const struct decider *decider,
        const struct decision_row *row)
{
    char event_id[SUBMISSION_ID_SIZE];
    struct buf event;
    const struct review_decided news = {
        .student_id = row->student_id,
        .campaign_id = row->campaign_id,
        .submission_id = row->submission_id,
        .from = str_of(row->from),
        .to = str_of(row->to),
        .reason = row->reason_text,
        .by_level = str_of(review_role_word(decider->role)),
        .at_ms = decider->now_ms,
    };
    uuid_random(event_id);
    buf_init(&event, LIMIT_MESSAGE);
    review_decided_encode(&news, &event);
    pg_array_add(&arrays[PUT_STUDENT], row->student_id);
    pg_array_add(&arrays[PUT_CAMPAIGN], row->campaign_id);
    pg_array_add(&arrays[PUT_SUBMISSION], row->submission_id);
    pg_array_add_int(&arrays[PUT_REVISION], row->revision);
    pg_array_add(&arrays[PUT_ACTION], str_of(row->action));
    pg_array_add(&arrays[PUT_FROM], str_of(row->from));
    pg_array_add(&arrays[PUT_TO], str_of(row->to));
    pg_array_add_int(&arrays[PUT_SEEN], row->seen);
    pg_array_add(&arrays[PUT_REASON_CODE], null_if_empty(row->reason_code));
    pg_array_add(&arrays[PUT_REASON_SEALED], null_if_empty(row->reason_sealed));
    pg_array_add(&arrays[PUT_EVENT_ID], str_of(event_id));
    pg_array_add(&arrays[PUT_EVENT], buf_str(&event));
    buf_done(&event);
}

enum err_code
store_decisions_put(struct pg *pg, const struct decider *decider, const struct decision_row *rows,
                    size_t count, bool *ret_written, struct err *err)
{
    enum { PARAMS = PUT_COLUMNS + 6, EVENTS_MAX = 4 * 1024 * 1024 };
    CLEANUP(pg_result_free) struct pg_result *written = NULL;
    struct pg_array arrays[PUT_COLUMNS];
    struct pg_param params[PARAMS];
    for (size_t i = 0; i < count; i++)
        ret_written[i] = false;
    if (count == 0)
        return ERR_OK;
    for (size_t i = 0; i < PUT_COLUMNS; i++)
        pg_array_init_of(&arrays[i], put_types[i], EVENTS_MAX);
    for (size_t i = 0; i < count; i++)
        put_add(arrays, decider, &rows[i]);
    for (size_t i = 0; i < PUT_COLUMNS; i++) {
        pg_array_finish(&arrays[i]);
        params[i] = PG_ARRAY(&arrays[i]);
    }
    params[PUT_COLUMNS] = PG_STR(decider->id);
    params[PUT_COLUMNS + 1] = PG_STR(str_of(review_role_word(decider->role)));
    params[PUT_COLUMNS + 2] = PG_STR(decider->session_id);
    params[PUT_COLUMNS + 3] = pg_str_or_null(decider->traceparent);
    params[PUT_COLUMNS + 4] = PG_STR(STR(TOPIC_REVIEW_DECIDED));
    params[PUT_COLUMNS + 5] = PG_STR(STR(TYPE_REVIEW_DECIDED));
    enum err_code code = pg_exec(pg, &SQL_REVIEW_PUT, params, PARAMS, &written, err);
    for (size_t i = 0; i < PUT_COLUMNS; i++)
        pg_array_done(&arrays[i]);
    if (code)
        return code;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < pg_rows(written) && !ret_written[i]; k++)
            ret_written[i] = str_eq(rows[i].student_id, pg_str(written, k, 0));
    return ERR_OK;
}

enum err_code
store_report_facts(struct pg *pg, struct str student_id, struct arena *arena,
                   struct report_facts *ret, struct err *err)
{
    enum { REASON_CODE = 11, REASON_SEALED, NEWEST, OUTCOME, NAME, OPENS, CLOSES };
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    const struct pg_param params[] = {PG_STR(student_id)};
    enum err_code code = pg_exec(pg, &SQL_REPORT_FACTS, params, 1, &rows, err);
    if (code)
        return code;
    *ret = (struct report_facts){.decision = {.known = false}};
    if (pg_rows(rows) == 0)
        return ERR_OK;
    facts_read(rows, 0, 0, arena, &ret->decision);
    ret->reason_code = arena_copy(arena, pg_str(rows, 0, REASON_CODE));
    ret->reason_sealed = arena_copy(arena, pg_str(rows, 0, REASON_SEALED));
    ret->newest_revision = pg_int(rows, 0, NEWEST, 0);
    ret->newest_outcome = arena_copy(arena, pg_str(rows, 0, OUTCOME));
    ret->campaign_name = arena_copy(arena, pg_str(rows, 0, NAME));
    ret->opens_at_ms = pg_int(rows, 0, OPENS, 0);
    ret->closes_at_ms = pg_int(rows, 0, CLOSES, 0);
    return ERR_OK;
}

enum err_code
store_history(struct pg *pg, struct str student_id, struct str campaign_id,
              struct pg_result **ret_rows, struct err *err)
{
    const struct pg_param params[] = {PG_STR(student_id), PG_STR(campaign_id)};
    return pg_exec(pg, &SQL_HISTORY, params, 2, ret_rows, err);
}

enum err_code
store_reviews_list(struct pg *pg, const struct reviews_query *q, struct pg_result **ret_rows,
                   struct err *err)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%u", q->limit);
    const struct pg_param params[] = {
        PG_STR(q->school),         PG_STR(q->college),       PG_STR(q->campaign),
        PG_STR(q->state),          pg_str_or_null(q->after), PG_STR(str_of(number)),
        PG_STR(q->student_number),
    };
    return pg_exec(pg, &SQL_REVIEWS_LIST, params, 7, ret_rows, err);
}

enum err_code
store_review_get(struct pg *pg, const struct scope *scope, struct str student_id,
                 struct str campaign_id, struct pg_result **ret_rows, struct err *err)
{
    const struct pg_param params[] = {PG_STR(student_id), PG_STR(campaign_id),
                                      PG_STR(scope->school_code), PG_STR(scope->college)};
    return pg_exec(pg, &SQL_REVIEW_GET, params, 4, ret_rows, err);
}

enum err_code
store_progress(struct pg *pg, struct str school_code, struct str college, struct str campaign_id,
               struct pg_result **ret_rows, struct err *err)
{
    const struct pg_param params[] = {PG_STR(school_code), PG_STR(college), PG_STR(campaign_id)};
    return pg_exec(pg, &SQL_PROGRESS, params, 3, ret_rows, err);
}

enum err_code
store_approved(struct pg *pg, struct str school_code, struct str campaign_id,
               struct pg_result **ret_rows, struct err *err)
{
    const struct pg_param params[] = {PG_STR(school_code), PG_STR(campaign_id)};
    return pg_exec(pg, &SQL_APPROVED, params, 2, ret_rows, err);
}

enum err_code
store_campaign_of_school(struct pg *pg, struct str school_code, struct arena *arena,
                         struct str *ret_campaign_id, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    const struct pg_param params[] = {PG_STR(school_code)};
    enum err_code code = pg_exec(pg, &SQL_CAMPAIGN_OF_SCHOOL, params, 1, &rows, err);
    if (code)
        return code;
    if (pg_rows(rows) == 0)
        return ERR(err, ERR_NOT_FOUND, "the school has no campaign");
    *ret_campaign_id = arena_copy(arena, pg_str(rows, 0, 0));
    return ERR_OK;
}

/* --- applications --- */

enum err_code
store_appeals_list(struct pg *pg, const struct appeals_query *q, struct pg_result **ret_rows,
                   struct err *err)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%u", q->limit);
    const struct pg_param params[] = {PG_STR(q->school),        PG_STR(q->college),
                                      PG_STR(q->state),         PG_STR(q->kind),
                                      pg_str_or_null(q->after), PG_STR(str_of(number))};
    return pg_exec(pg, &SQL_APPEALS_LIST, params, 6, ret_rows, err);
}

enum err_code
store_appeal_get(struct pg *pg, const struct scope *scope, struct str appeal_id,
                 struct pg_result **ret_rows, struct err *err)
{
    const struct pg_param params[] = {PG_STR(appeal_id), PG_STR(scope->school_code),
                                      PG_STR(scope->college)};
    return pg_exec(pg, &SQL_APPEAL_GET, params, 3, ret_rows, err);
}

enum err_code
store_appeal_decide(struct pg *pg, const struct decider *decider, const struct appeal_decided *news,
                    struct str reason_sealed, bool *ret_written, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    char event_id[SUBMISSION_ID_SIZE];
    struct buf event;
    uuid_random(event_id);
    buf_init(&event, LIMIT_MESSAGE);
    appeal_decided_encode(news, &event);
    const struct pg_param params[] = {
        PG_STR(news->appeal_id),
        PG_STR(news->decision),
        pg_str_or_null(reason_sealed),
        PG_STR(decider->id),
        PG_STR(str_of(review_role_word(decider->role))),
        PG_STR(decider->session_id),
        pg_str_or_null(decider->traceparent),
        PG_STR(STR(TOPIC_APPEAL_DECIDED)),
        PG_STR(news->account_id),
        PG_STR(str_of(event_id)),
        PG_STR(STR(TYPE_APPEAL_DECIDED)),
        PG_STR(buf_str(&event)),
    };
    enum err_code code =
        pg_exec(pg, &SQL_APPEAL_DECIDE, params, sizeof params / sizeof params[0], &rows, err);
    buf_done(&event);
    *ret_written = code == ERR_OK && pg_rows(rows) == 1;
    return code;
}
