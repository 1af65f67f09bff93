#include "services/validation/store_pg.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "validation_sql.h"

const struct pg_statement *const store_campaigns_statement = &SQL_CAMPAIGNS;

/* Columns of sql/facts.sql. */
enum {
    FACT_ROSTER_VERSION,
    FACT_PHONE_INDEX,
    FACT_PHONE_SEALED,
    FACT_REVISION_LAST,
    FACT_JUDGED_REVISION,
    FACT_JUDGED_OUTCOME,
    FACT_JUDGED_FINDINGS,
    FACT_JUDGED_AT,
    FACT_JUDGED_PARTITION,
    FACT_JUDGED_OFFSET,
    FACT_BODY_INDEX,
    FACT_DOCUMENT_INDEX,
    FACT_ROSTER_FIRST,
};
static const enum field_id roster_fields[] = {
    FIELD_YXDM,   FIELD_YXMC, FIELD_FXMC, FIELD_XM,   FIELD_KSH,  FIELD_ZJLX, FIELD_SFZH,
    FIELD_XBDM,   FIELD_CSRQ, FIELD_MZDM, FIELD_XLDM, FIELD_ZYDM, FIELD_ZYMC, FIELD_ZYFX,
    FIELD_PYFSDM, FIELD_XZ,   FIELD_RXSJ, FIELD_BYSJ, FIELD_SZYX, FIELD_SZBJ, FIELD_XH,
};
/* The student's columns of sql/judgements_add.sql, in its order. */
static const enum field_id stored_fields[] = {
    FIELD_ZZMMDM,  FIELD_DXHWPDW,   FIELD_SYSZDDM,  FIELD_CXSY,        FIELD_SFSLBDM,
    FIELD_KNSLBDM, FIELD_RXQDASZDW, FIELD_DASFZRXX, FIELD_RXQHKSZDPCS, FIELD_HKSFZRXX,
    FIELD_SJHM,    FIELD_DZYX,      FIELD_QQHM,     FIELD_JTDZ,        FIELD_JTDH,
    FIELD_JTYB,    FIELD_JTLXR,     FIELD_YHKSZDDM,
};
enum {
    STORED_META = 15,
    STORED_FIELDS = sizeof stored_fields / sizeof stored_fields[0],
    STORED_COLUMNS = STORED_META + STORED_FIELDS,
    LATEST_COLUMNS = 5,
};
/* A field that a student fills in and that has no column would be lost without a word.
 * NOLINTNEXTLINE(bugprone-macro-parentheses): a term of the sum below */
#define X(name, label, part, type, max, owner, ...) +(FIELD_OWNER_##owner == FIELD_OWNER_STUDENT)
_Static_assert(STORED_FIELDS == (0 FIELD_TABLE(X)), "stored_fields lacks a field of the student");
#undef X

/* Opens *value if it is there; buries the item and returns false when it cannot be opened. */
static bool
open_value(struct item *item, struct sealer *sealer, const char *kind, struct str index,
           struct arena *arena, struct str *value)
{
    struct err err = {0};
    if (value->len == 0)
        return true;
    struct str context = arena_printf(arena, "%s/%.*s", kind, STR_ARG(index));
    if (seal_open(sealer, *value, context, arena, value, &err) == ERR_OK)
        return true;
    item_bury(item, DEAD_SEALED, err.text);
    return false;
}

