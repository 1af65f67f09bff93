#include "base/jsonscan.h"

#include <string.h>

#include "base/limits.h"

enum { NODES_FIRST = 64 }; /* a submission has 30 */

struct scan {
    const char *start;
    const char *at;
    const char *end;
    struct err *err;
    struct arena *arena;
    struct json_nodes *nodes; /* NULL: nobody wants them */
    size_t value_count;
    size_t key_count; /* names in use in `keys`, over all open objects */
    struct str keys[LIMIT_JSON_MEMBERS];
    uint64_t marks[LIMIT_JSON_MEMBERS]; /* of the keys: two that differ are not the same key */
};

static enum err_code
scan_fail(struct scan *scan, const char *expected)
{
    return ERR(scan->err, ERR_MALFORMED, "not strict JSON at byte %zu: expected %s",
               (size_t)(scan->at - scan->start), expected);
}

/* Begins a node; its number is where it will be found, as the rows may move. */
static enum err_code
node_begin(struct scan *scan, enum json_type type, size_t *ret_number)
{
    struct json_nodes *nodes = scan->nodes;
    if (scan->value_count++ == LIMIT_JSON_VALUES)
        return ERR(scan->err, ERR_TOO_LARGE, "more than %d values", LIMIT_JSON_VALUES);
    if (nodes == NULL)
        return ERR_OK;
    if (nodes->count == nodes->capacity) {
        size_t capacity = nodes->capacity ? 4 * nodes->capacity : NODES_FIRST;
        struct json_node *rows = arena_alloc(scan->arena, capacity * sizeof *rows);
        if (nodes->count)
            memcpy(rows, nodes->rows, nodes->count * sizeof *rows);
        nodes->rows = rows;
        nodes->capacity = capacity;
    }
    *ret_number = nodes->count++;
    nodes->rows[*ret_number] = (struct json_node){.type = type, .last = true, .span = 1};
    return ERR_OK;
}

/* A container ends: what was added since is in it. */
static void
node_end(struct scan *scan, size_t number)
{
    if (scan->nodes)
        scan->nodes->rows[number].span = (uint32_t)(scan->nodes->count - number);
}

static void
node_name(struct scan *scan, size_t number, struct str name)
{
    if (scan->nodes)
        scan->nodes->rows[number].name = name;
}

static void
node_number(struct scan *scan, size_t number, int64_t value)
{
    if (scan->nodes)
        scan->nodes->rows[number].number = value;
}

/* Another value follows in the same container: `before` is not the last. */
static void
node_follows(struct scan *scan, size_t before)
{
    if (scan->nodes)
        scan->nodes->rows[before].last = false;
}

