#include "services/notification/store_pg.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/limits.h"
#include "notification_sql.h"

enum { NUMBER_SIZE = 24 };

/* clang-format off */
static const enum pg_type notice_types[] = {
    PG_TYPE_UUID, PG_TYPE_TEXT, PG_TYPE_TEXT, PG_TYPE_TEXT, PG_TYPE_TEXT, PG_TYPE_UUID,
    PG_TYPE_TEXT, PG_TYPE_TEXT, PG_TYPE_TEXT, PG_TYPE_TIME, PG_TYPE_TIME, PG_TYPE_TEXT,
};
/* clang-format on */
enum { NOTICE_COLUMNS = sizeof notice_types / sizeof notice_types[0] };

/* Columns of sql/notice_take.sql. */
enum {
    TAKE_ID,
    TAKE_KIND,
    TAKE_RECIPIENT,
    TAKE_URGENT,
    TAKE_CHANNEL,
    TAKE_TRIES,
    TAKE_DEADLINE,
    TAKE_DETAILS,
    TAKE_ACCOUNT,
    TAKE_ACCOUNT_CHANNEL,
    TAKE_OPENID,
    TAKE_PHONE_INDEX,
    TAKE_PHONE,
    TAKE_CAMPAIGN,
    TAKE_CLOSES_AT,
    TAKE_CONSENTS,
    TAKE_TRACEPARENT,
};

static struct str
number_text(int64_t number, char out[NUMBER_SIZE])
{
    (void)snprintf(out, NUMBER_SIZE, "%" PRId64, number);
    return str_of(out);
}

static void
notice_row_add(struct pg_array arrays[NOTICE_COLUMNS], const struct new_notice *notice,
               struct sealer *sealer, struct arena *arena)
{
    const struct notice_made *made = &notice->made;
    char notice_id[SUBMISSION_ID_SIZE];
    uuid_random(notice_id);
    struct str sealed = seal_text(sealer, notice_details_encode(&made->details, arena),
                                  arena_printf(arena, "notice/%s", notice_id), arena);
    const struct notice_kind_row *row = &notice_kinds[made->kind];
    const struct str texts[] = {
        str_of(notice_id),
        made->recipient,
        str_of(row->word),
        made->transition,
        str_of(notice_templates[row->template].word),
        made->student_id.len ? made->student_id : STR_NONE,
        made->account_id.len ? made->account_id : STR_NONE,
        made->campaign_id.len ? made->campaign_id : STR_NONE,
        sealed,
    };
    size_t column = 0;
    for (; column < sizeof texts / sizeof texts[0]; column++)
        pg_array_add(&arrays[column], texts[column]);
    pg_array_add_int(&arrays[column++], notice->due_ms);
    pg_array_add_int(&arrays[column++], notice->deadline_ms);
    pg_array_add(&arrays[column], notice->traceparent.len ? notice->traceparent : STR_NONE);
}

enum err_code
store_notices_add(struct pg *pg, struct sealer *sealer, const struct new_notice *notices,
                  size_t count, struct arena *arena, struct err *err)
{
    struct pg_array arrays[NOTICE_COLUMNS];
    struct pg_param params[NOTICE_COLUMNS];
    if (count == 0)
        return ERR_OK;
    for (size_t i = 0; i < NOTICE_COLUMNS; i++)
        pg_array_init_of(&arrays[i], notice_types[i], LIMIT_BATCH_ARENA);
    for (size_t i = 0; i < count; i++)
        notice_row_add(arrays, &notices[i], sealer, arena);
    for (size_t i = 0; i < NOTICE_COLUMNS; i++) {
        pg_array_finish(&arrays[i]);
        params[i] = PG_ARRAY(&arrays[i]);
    }
    enum err_code code = pg_exec(pg, &SQL_NOTICE_ADD, params, NOTICE_COLUMNS, NULL, err);
    for (size_t i = 0; i < NOTICE_COLUMNS; i++)
        pg_array_done(&arrays[i]);
    return code;
}

