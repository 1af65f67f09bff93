#include "services/intake/store_pg.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/limits.h"
#include "intake_sql.h"

const struct pg_statement *const store_campaigns_statement = &SQL_CAMPAIGNS;

enum { ROSTER_DOCUMENT_INDEX = 6 };
/* Column of sql/roster_row.sql to field; FIELD_COUNT_ where it is none. */
static const enum field_id roster_columns[] = {
    FIELD_YXDM,   FIELD_YXMC, FIELD_FXMC, FIELD_XM,     FIELD_KSH,  FIELD_ZJLX,
    FIELD_COUNT_, FIELD_SFZH, FIELD_XBDM, FIELD_CSRQ,   FIELD_MZDM, FIELD_XLDM,
    FIELD_ZYDM,   FIELD_ZYMC, FIELD_ZYFX, FIELD_PYFSDM, FIELD_XZ,   FIELD_RXSJ,
    FIELD_BYSJ,   FIELD_SZYX, FIELD_SZBJ, FIELD_XH,
};

enum err_code
store_roster(struct pg *pg, struct str student_id, struct arena *arena,
             struct str ret_value[FIELD_COUNT_], struct str *ret_document_index, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *result = NULL;
    const struct pg_param params[] = {PG_STR(student_id)};
    enum err_code code = pg_exec(pg, &SQL_ROSTER_ROW, params, 1, &result, err);
    if (code)
        return code;
    if (pg_rows(result) == 0)
        return ERR(err, ERR_NOT_FOUND, "student is not in the roster");
    for (size_t i = 0; i < sizeof roster_columns / sizeof roster_columns[0]; i++)
        if (roster_columns[i] != FIELD_COUNT_)
            ret_value[roster_columns[i]] = arena_copy(arena, pg_str(result, 0, (int)i));
    *ret_document_index = arena_copy(arena, pg_str(result, 0, ROSTER_DOCUMENT_INDEX));
    return ERR_OK;
}

enum err_code
store_level(struct pg *pg, struct str student_id, enum study_level *ret_level, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *result = NULL;
    const struct pg_param params[] = {PG_STR(student_id)};
    *ret_level = LEVEL_ANY;
    enum err_code code = pg_exec(pg, &SQL_STUDENT_LEVEL, params, 1, &result, err);
    if (code == ERR_OK && pg_rows(result))
        *ret_level = study_level_of(pg_str(result, 0, 0));
    return code;
}

enum err_code
store_draft_get(struct pg *pg, struct str student_id, struct str campaign_id, struct arena *arena,
                struct draft *ret_draft, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *result = NULL;
    const struct pg_param params[] = {PG_STR(student_id), PG_STR(campaign_id)};
    enum err_code code = pg_exec(pg, &SQL_DRAFT_GET, params, 2, &result, err);
    if (code)
        return code;
    *ret_draft = (struct draft){0};
    if (pg_rows(result) == 0)
        return ERR_OK;
    ret_draft->version = pg_int(result, 0, 0, 0);
    ret_draft->fields_sealed = arena_copy(arena, pg_str(result, 0, 1));
    return ERR_OK;
}

enum err_code
store_draft_put(struct pg *pg, struct str student_id, struct str campaign_id, int64_t seen_version,
                struct str fields_sealed, int64_t *ret_version, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *result = NULL;
    char seen[24];
    int length = snprintf(seen, sizeof seen, "%" PRId64, seen_version);
    struct str seen_text = {seen, (size_t)length};
    const struct pg_param first[] = {PG_STR(student_id), PG_STR(campaign_id),
                                     PG_STR(fields_sealed)};
    const struct pg_param next[] = {PG_STR(student_id), PG_STR(campaign_id), PG_STR(seen_text),
                                    PG_STR(fields_sealed)};
    enum err_code code = seen_version == 0 ? pg_exec(pg, &SQL_DRAFT_FIRST, first, 3, &result, err)
                                           : pg_exec(pg, &SQL_DRAFT_NEXT, next, 4, &result, err);
    if (code)
        return code;
    if (pg_rows(result) == 0)
        return ERR(err, ERR_DUPLICATE, "draft was changed since version %" PRId64, seen_version);
    *ret_version = pg_int(result, 0, 0, 0);
    return ERR_OK;
}

enum err_code
store_judgements(struct pg *pg, const struct str *ids, size_t count, struct arena *arena,
                 struct judgement *ret_rows, size_t *ret_count, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *result = NULL;
    struct pg_array array;
    pg_array_init(&array, LIMIT_MESSAGE);
    for (size_t i = 0; i < count; i++)
        pg_array_add(&array, ids[i]);
    pg_array_finish(&array);
    const struct pg_param params[] = {PG_ARRAY(&array)};
    enum err_code code = pg_exec(pg, &SQL_JUDGEMENTS, params, 1, &result, err);
    pg_array_done(&array);
    if (code)
        return code;
    *ret_count = pg_rows(result);
    for (size_t i = 0; i < *ret_count; i++)
        ret_rows[i] = (struct judgement){
            .submission_id = arena_copy(arena, pg_str(result, i, 0)),
            .student_id = arena_copy(arena, pg_str(result, i, 1)),
            .revision = pg_int(result, i, 2, 0),
            .outcome = arena_copy(arena, pg_str(result, i, 3)),
            .findings = arena_copy(arena, pg_str(result, i, 4)),
            .received_at_ms = pg_int(result, i, 5, 0),
            .judged_at_ms = pg_int(result, i, 6, 0),
            .body_index = arena_copy(arena, pg_str(result, i, 7)),
        };
    return ERR_OK;
}

enum err_code
store_fingerprints(struct pg *pg, struct str after_id, struct pg_result **ret_result,
                   struct err *err)
{
    const struct pg_param params[] = {PG_STR(after_id)};
    return pg_exec(pg, &SQL_FINGERPRINTS, params, 1, ret_result, err);
}