static void
scan_blank(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

static bool
scan_take(struct scan *scan, char c)
{
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

/* Four hex digits after "\u"; false when they are not. */
static bool
scan_hex4(struct scan *scan, unsigned *ret_unit)
{
    unsigned unit = 0;
    if (scan->end - scan->at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = scan->at[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            return false;
        unit = unit << 4 | digit;
    }
    scan->at += 4;
    *ret_unit = unit;
    return true;
}

/* `at` stands behind "\u". */
static enum err_code
scan_unicode_escape(struct scan *scan)
{
    unsigned unit;
    unsigned low;
    if (!scan_hex4(scan, &unit))
        return scan_fail(scan, "four hex digits");
    if (unit >= 0xDC00 && unit <= 0xDFFF)
        return scan_fail(scan, "a high surrogate before a low one");
    uint32_t point = unit;
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        if (!scan_take(scan, '\\') || !scan_take(scan, 'u') || !scan_hex4(scan, &low) ||
            low < 0xDC00 || low > 0xDFFF)
            return scan_fail(scan, "a low surrogate after a high one");
        point = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
    return utf8_point_is_text(point) ? ERR_OK : scan_fail(scan, "a character of text");
}

/* One step over an escape or a multi-byte character; `at` stands on it. */
static enum err_code
scan_special(struct scan *scan)
{
    if (scan_take(scan, '\\')) {
        if (scan->at == scan->end || !memchr("\"\\/bfnrtu", *scan->at, 9))
            return scan_fail(scan, "a known escape");
        return *scan->at++ == 'u' ? scan_unicode_escape(scan) : ERR_OK;
    }
    struct str rest = {scan->at, (size_t)(scan->end - scan->at)};
    size_t length = rest.len < 4 ? rest.len : 4;
    size_t offset = 0;
    /* The shortest prefix that is whole decides; utf8_valid knows the sequence rules. */
    for (size_t size = 2; size <= length; size++) {
        if (!utf8_valid((struct str){rest.ptr, size}))
            continue;
        if (!utf8_point_is_text(utf8_next(rest, &offset)))
            return scan_fail(scan, "a character of text");
        scan->at += offset;
        return ERR_OK;
    }
    return scan_fail(scan, "valid UTF-8");
}

/* Over what needs no second look: ASCII but quote, backslash, controls and DEL; and sequences of
 * three bytes that cannot be surrogates or noncharacters, as nearly all Chinese. */
static const char *
scan_plain(const char *at, const char *end, bool *ret_ascii)
{
    enum { STOP, ASCII, THREE };
    /* clang-format off */
    static const unsigned char kinds[256] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 00 */
        1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* 20 */
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, /* 40 */
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, /* 60 */
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 80 */
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* A0 */
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* C0 */
        0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* E0 */
    };
    /* clang-format on */
    while (at < end) {
        unsigned char kind = kinds[(unsigned char)*at];
        if (kind == ASCII) {
            at++;
            continue;
        }
        if (kind == STOP || end - at < 3 || ((unsigned char)at[1] & 0xC0) != 0x80 ||
            ((unsigned char)at[2] & 0xC0) != 0x80)
            break;
        *ret_ascii = false;
        at += 3;
    }
    return at;
}

/* `at` stands behind the opening quote. *ret_raw is the text between the quotes, escapes kept;
 * *ret_simple: nothing in it but ASCII without escapes and DEL. */
static enum err_code
scan_string(struct scan *scan, struct str *ret_raw, bool *ret_simple)
{
    const char *begin = scan->at;
    *ret_simple = true;
    for (;;) {
        scan->at = scan_plain(scan->at, scan->end, ret_simple);
        if (scan->at == scan->end)
            return scan_fail(scan, "the closing quote");
        if (*scan->at == '"')
            break;
        if ((unsigned char)*scan->at < 0x20)
            return scan_fail(scan, "no raw control character");
        *ret_simple = false;
        if (*scan->at == 0x7F) {
            scan->at++;
            continue;
        }
        enum err_code code = scan_special(scan);
        if (code)
            return code;
    }
    *ret_raw = (struct str){begin, (size_t)(scan->at - begin)};
    scan->at++;
    return ERR_OK;
}

static enum err_code
scan_string_value(struct scan *scan, size_t number)
{
    struct str text = STR_NONE;
    bool simple;
    enum err_code code = scan_string(scan, &text, &simple);
    if (code == ERR_OK && scan->nodes) {
        scan->nodes->rows[number].text = text;
        scan->nodes->rows[number].escaped =
            !simple && text.len && memchr(text.ptr, '\\', text.len) != NULL;
    }
    return code;
}

/* Integers only: our contract has no fractions, and readers disagree about everything else. */
static enum err_code
scan_number(struct scan *scan, size_t number)
{
    static const uint64_t largest = (UINT64_C(1) << 53) - 1;
    bool negative = scan_take(scan, '-');
    const char *digits = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    struct str text = {digits, (size_t)(scan->at - digits)};
    uint64_t value = 0;
    bool leading_zero = text.len > 1 && text.ptr[0] == '0';
    if (leading_zero || !str_to_u64(text, largest, &value) || (negative && value == 0))
        return scan_fail(scan, "an integer of at most 53 bits");
    if (scan->at < scan->end && memchr(".eE+-", *scan->at, 5))
        return scan_fail(scan, "an integer");
    node_number(scan, number, negative ? -(int64_t)value : (int64_t)value);
    return ERR_OK;
}

static enum err_code scan_value(struct scan *scan, unsigned depth, size_t *ret_number);

/* Names are compared as written: one with an escape is refused, so that equal names look equal, and
 * so is one that base/jsonw.h would write with an escape, so that we let in what we write. */
static bool
name_plain(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        bool separator = c == 0xE2 && i + 2 < name.len && (unsigned char)name.ptr[i + 1] == 0x80 &&
                         ((unsigned char)name.ptr[i + 2] & 0xFE) == 0xA8;
        if (c == '\\' || c == 0x7F || separator)
            return false;
    }
    return true;
}

/* Length and first bytes. */
static uint64_t
key_mark(struct str key)
{
    uint64_t mark = 0;
    memcpy(&mark, key.ptr, key.len < sizeof mark ? key.len : sizeof mark);
    return mark ^ (uint64_t)key.len << 56;
}

static enum err_code
scan_key(struct scan *scan, size_t first_key, struct str *ret_key)
{
    struct str key = STR_NONE;
    bool simple;
    if (!scan_take(scan, '"'))
        return scan_fail(scan, "a member name");
    enum err_code code = scan_string(scan, &key, &simple);
    if (code)
        return code;
    if (!simple && !name_plain(key))
        return scan_fail(scan, "a member name without escapes");
    uint64_t mark = key_mark(key);
    for (size_t i = first_key; i < scan->key_count; i++)
        if (scan->marks[i] == mark && str_eq(scan->keys[i], key))
            return scan_fail(scan, "no member name twice");
    if (scan->key_count == LIMIT_JSON_MEMBERS)
        return ERR(scan->err, ERR_TOO_LARGE, "more than %d members open", LIMIT_JSON_MEMBERS);
    scan->marks[scan->key_count] = mark;
    scan->keys[scan->key_count++] = key;
    *ret_key = key;
    return ERR_OK;
}

static enum err_code
scan_object(struct scan *scan, unsigned depth)
{
    size_t first_key = scan->key_count;
    size_t number = 0;
    enum err_code code;
    scan_blank(scan);
    if (scan_take(scan, '}'))
        return ERR_OK;
    for (;;) {
        struct str key = STR_NONE;
        scan_blank(scan);
        if ((code = scan_key(scan, first_key, &key)))
            return code;
        scan_blank(scan);
        if (!scan_take(scan, ':'))
            return scan_fail(scan, "':'");
        if ((code = scan_value(scan, depth, &number)))
            return code;
        node_name(scan, number, key);
        scan_blank(scan);
        if (!scan_take(scan, ','))
            break;
        node_follows(scan, number);
    }
    scan->key_count = first_key;
    return scan_take(scan, '}') ? ERR_OK : scan_fail(scan, "',' or '}'");
}

static enum err_code
scan_array(struct scan *scan, unsigned depth)
{
    size_t number = 0;
    scan_blank(scan);
    if (scan_take(scan, ']'))
        return ERR_OK;
    for (;;) {
        enum err_code code = scan_value(scan, depth, &number);
        if (code)
            return code;
        scan_blank(scan);
        if (!scan_take(scan, ','))
            break;
        node_follows(scan, number);
    }
    return scan_take(scan, ']') ? ERR_OK : scan_fail(scan, "',' or ']'");
}

static bool
scan_word(struct scan *scan, struct str word)
{
    struct str rest = {scan->at, (size_t)(scan->end - scan->at)};
    if (!str_starts(rest, word))
        return false;
    scan->at += word.len;
    return true;
}

static enum err_code
scan_container(struct scan *scan, bool object, unsigned depth, size_t *ret_number)
{
    enum err_code code = node_begin(scan, object ? JSON_OBJECT : JSON_ARRAY, ret_number);
    if (code == ERR_OK)
        code = object ? scan_object(scan, depth) : scan_array(scan, depth);
    if (code == ERR_OK)
        node_end(scan, *ret_number);
    return code;
}

static enum err_code
scan_word_value(struct scan *scan, size_t *ret_number)
{
    enum err_code code;
    if (scan_word(scan, STR("null")))
        return node_begin(scan, JSON_NULL, ret_number);
    bool yes = scan_word(scan, STR("true"));
    if (!yes && !scan_word(scan, STR("false")))
        return scan_fail(scan, "a value");
    if ((code = node_begin(scan, JSON_BOOL, ret_number)) == ERR_OK)
        node_number(scan, *ret_number, yes);
    return code;
}

static enum err_code
scan_value(struct scan *scan, unsigned depth, size_t *ret_number)
{
    enum err_code code;
    if (depth == 0)
        return ERR(scan->err, ERR_TOO_LARGE, "nested deeper than %d levels", LIMIT_JSON_DEPTH);
    scan_blank(scan);
    if (scan_take(scan, '"'))
        return (code = node_begin(scan, JSON_STRING, ret_number))
                   ? code
                   : scan_string_value(scan, *ret_number);
    if (scan_take(scan, '{'))
        return scan_container(scan, true, depth - 1, ret_number);
    if (scan_take(scan, '['))
        return scan_container(scan, false, depth - 1, ret_number);
    if (scan->at < scan->end && (*scan->at == '-' || (*scan->at >= '0' && *scan->at <= '9')))
        return (code = node_begin(scan, JSON_INT, ret_number)) ? code
                                                               : scan_number(scan, *ret_number);
    return scan_word_value(scan, ret_number);
}

static enum err_code
scan_text(struct str text, struct arena *arena, struct json_nodes *nodes, struct err *err)
{
    struct scan scan UNINITIALIZED; /* 8 KiB of keys */
    size_t root = 0;
    if (text.len == 0)
        return ERR(err, ERR_MALFORMED, "not strict JSON at byte 0: expected a value");
    scan.start = scan.at = text.ptr;
    scan.end = text.ptr + text.len;
    scan.err = err;
    scan.arena = arena;
    scan.nodes = nodes;
    scan.value_count = 0;
    scan.key_count = 0;
    enum err_code code = scan_value(&scan, LIMIT_JSON_DEPTH, &root);
    if (code)
        return code;
    scan_blank(&scan);
    return scan.at == scan.end ? ERR_OK : scan_fail(&scan, "the end");
}

enum err_code
json_scan(struct str text, struct err *err)
{
    return scan_text(text, NULL, NULL, err);
}

enum err_code
json_scan_nodes(struct str text, struct arena *arena, struct json_nodes *ret_nodes, struct err *err)
{
    *ret_nodes = (struct json_nodes){0};
    return scan_text(text, arena, ret_nodes, err);
}
