#include "base/jsonscan.h"

#include <string.h>

#include "base/limits.h"

struct scan {
    const char *start;
    const char *at;
    const char *end;
    struct err *err;
    size_t key_count; /* names in use in `keys`, over all open objects */
    struct str keys[LIMIT_JSON_MEMBERS];
};

static enum err_code
scan_fail(struct scan *scan, const char *expected)
{
    return ERR(scan->err, ERR_MALFORMED, "not strict JSON at byte %zu: expected %s",
               (size_t)(scan->at - scan->start), expected);
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

/* `at` stands behind the opening quote. *ret_raw is the text between the quotes, escapes kept. */
static enum err_code
scan_string(struct scan *scan, struct str *ret_raw)
{
    const char *begin = scan->at;
    for (;;) {
        while (scan->at < scan->end && (unsigned char)*scan->at >= 0x20 &&
               (unsigned char)*scan->at < 0x7F && *scan->at != '"' && *scan->at != '\\')
            scan->at++;
        if (scan->at == scan->end)
            return scan_fail(scan, "the closing quote");
        if (*scan->at == '"')
            break;
        if ((unsigned char)*scan->at < 0x20)
            return scan_fail(scan, "no raw control character");
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

/* Integers only: our contract has no fractions, and readers disagree about everything else. */
static enum err_code
scan_number(struct scan *scan)
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
    return ERR_OK;
}

static enum err_code scan_value(struct scan *scan, unsigned depth);

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

static enum err_code
scan_key(struct scan *scan, size_t first_key)
{
    struct str key = STR_NONE;
    if (!scan_take(scan, '"'))
        return scan_fail(scan, "a member name");
    enum err_code code = scan_string(scan, &key);
    if (code)
        return code;
    if (!name_plain(key))
        return scan_fail(scan, "a member name without escapes");
    for (size_t i = first_key; i < scan->key_count; i++)
        if (str_eq(scan->keys[i], key))
            return scan_fail(scan, "no member name twice");
    if (scan->key_count == LIMIT_JSON_MEMBERS)
        return ERR(scan->err, ERR_TOO_LARGE, "more than %d members open", LIMIT_JSON_MEMBERS);
    scan->keys[scan->key_count++] = key;
    return ERR_OK;
}

static enum err_code
scan_object(struct scan *scan, unsigned depth)
{
    size_t first_key = scan->key_count;
    enum err_code code;
    scan_blank(scan);
    if (scan_take(scan, '}'))
        return ERR_OK;
    do {
        scan_blank(scan);
        if ((code = scan_key(scan, first_key)))
            return code;
        scan_blank(scan);
        if (!scan_take(scan, ':'))
            return scan_fail(scan, "':'");
        if ((code = scan_value(scan, depth)))
            return code;
        scan_blank(scan);
    } while (scan_take(scan, ','));
    scan->key_count = first_key;
    return scan_take(scan, '}') ? ERR_OK : scan_fail(scan, "',' or '}'");
}

static enum err_code
scan_array(struct scan *scan, unsigned depth)
{
    scan_blank(scan);
    if (scan_take(scan, ']'))
        return ERR_OK;
    do {
        enum err_code code = scan_value(scan, depth);
        if (code)
            return code;
        scan_blank(scan);
    } while (scan_take(scan, ','));
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
scan_value(struct scan *scan, unsigned depth)
{
    struct str ignored;
    if (depth == 0)
        return ERR(scan->err, ERR_TOO_LARGE, "nested deeper than %d levels", LIMIT_JSON_DEPTH);
    scan_blank(scan);
    if (scan_take(scan, '"'))
        return scan_string(scan, &ignored);
    if (scan_take(scan, '{'))
        return scan_object(scan, depth - 1);
    if (scan_take(scan, '['))
        return scan_array(scan, depth - 1);
    if (scan_word(scan, STR("true")) || scan_word(scan, STR("false")) ||
        scan_word(scan, STR("null")))
        return ERR_OK;
    if (scan->at < scan->end && (*scan->at == '-' || (*scan->at >= '0' && *scan->at <= '9')))
        return scan_number(scan);
    return scan_fail(scan, "a value");
}

enum err_code
json_scan(struct str text, struct err *err)
{
    struct scan scan;
    if (text.len == 0)
        return ERR(err, ERR_MALFORMED, "not strict JSON at byte 0: expected a value");
    scan.start = scan.at = text.ptr;
    scan.end = text.ptr + text.len;
    scan.err = err;
    scan.key_count = 0;
    enum err_code code = scan_value(&scan, LIMIT_JSON_DEPTH);
    if (code)
        return code;
    scan_blank(&scan);
    return scan.at == scan.end ? ERR_OK : scan_fail(&scan, "the end");
}
