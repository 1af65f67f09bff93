#include "tests/fuzz/second_json.h"

#include <jansson.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/limits.h"

static bool
plain_text(struct str text)
{
    for (size_t at = 0; at < text.len;) {
        uint32_t point = utf8_next(text, &at);
        if ((point & 0xFFFE) == 0xFFFE || (point >= 0xFDD0 && point <= 0xFDEF))
            return false;
    }
    return true;
}

/* A name that our writer would not write as it is. */
static bool
plain_name(struct str name)
{
    for (size_t at = 0; at < name.len;) {
        uint32_t point = utf8_next(name, &at);
        if (point == 0x7F || point == 0x2028 || point == 0x2029)
            return false;
    }
    return plain_text(name);
}

/* Writes and looks at once. `left`: levels; `members`: names so far in the objects that are open.
 */
static bool
walk(struct jsonw *w, const json_t *value, unsigned left, size_t members)
{
    static const int64_t int_max = (INT64_C(1) << 53) - 1;
    const char *name;
    json_t *child;
    size_t index;
    bool reason = left == 0;
    unsigned below = left ? left - 1 : 0;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        jsonw_object_open(w);
        json_object_foreach((json_t *)(uintptr_t)value, name, child)
        {
            jsonw_key(w, name);
            members++;
            reason |= members > LIMIT_JSON_MEMBERS || !plain_name(str_of(name));
            reason |= walk(w, child, below, members);
        }
        jsonw_object_close(w);
        return reason;
    case JSON_ARRAY:
        jsonw_array_open(w);
        json_array_foreach(value, index, child) reason |= walk(w, child, below, members);
        jsonw_array_close(w);
        return reason;
    case JSON_STRING: {
        struct str text = {json_string_value(value), json_string_length(value)};
        jsonw_str(w, text);
        return reason || !plain_text(text);
    }
    case JSON_INTEGER:
        jsonw_int(w, json_integer_value(value));
        return reason || json_integer_value(value) > int_max ||
               json_integer_value(value) < -int_max;
    case JSON_REAL:
        jsonw_raw(w, STR("1.5"));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        jsonw_bool(w, json_is_true(value));
        return reason;
    case JSON_NULL:
        jsonw_null(w);
        return reason;
    }
    return reason;
}

bool
second_json_read(struct str text, struct buf *out, bool *ret_reason)
{
    json_error_t error;
    json_t *tree = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (tree == NULL)
        return false;
    struct jsonw w = jsonw_on(out);
    *ret_reason = walk(&w, tree, LIMIT_JSON_DEPTH, 0);
    json_decref(tree);
    return true;
}