static void
facts_read(struct item *item, const struct pg_result *result, size_t row, struct sealer *sealer,
           struct arena *arena)
{
    struct facts *facts = &item->facts;
    *facts = (struct facts){.student_known = !pg_is_null(result, row, FACT_ROSTER_VERSION)};
    if (!facts->student_known)
        return;
    facts->roster_version = pg_int(result, row, FACT_ROSTER_VERSION, 0);
    facts->revision_last = pg_int(result, row, FACT_REVISION_LAST, 0);
    facts->judged_before = !pg_is_null(result, row, FACT_JUDGED_REVISION);
    if (facts->judged_before) {
        facts->judged_revision = pg_int(result, row, FACT_JUDGED_REVISION, 0);
        facts->judged_outcome = arena_copy(arena, pg_str(result, row, FACT_JUDGED_OUTCOME));
        facts->judged_findings = arena_copy(arena, pg_str(result, row, FACT_JUDGED_FINDINGS));
        facts->judged_at_ms = pg_int(result, row, FACT_JUDGED_AT, 0);
        facts->judged_partition = (int32_t)pg_int(result, row, FACT_JUDGED_PARTITION, -1);
        facts->judged_offset = pg_int(result, row, FACT_JUDGED_OFFSET, -1);
        return;
    }
    for (size_t i = 0; i < sizeof roster_fields / sizeof roster_fields[0]; i++)
        facts->roster.value[roster_fields[i]] =
            arena_copy(arena, pg_str(result, row, FACT_ROSTER_FIRST + (int)i));
    struct str document = pg_str(result, row, FACT_DOCUMENT_INDEX);
    facts->phone = arena_copy(arena, pg_str(result, row, FACT_PHONE_SEALED));
    (void)(open_value(item, sealer, "phone", pg_str(result, row, FACT_PHONE_INDEX), arena,
                      &facts->phone) &&
           open_value(item, sealer, "ksh", document, arena, &facts->roster.value[FIELD_KSH]) &&
           open_value(item, sealer, "document", document, arena, &facts->roster.value[FIELD_SFZH]));
}

static void
arrays_init(struct pg_array *arrays, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pg_array_init(&arrays[i], LIMIT_BATCH_ARENA);
}

static void
arrays_done(struct pg_array *arrays, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pg_array_done(&arrays[i]);
}

/* Runs a statement whose parameters are these arrays, all of one length. */
static enum err_code
arrays_exec(struct pg *pg, const struct pg_statement *statement, struct pg_array *arrays,
            size_t count, struct pg_result **ret_result, struct err *err)
{
    struct pg_param params[STORED_COLUMNS];
    for (size_t i = 0; i < count; i++) {
        if (arrays[i].bytes.overflow)
            return ERR(err, ERR_TOO_LARGE, "batch is larger than %d bytes", LIMIT_BATCH_ARENA);
        pg_array_finish(&arrays[i]);
        params[i] = PG_ARRAY(&arrays[i]);
    }
    return pg_exec(pg, statement, params, count, ret_result, err);
}

enum err_code
store_facts(struct pg *pg, struct sealer *sealer, struct item *items, size_t count,
            struct arena *arena, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *result = NULL;
    struct pg_array arrays[3];
    size_t row = 0;
    arrays_init(arrays, 3);
    for (size_t i = 0; i < count; i++) {
        if (items[i].state != ITEM_DECODED)
            continue;
        pg_array_add(&arrays[0], items[i].message.student_id);
        pg_array_add(&arrays[1], items[i].message.campaign_id);
        pg_array_add(&arrays[2], items[i].message.submission_id);
        row++;
    }
    enum err_code code = row ? arrays_exec(pg, &SQL_FACTS, arrays, 3, &result, err) : ERR_OK;
    arrays_done(arrays, 3);
    if (code || row == 0)
        return code;
    if (pg_rows(result) != row)
        return ERR(err, ERR_INTERNAL, "facts of %zu submissions came in %zu rows", row,
                   pg_rows(result));
    row = 0;
    for (size_t i = 0; i < count; i++)
        if (items[i].state == ITEM_DECODED)
            facts_read(&items[i], result, row++, sealer, arena);
    return ERR_OK;
}

static void
add_int(struct pg_array *array, int64_t value)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%" PRId64, value);
    pg_array_add(array, (struct str){text, (size_t)length});
}

static void
add_time(struct pg_array *array, int64_t time_ms)
{
    char text[CLOCK_RFC3339_SIZE];
    pg_array_add(array, str_of(clock_format_rfc3339(time_ms, text)));
}

