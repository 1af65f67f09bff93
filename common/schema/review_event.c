#include "schema/review_event.h"

#include "base/jsonw.h"
#include "schema/json.h"

struct review_wire {
    int64_t version;
    struct str student_id;
    struct str campaign_id;
    struct str submission_id;
    struct str from;
    struct str to;
    struct str reason;
    struct str by_level;
    int64_t at_ms;
};
/* clang-format off */
static const struct json_row rows[] = {
    JSON_ROW(struct review_wire, version,       JSON_KIND_INT, true),
    JSON_ROW(struct review_wire, student_id,    JSON_KIND_STR, true),
    JSON_ROW(struct review_wire, campaign_id,   JSON_KIND_STR, true),
    JSON_ROW(struct review_wire, submission_id, JSON_KIND_STR, true),
    JSON_ROW(struct review_wire, from,          JSON_KIND_STR, true),
    JSON_ROW(struct review_wire, to,            JSON_KIND_STR, true),
    JSON_ROW(struct review_wire, reason,        JSON_KIND_STR, false),
    JSON_ROW(struct review_wire, by_level,      JSON_KIND_STR, true),
    JSON_ROW(struct review_wire, at_ms,         JSON_KIND_INT, true),
};
/* clang-format on */

void
review_decided_encode(const struct review_decided *message, struct buf *out)
{
    struct jsonw w = jsonw_on(out);
    jsonw_object_open(&w);
    jsonw_member_int(&w, "version", REVIEW_EVENT_VERSION);
    jsonw_member(&w, "student_id", message->student_id);
    jsonw_member(&w, "campaign_id", message->campaign_id);
    jsonw_member(&w, "submission_id", message->submission_id);
    jsonw_member(&w, "from", message->from);
    jsonw_member(&w, "to", message->to);
    jsonw_member(&w, "reason", message->reason);
    jsonw_member(&w, "by_level", message->by_level);
    jsonw_member_int(&w, "at_ms", message->at_ms);
    jsonw_object_close(&w);
}

enum err_code
review_decided_decode(struct str text, struct arena *arena, struct review_decided *ret_message,
                      struct err *err)
{
    const struct json *root = NULL;
    struct review_wire wire = {0};
    enum err_code code = json_parse_message(arena, text, REVIEW_EVENT_VERSION, &root, err);
    if (code == ERR_OK)
        code = json_read(root, rows, sizeof rows / sizeof rows[0], false, &wire, NULL, err);
    if (code)
        return code;
    if (wire.student_id.len == 0 || wire.submission_id.len == 0 || wire.campaign_id.len == 0)
        return ERR(err, ERR_INVALID, "student, campaign or submission is empty");
    *ret_message = (struct review_decided){
        wire.student_id, wire.campaign_id, wire.submission_id, wire.from,
        wire.to,         wire.reason,      wire.by_level,      wire.at_ms,
    };
    return ERR_OK;
}
