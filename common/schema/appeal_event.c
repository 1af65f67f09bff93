#include "schema/appeal_event.h"

#include "base/jsonw.h"
#include "schema/appeal.h"
#include "schema/json.h"

struct appeal_wire {
    int64_t version;
    struct str appeal_id;
    struct str account_id;
    struct str student_id;
    struct str kind;
    struct str decision;
    struct str reason;
    int64_t at_ms;
};
/* clang-format off */
static const struct json_row rows[] = {
    JSON_ROW(struct appeal_wire, version,    JSON_KIND_INT, true),
    JSON_ROW(struct appeal_wire, appeal_id,  JSON_KIND_STR, true),
    JSON_ROW(struct appeal_wire, account_id, JSON_KIND_STR, true),
    JSON_ROW(struct appeal_wire, student_id, JSON_KIND_STR, false),
    JSON_ROW(struct appeal_wire, kind,       JSON_KIND_STR, true),
    JSON_ROW(struct appeal_wire, decision,   JSON_KIND_STR, true),
    JSON_ROW(struct appeal_wire, reason,     JSON_KIND_STR, false),
    JSON_ROW(struct appeal_wire, at_ms,      JSON_KIND_INT, true),
};
/* clang-format on */

void
appeal_decided_encode(const struct appeal_decided *message, struct buf *out)
{
    struct jsonw w = jsonw_on(out);
    jsonw_object_open(&w);
    jsonw_member_int(&w, "version", APPEAL_EVENT_VERSION);
    jsonw_member(&w, "appeal_id", message->appeal_id);
    jsonw_member(&w, "account_id", message->account_id);
    if (message->student_id.len)
        jsonw_member(&w, "student_id", message->student_id);
    jsonw_member(&w, "kind", message->kind);
    jsonw_member(&w, "decision", message->decision);
    if (message->reason.len)
        jsonw_member(&w, "reason", message->reason);
    jsonw_member_int(&w, "at_ms", message->at_ms);
    jsonw_object_close(&w);
}

/* 8-4-4-4-12 in lower case. */
static bool
uuid_form(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return text.len == 36;
}

enum err_code
appeal_decided_decode(struct str text, struct arena *arena, struct appeal_decided *ret_message,
                      struct err *err)
{
    const struct json *root = NULL;
    struct appeal_wire wire = {0};
    enum appeal_kind kind;
    enum err_code code = json_parse_message(arena, text, APPEAL_EVENT_VERSION, &root, err);
    if (code == ERR_OK)
        code = json_read(root, rows, sizeof rows / sizeof rows[0], false, &wire, NULL, err);
    if (code)
        return code;
    if (!uuid_form(wire.appeal_id) || (wire.student_id.len && !uuid_form(wire.student_id)))
        return ERR(err, ERR_INVALID, "appeal_id or student_id is no UUID");
    if (wire.account_id.len == 0 || wire.account_id.len > 64)
        return ERR(err, ERR_INVALID, "account_id is empty or too long");
    if (!appeal_kind_parse(wire.kind, &kind))
        return ERR(err, ERR_INVALID, "kind is not known");
    if (!str_eq(wire.decision, STR("accepted")) && !str_eq(wire.decision, STR("refused")))
        return ERR(err, ERR_INVALID, "decision is not known");
    if (utf8_length(wire.reason) > APPEAL_REASON_MAX)
        return ERR(err, ERR_INVALID, "reason is too long");
    if (wire.at_ms < 1)
        return ERR(err, ERR_INVALID, "at_ms is not positive");
    *ret_message = (struct appeal_decided){
        wire.appeal_id, wire.account_id, wire.student_id, wire.kind,
        wire.decision,  wire.reason,     wire.at_ms,
    };
    return ERR_OK;
}
