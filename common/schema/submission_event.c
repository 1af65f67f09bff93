#include "schema/submission_event.h"

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "schema/json.h"

/* What stands on the wire before times and fields are read out of it. */
struct received_wire {
    int64_t version;
    struct str submission_id;
    struct str student_id;
    struct str campaign_id;
    struct str idempotency_key;
    struct str body_index;
    struct str received_at;
    const struct json *fields;
    struct str fields_sealed;
};
/* clang-format off */
static const struct json_row received_rows[] = {
    JSON_ROW(struct received_wire, version,         JSON_KIND_INT,    true),
    JSON_ROW(struct received_wire, submission_id,   JSON_KIND_STR,    true),
    JSON_ROW(struct received_wire, student_id,      JSON_KIND_STR,    true),
    JSON_ROW(struct received_wire, campaign_id,     JSON_KIND_STR,    true),
    JSON_ROW(struct received_wire, idempotency_key, JSON_KIND_STR,    true),
    JSON_ROW(struct received_wire, body_index,      JSON_KIND_STR,    true),
    JSON_ROW(struct received_wire, received_at,     JSON_KIND_STR,    true),
    JSON_ROW(struct received_wire, fields,          JSON_KIND_OBJECT, true),
    JSON_ROW(struct received_wire, fields_sealed,   JSON_KIND_STR,    false),
};

struct judged_wire {
    int64_t version;
    struct str submission_id;
    struct str student_id;
    struct str campaign_id;
    int64_t revision;
    struct str outcome;
    struct str judged_at;
};
static const struct json_row judged_rows[] = {
    JSON_ROW(struct judged_wire, version,       JSON_KIND_INT, true),
    JSON_ROW(struct judged_wire, submission_id, JSON_KIND_STR, true),
    JSON_ROW(struct judged_wire, student_id,    JSON_KIND_STR, true),
    JSON_ROW(struct judged_wire, campaign_id,   JSON_KIND_STR, true),
    JSON_ROW(struct judged_wire, revision,      JSON_KIND_INT, true),
    JSON_ROW(struct judged_wire, outcome,       JSON_KIND_STR, true),
    JSON_ROW(struct judged_wire, judged_at,     JSON_KIND_STR, true),
};
/* clang-format on */

enum {
    ROW_COUNT_RECEIVED = sizeof received_rows / sizeof received_rows[0],
    ROW_COUNT_JUDGED = sizeof judged_rows / sizeof judged_rows[0]
};

static void
member_time(struct jsonw *w, const char *name, int64_t time_ms)
{
    char text[CLOCK_RFC3339_SIZE];
    jsonw_member_text(w, name, clock_format_rfc3339(time_ms, text));
}

/* Those that are sensitive, or those that are not; false when there is none. */
static bool
fields_write(struct jsonw *w, const struct str value[FIELD_COUNT_], bool sensitive)
{
    bool any = false;
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        if (value[i].len == 0 || fields[i].sensitive != sensitive)
            continue;
        jsonw_member_str(w, fields[i].name_str, value[i]);
        any = true;
    }
    return any;
}

void
submission_received_encode(const struct submission_received *message, struct buf *out)
{
    struct jsonw w = jsonw_on(out);
    jsonw_object_open(&w);
    jsonw_member_int(&w, "version", SUBMISSION_RECEIVED_VERSION);
    jsonw_member(&w, "submission_id", message->submission_id);
    jsonw_member(&w, "student_id", message->student_id);
    jsonw_member(&w, "campaign_id", message->campaign_id);
    jsonw_member(&w, "idempotency_key", message->idempotency_key);
    jsonw_member(&w, "body_index", message->body_index);
    member_time(&w, "received_at", message->received_at_ms);
    jsonw_key(&w, "fields");
    jsonw_object_open(&w);
    fields_write(&w, message->value, false);
    jsonw_object_close(&w);
    if (message->fields_sealed.len)
        jsonw_member(&w, "fields_sealed", message->fields_sealed);
    jsonw_object_close(&w);
}

bool
submission_sealed_encode(const struct str value[FIELD_COUNT_], struct buf *out)
{
    struct jsonw w = jsonw_on(out);
    jsonw_object_open(&w);
    bool any = fields_write(&w, value, true);
    jsonw_object_close(&w);
    return any;
}