static struct str
null_if_empty(struct str text)
{
    return text.len ? text : STR_NONE;
}

/* As it came, sealed where it is sensitive; a default is sealed here. */
static struct str
stored_value(const struct item *item, enum field_id id, struct sealer *sealer, struct arena *arena)
{
    struct str value = item->message.value[id];
    struct str filled = item->defaults.value[id];
    if (value.len || filled.len == 0 || !fields[id].sensitive)
        return value.len ? value : filled;
    return seal_text(
        sealer, filled,
        arena_printf(arena, "%.*s/%s", STR_ARG(item->message.student_id), fields[id].name), arena);
}

static void
judgement_add(struct pg_array arrays[STORED_COLUMNS], const struct item *item,
              struct sealer *sealer, struct arena *arena)
{
    const struct submission_received *message = &item->message;
    pg_array_add(&arrays[0], message->submission_id);
    pg_array_add(&arrays[1], message->student_id);
    pg_array_add(&arrays[2], message->campaign_id);
    add_int(&arrays[3], item->revision);
    pg_array_add(&arrays[4], item->accepted ? STR("accepted") : STR("rejected"));
    pg_array_add(&arrays[5], message->idempotency_key);
    pg_array_add(&arrays[6], message->body_index);
    add_time(&arrays[7], message->received_at_ms);
    add_time(&arrays[8], item->judged_at_ms);
    add_int(&arrays[9], item->facts.roster_version);
    add_int(&arrays[10], item->campaign->version);
    pg_array_add(&arrays[11], null_if_empty(item->findings));
    pg_array_add(&arrays[12], null_if_empty(item->traceparent));
    add_int(&arrays[13], item->partition);
    add_int(&arrays[14], item->offset);
    for (size_t i = 0; i < STORED_FIELDS; i++)
        pg_array_add(&arrays[STORED_META + i],
                     null_if_empty(stored_value(item, stored_fields[i], sealer, arena)));
}

/* One row a student: the newest revision of the batch, and its newest accepted one. */
static void
latest_add(struct pg_array arrays[LATEST_COLUMNS], const struct item *items,
           const struct item *item)
{
    const struct item *accepted = item->accepted_place ? &items[item->accepted_place - 1] : NULL;
    pg_array_add(&arrays[0], item->message.student_id);
    pg_array_add(&arrays[1], item->message.campaign_id);
    add_int(&arrays[2], item->revision);
    pg_array_add(&arrays[3], accepted ? accepted->message.submission_id : STR_NONE);
    if (accepted)
        add_int(&arrays[4], accepted->revision);
    else
        pg_array_add(&arrays[4], STR_NONE);
}

enum err_code
store_judgements(struct pg *pg, const struct item *items, size_t count, struct sealer *sealer,
                 struct arena *arena, struct err *err)
{
    struct pg_array arrays[STORED_COLUMNS];
    struct pg_array latest[LATEST_COLUMNS];
    size_t judged = 0;
    enum err_code code = ERR_OK;
    arrays_init(arrays, STORED_COLUMNS);
    arrays_init(latest, LATEST_COLUMNS);
    for (size_t i = 0; i < count; i++) {
        if (items[i].state != ITEM_JUDGED)
            continue;
        judgement_add(arrays, &items[i], sealer, arena);
        if (items[i].newest)
            latest_add(latest, items, &items[i]);
        judged++;
    }
    if (judged) {
        code = arrays_exec(pg, &SQL_JUDGEMENTS_ADD, arrays, STORED_COLUMNS, NULL, err);
        if (code == ERR_OK)
            code = arrays_exec(pg, &SQL_LATEST_PUT, latest, LATEST_COLUMNS, NULL, err);
    }
    arrays_done(arrays, STORED_COLUMNS);
    arrays_done(latest, LATEST_COLUMNS);
    return code;
}
