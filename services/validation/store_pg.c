#include "services/validation/store_pg.h"

#include <stdlib.h>

#include "base/limits.h"
#include "build_id.h"
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
    FACT_ACCEPTED,
    FACT_DECIDED,
    FACT_REVIEW,
    FACT_ROSTER_FIRST,
};
static const enum field_id roster_fields[] = {
    FIELD_YXDM,   FIELD_YXMC, FIELD_FXMC, FIELD_XM,   FIELD_KSH,  FIELD_ZJLX, FIELD_SFZH,
    FIELD_XBDM,   FIELD_CSRQ, FIELD_MZDM, FIELD_XLDM, FIELD_ZYDM, FIELD_ZYMC, FIELD_ZYFX,
    FIELD_PYFSDM, FIELD_XZ,   FIELD_RXSJ, FIELD_BYSJ, FIELD_SZYX, FIELD_SZBJ, FIELD_XH,
};
/* The student's columns of sql/judgements_add.sql, in its order. */
static const enum field_id stored_fields[] = {
    FIELD_ZZMMDM,    FIELD_DXHWPDW,  FIELD_SYSZDDM,  FIELD_CXSY,     FIELD_SFSLBDM,
    FIELD_RXQDASZDW, FIELD_DASFZRXX, FIELD_HKSFZRXX, FIELD_YHKSZDDM,
};
/* What stands before them, the sealed fields at its end: each its element type. */
static const enum pg_type stored_meta[] = {
    PG_TYPE_UUID, PG_TYPE_UUID, PG_TYPE_TEXT, PG_TYPE_INT4, PG_TYPE_TEXT, PG_TYPE_TEXT,
    PG_TYPE_TEXT, PG_TYPE_TIME, PG_TYPE_TIME, PG_TYPE_INT4, PG_TYPE_INT4, PG_TYPE_TEXT,
    PG_TYPE_TEXT, PG_TYPE_INT4, PG_TYPE_INT8, PG_TYPE_TEXT,
};
static const enum pg_type asked_types[] = {PG_TYPE_UUID, PG_TYPE_TEXT, PG_TYPE_UUID};
static const enum pg_type latest_types[] = {PG_TYPE_UUID, PG_TYPE_TEXT, PG_TYPE_INT4, PG_TYPE_UUID,
                                            PG_TYPE_INT4};
enum {
    STORED_META = sizeof stored_meta / sizeof stored_meta[0],
    STORED_FIELDS = sizeof stored_fields / sizeof stored_fields[0],
    STORED_COLUMNS = STORED_META + STORED_FIELDS,
    ASKED_COLUMNS = sizeof asked_types / sizeof asked_types[0],
    LATEST_COLUMNS = sizeof latest_types / sizeof latest_types[0],
};
/* A field that a student fills in, that is not sealed and has no column would be lost without a
 * word.
 * NOLINTBEGIN(bugprone-macro-parentheses): terms of the sum below */