enum err_code
store_notice_take(struct pg *pg, struct arena *arena, struct taken_notice *ret_notice,
                  bool *ret_found, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    enum notice_kind kind = NOTICE_ACCEPTED;
    enum err_code code = pg_exec(pg, &SQL_NOTICE_TAKE, NULL, 0, &rows, err);
    if (code)
        return code;
    *ret_found = pg_rows(rows) > 0;
    if (!*ret_found)
        return ERR_OK;
    if (!notice_kind_parse(pg_str(rows, 0, TAKE_KIND), &kind))
        return ERR(err, ERR_INTERNAL, "a notice has a kind that this build does not know");
    *ret_notice = (struct taken_notice){
        .notice_id = arena_copy(arena, pg_str(rows, 0, TAKE_ID)),
        .recipient = arena_copy(arena, pg_str(rows, 0, TAKE_RECIPIENT)),
        .facts = {.kind = kind,
                  .urgent = pg_bool(rows, 0, TAKE_URGENT),
                  .wechat_over = str_eq(pg_str(rows, 0, TAKE_CHANNEL), STR("sms")),
                  .tries = pg_int(rows, 0, TAKE_TRIES, 0),
                  .deadline_ms = pg_int(rows, 0, TAKE_DEADLINE, 0),
                  .account_known = !pg_is_null(rows, 0, TAKE_ACCOUNT),
                  .mini_program =
                      str_eq(pg_str(rows, 0, TAKE_ACCOUNT_CHANNEL), STR("mini_program")),
                  .consents = pg_int(rows, 0, TAKE_CONSENTS, 0),
                  .phone_known = !pg_is_null(rows, 0, TAKE_PHONE)},
        .details_sealed = arena_copy(arena, pg_str(rows, 0, TAKE_DETAILS)),
        .account_id = arena_copy(arena, pg_str(rows, 0, TAKE_ACCOUNT)),
        .openid_sealed = arena_copy(arena, pg_str(rows, 0, TAKE_OPENID)),
        .phone_index = arena_copy(arena, pg_str(rows, 0, TAKE_PHONE_INDEX)),
        .phone_sealed = arena_copy(arena, pg_str(rows, 0, TAKE_PHONE)),
        .campaign_name = arena_copy(arena, pg_str(rows, 0, TAKE_CAMPAIGN)),
        .closes_at_ms = pg_int(rows, 0, TAKE_CLOSES_AT, 0),
        .traceparent = arena_copy(arena, pg_str(rows, 0, TAKE_TRACEPARENT)),
    };
    return ERR_OK;
}

enum err_code
store_notice_mark(struct pg *pg, struct str notice_id, enum notice_channel channel, struct err *err)
{
    const struct pg_param params[] = {PG_STR(notice_id),
                                      PG_STR(str_of(notice_channel_name(channel)))};
    return pg_exec(pg, &SQL_NOTICE_MARK, params, 2, NULL, err);
}

enum err_code
store_notice_put(struct pg *pg, struct str notice_id, const struct notice_plan *plan, bool sms_only,
                 struct err *err)
{
    char due[NUMBER_SIZE];
    if (plan->step == STEP_LATER) {
        const struct pg_param params[] = {
            PG_STR(notice_id), pg_str_or_null(sms_only ? STR("sms") : STR_NONE),
            PG_STR(str_of(plan->outcome)), PG_STR(number_text(plan->due_ms, due))};
        return pg_exec(pg, &SQL_NOTICE_LATER, params, 4, NULL, err);
    }
    const struct pg_param params[] = {PG_STR(notice_id), PG_STR(str_of(plan->state)),
                                      PG_STR(str_of(plan->outcome))};
    return pg_exec(pg, &SQL_NOTICE_END, params, 3, NULL, err);
}

enum err_code
store_notices_sweep(struct pg *pg, unsigned after_s, uint64_t *ret_count, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    char seconds[NUMBER_SIZE];
    const struct pg_param params[] = {PG_STR(number_text(after_s, seconds))};
    enum err_code code = pg_exec(pg, &SQL_NOTICE_SWEEP, params, 1, &rows, err);
    if (code == ERR_OK)
        *ret_count = pg_rows(rows);
    return code;
}

