/* GET /api/v1/me/export: all that is held about the caller, opened (PIPL 45). What counts is a
 * table of the database, identity.held_place, which whoever adds personal data adds a row to. */
#include "base/jsonw.h"
#include "base/limits.h"
#include "schema/json.h"
#include "services/binding/service.h"
#include "services/binding/store_pg.h"

enum { EXPORT_BYTES_MAX = 32 * 1024 * 1024 };

static enum err_code
sealed_write(struct jsonw *w, struct sealer *sealer, const struct json *sealed,
             const struct json *contexts, struct arena *arena, struct err *err)
{
    for (const struct json *one = json_first(sealed); one; one = json_next(one)) {
        struct str name = json_name(one);
        struct str plain = STR_NONE;
        struct str key = arena_copy(arena, name);
        struct str suffix = STR("_sealed");
        enum err_code code = seal_open(sealer, json_str(one), json_str(json_get(contexts, key.ptr)),
                                       arena, &plain, err);
        if (code)
            return code;
        if (str_ends(name, suffix))
            name.len -= suffix.len;
        jsonw_member_str(w, name, plain);
    }
    return ERR_OK;
}

static enum err_code
row_write(struct jsonw *w, struct sealer *sealer, const struct pg_result *rows, size_t row,
          struct arena *arena, struct err *err)
{
    const struct json *sealed = NULL;
    const struct json *contexts = NULL;
    enum err_code code = json_parse_in(arena, pg_str(rows, row, 2), &sealed, err);
    if (code == ERR_OK)
        code = json_parse_in(arena, pg_str(rows, row, 3), &contexts, err);
    if (code)
        return code;
    jsonw_object_open(w);
    jsonw_member(w, "table", pg_str(rows, row, 0));
    jsonw_key(w, "row");
    jsonw_raw(w, pg_str(rows, row, 1));
    jsonw_key(w, "sealed");
    jsonw_object_open(w);
    code = sealed_write(w, sealer, sealed, contexts, arena, err);
    jsonw_object_close(w);
    jsonw_object_close(w);
    return code;
}

void
own_data_get(struct api_call *call)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    CLEANUP(arena_free) struct arena *arena = arena_new(LIMIT_REQUEST_ARENA);
    struct err err = {0};
    struct buf body;
    enum err_code code = store_held(call->worker->pg, call->session->account_id,
                                    call->session->student_id, &rows, &err);
    buf_init(&body, EXPORT_BYTES_MAX);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_key(&w, "held");
    jsonw_array_open(&w);
    for (size_t i = 0; code == ERR_OK && i < pg_rows(rows); i++) {
        code = row_write(&w, call->worker->sealer, rows, i, arena, &err);
        arena_reset(arena);
    }
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    if (code == ERR_OK && body.overflow)
        code = ERR(&err, ERR_TOO_LARGE, "more is held than one answer takes");
    if (code)
        api_problem_err(call, "own data not exported", &err);
    else
        api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}
