/* notices list: what students were not told, and why. */
#include <inttypes.h>
#include <stdio.h>

#include "base/jsonw.h"
#include "io/pg.h"
#include "services/syctl/command.h"
#include "syctl_sql.h"

enum { READ_TIMEOUT_MS = 15000, NOTICES_TEXT_MAX = 16 * 1024 * 1024, NOTICES_MAX = 20000 };

/* Columns of sql/notices_list.sql. */
static const char *const columns[] = {"notice_id",   "kind",       "recipient", "transition",
                                      "campaign_id", "state",      "channel",   "tries",
                                      "outcome",     "created_at", "at"};
enum { COLUMN_COUNT = sizeof columns / sizeof columns[0], COLUMN_TRIES = 7 };

static bool
state_known(const char *state)
{
    static const char *const states[] = {"",       "waiting",       "sending", "sent",
                                         "failed", "undeliverable", "unknown", "skipped"};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (str_eq_text(str_of(state), states[i]))
            return true;
    return false;
}

static void
notices_print(const struct pg_result *rows)
{
    for (size_t i = 0; i < pg_rows(rows); i++)
        printf("%.*s  %-13.*s %-16.*s %.*s  %.*s  %.*s (%" PRId64 " tries)  %.*s\n",
               STR_ARG(pg_str(rows, i, 10)), STR_ARG(pg_str(rows, i, 5)),
               STR_ARG(pg_str(rows, i, 1)), STR_ARG(pg_str(rows, i, 2)),
               STR_ARG(pg_str(rows, i, 6)), STR_ARG(pg_str(rows, i, 8)),
               pg_int(rows, i, COLUMN_TRIES, 0), STR_ARG(pg_str(rows, i, 3)));
    printf("%zu notices\n", pg_rows(rows));
}

static void
notices_json(const struct pg_result *rows)
{
    struct buf out;
    buf_init(&out, NOTICES_TEXT_MAX);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    jsonw_key(&w, "notices");
    jsonw_array_open(&w);
    for (size_t i = 0; i < pg_rows(rows); i++) {
        jsonw_object_open(&w);
        for (int column = 0; column < COLUMN_COUNT; column++)
            if (column == COLUMN_TRIES)
                jsonw_member_int(&w, columns[column], pg_int(rows, i, column, 0));
            else
                jsonw_member(&w, columns[column], pg_str(rows, i, column));
        jsonw_object_close(&w);
    }
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    syctl_print(&out);
    buf_done(&out);
}

int
notices_list_run(struct syctl *ctl)
{
    struct err err = {0};
    uint64_t limit = 0;
    const char *state = syctl_option(ctl, "state");
    if (!syctl_number(ctl, "limit", 1000, NOTICES_MAX, &limit))
        return 2;
    if (state && !state_known(state))
        return syctl_usage(ctl, "'%s' is no state of a notice", state);
    if (!syctl_locate(ctl, SYCTL_MONITOR))
        return 2;
    struct pg_result *rows = NULL;
    struct pg *pg =
        pg_new(&(struct pg_conf){ctl->monitor_dsn, "syctl", READ_TIMEOUT_MS, PG_ANY_WAY});
    const struct pg_param params[] = {PG_STR(state ? str_of(state) : STR("")),
                                      PG_STR(arena_printf(ctl->arena, "%" PRIu64, limit))};
    int status = 0;
    if (pg_exec(pg, &SQL_NOTICES_LIST, params, 2, &rows, &err))
        status = syctl_fail(ctl, "notices list", &err);
    else if (ctl->json)
        notices_json(rows);
    else
        notices_print(rows);
    pg_result_free(rows);
    pg_free(pg);
    return status;
}