enum err_code
store_notices_waiting(struct pg *pg, int64_t *ret_count, int64_t *ret_oldest_s, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    enum err_code code = pg_exec(pg, &SQL_NOTICE_GAUGES, NULL, 0, &rows, err);
    if (code)
        return code;
    *ret_count = pg_int(rows, 0, 0, 0);
    *ret_oldest_s = pg_int(rows, 0, 1, 0);
    return ERR_OK;
}

enum err_code
store_budget_take(struct pg *pg, struct str day, struct str scope, uint64_t max, bool *ret_taken,
                  struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    char most[NUMBER_SIZE];
    const struct pg_param params[] = {PG_STR(day), PG_STR(scope),
                                      PG_STR(number_text((int64_t)max, most))};
    enum err_code code = pg_exec(pg, &SQL_BUDGET_TAKE, params, 3, &rows, err);
    if (code == ERR_OK)
        *ret_taken = pg_affected(rows) > 0;
    return code;
}

enum err_code
store_budget_forget(struct pg *pg, struct str day, struct err *err)
{
    const struct pg_param params[] = {PG_STR(day)};
    return pg_exec(pg, &SQL_BUDGET_FORGET, params, 1, NULL, err);
}

enum err_code
store_consents_add(struct pg *pg, struct str account_id, const enum notice_template *templates,
                   size_t count, unsigned max, struct err *err)
{
    struct pg_array words;
    char most[NUMBER_SIZE];
    pg_array_init(&words, LIMIT_MESSAGE);
    for (size_t i = 0; i < count; i++)
        pg_array_add(&words, str_of(notice_templates[templates[i]].word));
    pg_array_finish(&words);
    const struct pg_param params[] = {PG_STR(account_id), PG_ARRAY(&words),
                                      PG_STR(number_text(max, most))};
    enum err_code code = pg_exec(pg, &SQL_CONSENT_ADD, params, 3, NULL, err);
    pg_array_done(&words);
    return code;
}

enum err_code
store_consent_change(struct pg *pg, struct str account_id, enum notice_template template,
                     enum consent_change change, struct err *err)
{
    static const char *const by[] = {
        [CONSENT_USED] = "-1", [CONSENT_GIVEN_BACK] = "1", [CONSENT_GONE] = ""};
    const struct pg_param params[] = {PG_STR(account_id),
                                      PG_STR(str_of(notice_templates[template].word)),
                                      pg_str_or_null(str_of(by[change]))};
    return pg_exec(pg, &SQL_CONSENT_CHANGE, params, 3, NULL, err);
}

enum err_code
store_consents_list(struct pg *pg, struct str account_id,
                    int64_t ret_remaining[NOTICE_TEMPLATE_COUNT_], struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    const struct pg_param params[] = {PG_STR(account_id)};
    enum err_code code = pg_exec(pg, &SQL_CONSENT_LIST, params, 1, &rows, err);
    for (size_t i = 0; code == ERR_OK && i < pg_rows(rows); i++) {
        enum notice_template template;
        if (notice_template_parse(pg_str(rows, i, 0), &template))
            ret_remaining[template] = pg_int(rows, i, 1, 0);
    }
    return code;
}

enum err_code
store_scan_lock(struct pg *pg, bool *ret_mine, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    enum err_code code = pg_exec(pg, &SQL_SCAN_LOCK, NULL, 0, &rows, err);
    if (code == ERR_OK)
        *ret_mine = pg_bool(rows, 0, 0);
    return code;
}

enum err_code
store_closing_add(struct pg *pg, unsigned days, unsigned less_days, bool urgent, int64_t due_ms,
                  uint64_t *ret_count, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    char within[NUMBER_SIZE];
    char beyond[NUMBER_SIZE];
    char due[NUMBER_SIZE];
    const struct pg_param params[] = {
        PG_STR(number_text(days, within)), PG_STR(number_text(less_days, beyond)),
        PG_STR(urgent ? STR("true") : STR("false")), PG_STR(number_text(due_ms, due))};
    enum err_code code = pg_exec(pg, &SQL_CLOSING_ADD, params, 4, &rows, err);
    if (code == ERR_OK)
        *ret_count = pg_affected(rows);
    return code;
}