bool
submission_sealed_fits(const struct str value[FIELD_COUNT_], size_t bytes_max)
{
    enum { ESCAPED_MAX = 6, NAMES_MAX = FIELD_COUNT_ * 24 }; /* bytes of JSON for one */
    size_t bytes = 0;
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        bytes += fields[i].sensitive ? value[i].len : 0;
    if (bytes * ESCAPED_MAX + NAMES_MAX <= bytes_max)
        return true; /* nearly always */
    CLEANUP(buf_done) struct buf plain;
    buf_init(&plain, bytes_max);
    (void)submission_sealed_encode(value, &plain);
    explicit_bzero(plain.ptr, plain.len); /* it stands in clear */
    return !plain.overflow;
}

struct str
submission_sealed_context(struct str student_id, struct str submission_id, struct arena *arena)
{
    return ARENA_JOIN(arena, student_id, STR("/submission/"), submission_id);
}

/* Which of them may be in an object. */
enum fields_read { FIELDS_ANY, FIELDS_PLAIN, FIELDS_SENSITIVE };

static enum err_code
fields_read(const struct json *object, enum fields_read which, struct str value[FIELD_COUNT_],
            struct err *err)
{
    for (const struct json *m = json_first(object); m; m = json_next(m)) {
        const struct field *field = field_find(json_name(m));
        if (field == NULL)
            return ERR(err, ERR_UNKNOWN_MEMBER, "unknown field");
        if (json_type(m) != JSON_STRING)
            return ERR(err, ERR_MALFORMED, "field '%s' is not a string", field->name);
        if (which != FIELDS_ANY && field->sensitive != (which == FIELDS_SENSITIVE))
            return ERR(err, ERR_MALFORMED, "field '%s' is %s", field->name,
                       field->sensitive ? "not sealed" : "sealed");
        value[field->id] = json_str(m);
    }
    return ERR_OK;
}

enum err_code
submission_sealed_decode(struct str plain, struct arena *arena, struct str value[FIELD_COUNT_],
                         struct err *err)
{
    const struct json *root = NULL;
    enum err_code code = json_parse_in(arena, plain, &root, err);
    if (code == ERR_OK && json_type(root) != JSON_OBJECT)
        code = ERR(err, ERR_MALFORMED, "expected an object");
    return code ? code : fields_read(root, FIELDS_SENSITIVE, value, err);
}

