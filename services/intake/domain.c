#include "services/intake/domain.h"

#include <stdio.h>

#include "base/limits.h"
#include "io/seal.h"

enum {
    FIELD_NAME_MAX = 15,
    ESCAPED_MAX = 6,      /* bytes of JSON for one code point: \u007f */
    MEMBER_MAX = 24,      /* quotes, colon, comma and name of a field */
    DEFAULTS_ROOM = 4096, /* what validation may fill in */
};
/* NOLINTBEGIN(bugprone-macro-parentheses): terms of the sum below */
#define X(name, label, part, type, max, owner, ...)                                                \
    +(FIELD_OWNER_##owner == FIELD_OWNER_STUDENT                                                   \
          ? MEMBER_MAX + (max)*FIELDS_LENGTH_FACTOR * ESCAPED_MAX                                  \
          : 0)
_Static_assert((0 FIELD_TABLE(X)) + DEFAULTS_ROOM <= SEALED_PLAIN_MAX,
               "all that a student may fill in, at its longest, has to be fit to be sealed as one");
#undef X
/* NOLINTEND(bugprone-macro-parentheses) */

bool
field_is_students(enum field_id id)
{
    return fields[id].owner == FIELD_OWNER_STUDENT;
}

static void
list_field(struct fields_read *ret, enum fields_verdict verdict, enum field_id id)
{
    /* The first kind of refusal found is the one that is answered. */
    if (ret->verdict == FIELDS_OK)
        ret->verdict = verdict;
    if (ret->verdict == verdict)
        ret->listed[ret->listed_count++] = id;
}

/* A member's name may be a value that was put into the wrong place, and no answer repeats those:
 * only what can be a mistyped field name is told. */
static struct str
name_told(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!((name.ptr[i] >= 'A' && name.ptr[i] <= 'Z') ||
              (name.ptr[i] >= 'a' && name.ptr[i] <= 'z')))
            return STR("?");
    return name.len <= FIELD_NAME_MAX ? name : STR("?");
}

void
fields_read_object(const struct json *object, unsigned length_factor, struct fields_read *ret)
{
    *ret = (struct fields_read){.verdict = FIELDS_OK};
    for (const struct json *m = json_first(object); m; m = json_next(m)) {
        struct str name = json_name(m);
        const struct field *field = field_find(name);
        if (field == NULL || json_type(m) != JSON_STRING) {
            ret->verdict = field ? FIELDS_WRONG_TYPE : FIELDS_UNKNOWN;
            (void)snprintf(ret->name, sizeof ret->name, "%.*s", STR_ARG(name_told(name)));
            return;
        }
        struct str value = json_str(m);
        if (!field_is_students(field->id))
            list_field(ret, FIELDS_NOT_OWNED, field->id);
        else if (length_factor && utf8_length(value) > (size_t)field->length_max * length_factor)
            list_field(ret, FIELDS_TOO_LONG, field->id);
        else if (value.len)
            ret->value[field->id] = value;
    }
}

void
fields_canonical(const struct str value[FIELD_COUNT_], struct buf *out)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        if (value[i].len == 0)
            continue;
        buf_add_text(out, fields[i].name);
        buf_add_char(out, '\0');
        buf_add(out, value[i]);
        buf_add_char(out, '\0');
    }
}

bool
idempotency_key_valid(struct str key)
{
    if (key.len == 0 || key.len > LIMIT_IDEMPOTENCY_KEY)
        return false;
    for (size_t i = 0; i < key.len; i++)
        if (key.ptr[i] < 0x21 || key.ptr[i] > 0x7E)
            return false;
    return true;
}

static struct str
trim(struct str text)
{
    while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = (struct str){text.ptr + 1, text.len - 1};
    while (text.len && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

bool
etag_listed(struct str header, const char *etag)
{
    while (header.len) {
        struct str tag = trim(str_cut(&header, ','));
        if (str_eq(tag, STR("*")))
            return true;
        if (str_starts(tag, STR("W/")))
            tag = (struct str){tag.ptr + 2, tag.len - 2};
        if (str_eq_text(tag, etag))
            return true;
    }
    return false;
}

bool
draft_version_parse(struct str header, int64_t *ret_version)
{
    static const struct str before = {"\"draft-", 7};
    uint64_t version = 0;
    if (!str_starts(header, before) || !str_ends(header, STR("\"")) || header.len < before.len + 2)
        return false;
    struct str digits = {header.ptr + before.len, header.len - before.len - 1};
    bool padded = digits.len > 1 && digits.ptr[0] == '0'; /* another tag than the one we gave */
    if (padded || !str_to_u64(digits, INT32_MAX, &version))
        return false;
    *ret_version = (int64_t)version;
    return true;
}

enum window_state
window_at(const struct campaign *campaign, int64_t now_ms)
{
    if (now_ms < campaign->opens_at_ms)
        return WINDOW_BEFORE;
    return now_ms <= campaign->closes_at_ms ? WINDOW_OPEN : WINDOW_AFTER;
}
