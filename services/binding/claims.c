/* Claims of an application: sealed as one JSON text, opened by the table of their kind. */
#include "base/jsonw.h"
#include "base/limits.h"
#include "schema/json.h"
#include "services/binding/appeal.h"

struct str
appeal_context(struct arena *arena, struct str appeal_id, const char *part)
{
    return arena_printf(arena, "appeal/%.*s/%s", STR_ARG(appeal_id), part);
}

struct str
appeal_claim(const struct appeal_claims *claims, enum appeal_kind kind, const char *name)
{
    const struct appeal_claim *row = appeal_claim_find(kind, str_of(name));
    return row ? claims->value[row - appeal_kinds[kind].claims] : STR_NONE;
}

struct str
appeal_claims_seal(struct sealer *sealer, struct str appeal_id, enum appeal_kind kind,
                   const struct appeal_claims *claims, struct arena *arena)
{
    struct buf text;
    buf_init(&text, SEALED_PLAIN_MAX);
    struct jsonw w = jsonw_on(&text);
    jsonw_object_open(&w);
    for (size_t i = 0; i < APPEAL_CLAIMS_MAX; i++)
        if (claims->value[i].len)
            jsonw_member(&w, appeal_kinds[kind].claims[i].name, claims->value[i]);
    jsonw_object_close(&w);
    struct str sealed =
        seal_text(sealer, buf_str(&text), appeal_context(arena, appeal_id, "claims"), arena);
    buf_done(&text);
    return sealed;
}

enum err_code
appeal_claims_open(struct sealer *sealer, struct str appeal_id, enum appeal_kind kind,
                   struct str sealed, struct arena *arena, struct appeal_claims *ret_claims,
                   struct err *err)
{
    struct str plain;
    const struct json *root = NULL;
    enum err_code code =
        seal_open(sealer, sealed, appeal_context(arena, appeal_id, "claims"), arena, &plain, err);
    if (code == ERR_OK)
        code = json_parse_in(arena, plain, &root, err);
    if (code)
        return code;
    *ret_claims = (struct appeal_claims){0};
    for (const struct json *one = json_first(root); one; one = json_next(one)) {
        const struct appeal_claim *row = appeal_claim_find(kind, json_name(one));
        if (row)
            ret_claims->value[row - appeal_kinds[kind].claims] = json_str(one);
    }
    return ERR_OK;
}

enum err_code
appeal_student(struct pg *pg, const struct binding *binding, struct str school_code,
               struct str id_type, struct str id_number, struct arena *arena,
               struct roster_match *ret_student, struct err *err)
{
    struct roster_match rows[ROSTER_MATCHES_MAX];
    size_t count = 0;
    char document_index[INDEX_HEX_SIZE];
    document_index_of(binding, id_type, id_number, arena, document_index);
    enum err_code code =
        store_roster_find(pg, str_of(document_index), STR_NONE, STR_NONE, arena, rows, &count, err);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        if (!str_eq(rows[i].school_code, school_code))
            continue;
        *ret_student = rows[i];
        return ERR_OK;
    }
    return code ? code : ERR(err, ERR_NOT_FOUND, "no student of the school has this document");
}