static bool
id_plausible(struct str id)
{
    for (size_t i = 0; i < id.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = id.ptr[i];
        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return id.len == 36;
}

static enum err_code
received_check(const struct received_wire *wire, struct submission_received *message,
               struct err *err)
{
    if (!id_plausible(wire->submission_id) || !id_plausible(wire->student_id))
        return ERR(err, ERR_INVALID, "submission_id or student_id is not a UUID");
    if (wire->campaign_id.len == 0 || wire->campaign_id.len > 64)
        return ERR(err, ERR_INVALID, "campaign_id is empty or too long");
    if (wire->idempotency_key.len == 0 || wire->idempotency_key.len > LIMIT_IDEMPOTENCY_KEY)
        return ERR(err, ERR_INVALID, "idempotency_key is empty or too long");
    if (!clock_parse_rfc3339(wire->received_at, &message->received_at_ms))
        return ERR(err, ERR_INVALID, "received_at is not a time");
    message->submission_id = wire->submission_id;
    message->student_id = wire->student_id;
    message->campaign_id = wire->campaign_id;
    message->idempotency_key = wire->idempotency_key;
    message->body_index = wire->body_index;
    message->version = wire->version;
    message->fields_sealed = wire->fields_sealed;
    if (wire->version == 1 && wire->fields_sealed.len)
        return ERR(err, ERR_INVALID, "version 1 has no fields_sealed");
    return ERR_OK;
}

enum err_code
submission_received_decode(struct str text, struct arena *arena,
                           struct submission_received *ret_message, struct err *err)
{
    const struct json *root = NULL;
    struct received_wire wire = {0};
    struct submission_received message = {0};
    enum err_code code = json_parse_message(arena, text, SUBMISSION_RECEIVED_VERSION, &root, err);
    if (code == ERR_OK)
        code = json_read(root, received_rows, ROW_COUNT_RECEIVED, false, &wire, NULL, err);
    if (code == ERR_OK)
        code = received_check(&wire, &message, err);
    if (code == ERR_OK)
        code = fields_read(wire.fields, wire.version == 1 ? FIELDS_ANY : FIELDS_PLAIN,
                           message.value, err);
    if (code == ERR_OK)
        *ret_message = message;
    return code;
}

void
submission_judged_encode(const struct submission_judged *message, struct buf *out)
{
    struct jsonw w = jsonw_on(out);
    jsonw_object_open(&w);
    jsonw_member_int(&w, "version", SUBMISSION_JUDGED_VERSION);
    jsonw_member(&w, "submission_id", message->submission_id);
    jsonw_member(&w, "student_id", message->student_id);
    jsonw_member(&w, "campaign_id", message->campaign_id);
    jsonw_member_int(&w, "revision", message->revision);
    jsonw_member(&w, "outcome", message->outcome);
    member_time(&w, "judged_at", message->judged_at_ms);
    jsonw_key(&w, "findings");
    jsonw_raw(&w, message->findings.len ? message->findings : STR("[]"));
    jsonw_object_close(&w);
}

/* Findings are passed on as JSON text, once they are seen to be what they should: objects of texts.
 */
static enum err_code
findings_copy(const struct json *list, struct buf *out, struct err *err)
{
    struct jsonw w = jsonw_on(out);
    if (list == NULL)
        return ERR(err, ERR_MISSING_MEMBER, "member 'findings' is missing");
    if (json_type(list) != JSON_ARRAY)
        return ERR(err, ERR_MALFORMED, "member 'findings' has another JSON type");
    jsonw_array_open(&w);
    for (const struct json *f = json_first(list); f; f = json_next(f)) {
        if (json_type(f) != JSON_OBJECT)
            return ERR(err, ERR_MALFORMED, "a finding is not an object");
        jsonw_object_open(&w);
        for (const struct json *m = json_first(f); m; m = json_next(m)) {
            if (json_type(m) != JSON_STRING)
                return ERR(err, ERR_MALFORMED, "a finding has a member that is not a text");
            jsonw_key_str(&w, json_name(m));
            jsonw_str(&w, json_str(m));
        }
        jsonw_object_close(&w);
    }
    jsonw_array_close(&w);
    return out->overflow ? ERR(err, ERR_TOO_LARGE, "findings are too large") : ERR_OK;
}

static enum err_code
judged_check(const struct judged_wire *wire, struct submission_judged *message, struct err *err)
{
    if (!id_plausible(wire->submission_id) || !id_plausible(wire->student_id))
        return ERR(err, ERR_INVALID, "an id is not well-formed");
    if (wire->campaign_id.len == 0)
        return ERR(err, ERR_INVALID, "campaign_id is empty");
    if (wire->revision < 1)
        return ERR(err, ERR_INVALID, "revision is not positive");
    if (!str_eq(wire->outcome, STR("accepted")) && !str_eq(wire->outcome, STR("rejected")))
        return ERR(err, ERR_INVALID, "outcome is neither accepted nor rejected");
    if (!clock_parse_rfc3339(wire->judged_at, &message->judged_at_ms))
        return ERR(err, ERR_INVALID, "judged_at is not a time");
    message->submission_id = wire->submission_id;
    message->student_id = wire->student_id;
    message->campaign_id = wire->campaign_id;
    message->revision = wire->revision;
    message->outcome = wire->outcome;
    return ERR_OK;
}

enum err_code
submission_judged_decode(struct str text, struct arena *arena,
                         struct submission_judged *ret_message, struct err *err)
{
    const struct json *root = NULL;
    CLEANUP(buf_done) struct buf findings;
    struct judged_wire wire = {0};
    struct submission_judged message = {0};
    buf_init(&findings, LIMIT_MESSAGE);
    enum err_code code = json_parse_message(arena, text, SUBMISSION_JUDGED_VERSION, &root, err);
    if (code == ERR_OK)
        code = json_read(root, judged_rows, ROW_COUNT_JUDGED, false, &wire, NULL, err);
    if (code == ERR_OK)
        code = judged_check(&wire, &message, err);
    if (code == ERR_OK)
        code = findings_copy(json_get(root, "findings"), &findings, err);
    if (code)
        return code;
    message.findings = arena_copy(arena, buf_str(&findings));
    *ret_message = message;
    return ERR_OK;
}
