#include "schema/identity_event.h"

#include "base/jsonw.h"
#include "schema/json.h"

struct identity_wire {
    int64_t version;
    int64_t sequence;
    struct str account_id;
    struct str kind;
    struct str document_index;
    struct str student_id;
    struct str school_code;
    struct str phone_index;
    struct str phone_sealed;
    struct str card_sealed;
};
/* clang-format off */
static const struct json_row rows[] = {
    JSON_ROW(struct identity_wire, version,        JSON_KIND_INT, true),
    JSON_ROW(struct identity_wire, sequence,       JSON_KIND_INT, true),
    JSON_ROW(struct identity_wire, account_id,     JSON_KIND_STR, true),
    JSON_ROW(struct identity_wire, kind,           JSON_KIND_STR, true),
    JSON_ROW(struct identity_wire, document_index, JSON_KIND_STR, false),
    JSON_ROW(struct identity_wire, student_id,     JSON_KIND_STR, false),
    JSON_ROW(struct identity_wire, school_code,    JSON_KIND_STR, false),
    JSON_ROW(struct identity_wire, phone_index,    JSON_KIND_STR, false),
    JSON_ROW(struct identity_wire, phone_sealed,   JSON_KIND_STR, false),
    JSON_ROW(struct identity_wire, card_sealed,    JSON_KIND_STR, false),
};
/* clang-format on */

void
identity_changed_encode(const struct identity_changed *message, struct buf *out)
{
    struct jsonw w = jsonw_on(out);
    jsonw_object_open(&w);
    jsonw_member_int(&w, "version", IDENTITY_EVENT_VERSION);
    jsonw_member_int(&w, "sequence", message->sequence);
    jsonw_member(&w, "account_id", message->account_id);
    jsonw_member(&w, "kind", message->kind);
    jsonw_member(&w, "document_index", message->document_index);
    jsonw_member(&w, "student_id", message->student_id);
    jsonw_member(&w, "school_code", message->school_code);
    jsonw_member(&w, "phone_index", message->phone_index);
    jsonw_member(&w, "phone_sealed", message->phone_sealed);
    jsonw_member(&w, "card_sealed", message->card_sealed);
    jsonw_object_close(&w);
}

static bool
kind_known(struct str kind)
{
    static const char *const kinds[] = {"verified", "bound", "phone_changed", "unbound"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (str_eq_text(kind, kinds[i]))
            return true;
    return false;
}

enum err_code
identity_changed_decode(struct str text, struct arena *arena, struct identity_changed *ret_message,
                        struct err *err)
{
    const struct json *root = NULL;
    struct identity_wire wire = {0};
    enum err_code code = json_parse_message(arena, text, IDENTITY_EVENT_VERSION, &root, err);
    if (code == ERR_OK)
        code = json_read(root, rows, sizeof rows / sizeof rows[0], false, &wire, NULL, err);
    if (code)
        return code;
    if (wire.sequence < 1)
        return ERR(err, ERR_INVALID, "sequence is not positive");
    if (!kind_known(wire.kind))
        return ERR(err, ERR_INVALID, "kind is not known");
    if (wire.account_id.len == 0 || wire.account_id.len > 64)
        return ERR(err, ERR_INVALID, "account_id is empty or too long");
    *ret_message = (struct identity_changed){
        wire.sequence,    wire.account_id,  wire.kind,         wire.document_index, wire.student_id,
        wire.school_code, wire.phone_index, wire.phone_sealed, wire.card_sealed,
    };
    return ERR_OK;
}