#define X(name, label, part, type, max, owner, required, sensitive, ...)                           \
    +(FIELD_OWNER_##owner == FIELD_OWNER_STUDENT && !(sensitive))
_Static_assert(STORED_FIELDS == (0 FIELD_TABLE(X)), "stored_fields lacks a field of the student");
#undef X
/* NOLINTEND(bugprone-macro-parentheses) */

/* The parameters of the three statements; their memory is used again batch by batch. */
struct store {
    struct pg *pg;
    struct sealer *sealer;
    struct pg_array asked[ASKED_COLUMNS];
    struct pg_array stored[STORED_COLUMNS];
    struct pg_array latest[LATEST_COLUMNS];
};

static void
arrays_init(struct pg_array *arrays, const enum pg_type *types, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pg_array_init_of(&arrays[i], types ? types[i] : PG_TYPE_TEXT, LIMIT_BATCH_ARENA);
}

static void
arrays_done(struct pg_array *arrays, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pg_array_done(&arrays[i]);
}

struct store *
store_new(struct pg *pg, struct sealer *sealer)
{
    struct store *store = mem_zalloc(sizeof *store);
    store->pg = pg;
    store->sealer = sealer;
    arrays_init(store->asked, asked_types, ASKED_COLUMNS);
    arrays_init(store->stored, stored_meta, STORED_META);
    arrays_init(store->stored + STORED_META, NULL, STORED_FIELDS);
    arrays_init(store->latest, latest_types, LATEST_COLUMNS);
    return store;
}

void
store_free(struct store *store)
{
    if (store == NULL)
        return;
    arrays_done(store->asked, ASKED_COLUMNS);
    arrays_done(store->stored, STORED_COLUMNS);
    arrays_done(store->latest, LATEST_COLUMNS);
    free(store);
}

static void
arrays_reset(struct pg_array *arrays, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pg_array_reset(&arrays[i]);
}

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

static enum review_state
review_read(const struct pg_result *result, size_t row)
{
    enum review_state decided = REVIEW_NONE;
    (void)review_state_parse(pg_str(result, row, FACT_REVIEW), &decided);
    return review_visible(pg_str(result, row, FACT_ACCEPTED), pg_str(result, row, FACT_DECIDED),
                          decided);
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
    facts->review = review_read(result, row);
    facts->judged_before = !pg_is_null(result, row, FACT_JUDGED_REVISION);
    if (facts->judged_before) {
        facts->judged_revision = pg_int(result, row, FACT_JUDGED_REVISION, 0);
        facts->judged_outcome = arena_copy(arena, pg_str(result, row, FACT_JUDGED_OUTCOME));
        facts->judged_findings = arena_copy(arena, pg_str(result, row, FACT_JUDGED_FINDINGS));
        facts->judged_at_ms = pg_int(result, row, FACT_JUDGED_AT, 0);
        facts->judged_body_index = arena_copy(arena, pg_str(result, row, FACT_BODY_INDEX));
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

/* Runs a statement whose parameters are these arrays, all of one length, and one text behind them
 * if there is one. */
static enum err_code
arrays_exec(struct pg *pg, const struct pg_statement *statement, struct pg_array *arrays,
            size_t count, struct str last, struct pg_result **ret_result, struct err *err)
{
    struct pg_param params[STORED_COLUMNS + 1];
    for (size_t i = 0; i < count; i++) {
        if (arrays[i].bytes.overflow)
            return ERR(err, ERR_TOO_LARGE, "batch is larger than %d bytes", LIMIT_BATCH_ARENA);
        pg_array_finish(&arrays[i]);
        params[i] = PG_ARRAY(&arrays[i]);
    }
    if (last.len)
        params[count++] = PG_STR(last);
    return pg_exec(pg, statement, params, count, ret_result, err);
}

enum err_code
store_facts(struct store *store, struct item *items, size_t count, struct arena *arena,
            struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *result = NULL;
    size_t row = 0;
    arrays_reset(store->asked, ASKED_COLUMNS);
    for (size_t i = 0; i < count; i++) {
        if (items[i].state != ITEM_DECODED)
            continue;
        pg_array_add(&store->asked[0], items[i].message.student_id);
        pg_array_add(&store->asked[1], items[i].message.campaign_id);
        pg_array_add(&store->asked[2], items[i].message.submission_id);
        row++;
    }
    if (row == 0)
        return ERR_OK;
    enum err_code code =
        arrays_exec(store->pg, &SQL_FACTS, store->asked, ASKED_COLUMNS, STR_NONE, &result, err);
    if (code)
        return code;
    if (pg_rows(result) != row)
        return ERR(err, ERR_INTERNAL, "facts of %zu submissions came in %zu rows", row,
                   pg_rows(result));
    row = 0;
    for (size_t i = 0; i < count; i++)
        if (items[i].state == ITEM_DECODED)
            facts_read(&items[i], result, row++, store->sealer, arena);
    return ERR_OK;
}

static struct str
null_if_empty(struct str text)
{
    return text.len ? text : STR_NONE;
}

static struct str
stored_value(const struct item *item, enum field_id id)
{
    struct str value = item->submitted.value[id];
    return null_if_empty(value.len ? value : item->defaults.value[id]);
}

/* As they came, if they came as one and nothing was filled in; otherwise sealed here. */
static struct str
stored_sealed(const struct item *item, struct sealer *sealer, struct arena *arena)
{
    const struct submission_received *message = &item->message;
    struct str value[FIELD_COUNT_];
    bool as_it_came = message->version > 1;
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        bool filled = item->submitted.value[i].len == 0 && item->defaults.value[i].len;
        value[i] = filled ? item->defaults.value[i] : item->submitted.value[i];
        if (filled && fields[i].sensitive)
            as_it_came = false;
    }
    if (as_it_came)
        return null_if_empty(message->fields_sealed);
    CLEANUP(buf_done) struct buf plain;
    buf_init(&plain, LIMIT_MESSAGE);
    struct str sealed = STR_NONE;
    if (submission_sealed_encode(value, &plain))
        sealed = seal_text(
            sealer, buf_str(&plain),
            submission_sealed_context(message->student_id, message->submission_id, arena), arena);
    crypto_wipe(plain.ptr, plain.len);
    return sealed;
}

static void
judgement_add(struct pg_array arrays[STORED_COLUMNS], const struct item *item,
              struct sealer *sealer, struct arena *arena)
{
    const struct submission_received *message = &item->message;
    pg_array_add(&arrays[0], message->submission_id);
    pg_array_add(&arrays[1], message->student_id);
    pg_array_add(&arrays[2], message->campaign_id);
    pg_array_add_int(&arrays[3], item->revision);
    pg_array_add(&arrays[4], item->accepted ? STR("accepted") : STR("rejected"));
    pg_array_add(&arrays[5], message->idempotency_key);
    pg_array_add(&arrays[6], message->body_index);
    pg_array_add_int(&arrays[7], message->received_at_ms);
    pg_array_add_int(&arrays[8], item->judged_at_ms);
    pg_array_add_int(&arrays[9], item->facts.roster_version);
    pg_array_add_int(&arrays[10], item->campaign->version);
    pg_array_add(&arrays[11], null_if_empty(item->findings));
    pg_array_add(&arrays[12], null_if_empty(item->traceparent));
    pg_array_add_int(&arrays[13], item->partition);
    pg_array_add_int(&arrays[14], item->offset);
    pg_array_add(&arrays[15], stored_sealed(item, sealer, arena));
    for (size_t i = 0; i < STORED_FIELDS; i++)
        pg_array_add(&arrays[STORED_META + i], stored_value(item, stored_fields[i]));
}

/* One row a student: the newest revision of the batch, and its newest accepted one. */
static void
latest_add(struct pg_array arrays[LATEST_COLUMNS], const struct item *items,
           const struct item *item)
{
    const struct item *accepted = item->accepted_place ? &items[item->accepted_place - 1] : NULL;
    pg_array_add(&arrays[0], item->message.student_id);
    pg_array_add(&arrays[1], item->message.campaign_id);
    pg_array_add_int(&arrays[2], item->revision);
    pg_array_add(&arrays[3], accepted ? accepted->message.submission_id : STR_NONE);
    if (accepted)
        pg_array_add_int(&arrays[4], accepted->revision);
    else
        pg_array_add_null(&arrays[4]);
}

enum err_code
store_judgements(struct store *store, const struct item *items, size_t count, struct arena *arena,
                 struct err *err)
{
    size_t judged = 0;
    arrays_reset(store->stored, STORED_COLUMNS);
    arrays_reset(store->latest, LATEST_COLUMNS);
    for (size_t i = 0; i < count; i++) {
        if (items[i].state != ITEM_JUDGED)
            continue;
        judgement_add(store->stored, &items[i], store->sealer, arena);
        if (items[i].newest)
            latest_add(store->latest, items, &items[i]);
        judged++;
    }
    if (judged == 0)
        return ERR_OK;
    enum err_code code = arrays_exec(store->pg, &SQL_JUDGEMENTS_ADD, store->stored, STORED_COLUMNS,
                                     str_of(rules_edition), NULL, err);
    if (code == ERR_OK)
        code = arrays_exec(store->pg, &SQL_LATEST_PUT, store->latest, LATEST_COLUMNS, STR_NONE,
                           NULL, err);
    return code;
}

enum err_code
store_rules(struct store *store, struct err *err)
{
    struct buf text;
    buf_init(&text, LIMIT_MESSAGE);
    rule_write_json(&text);
    const struct pg_param params[] = {PG_STR(str_of(rules_edition)),
                                      PG_STR(STR(SY_VERSION " " SY_COMMIT)),
                                      PG_STR(buf_str(&text))};
    enum err_code code = pg_exec(store->pg, &SQL_RULES_EDITION_ADD, params, 3, NULL, err);
    buf_done(&text);
    return code;
}
