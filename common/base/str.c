#include "base/str.h"

#include <assert.h>
#include <string.h>

int
str_cmp(struct str a, struct str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool
str_starts(struct str text, struct str prefix)
{
    return text.len >= prefix.len && str_eq((struct str){text.ptr, prefix.len}, prefix);
}

bool
str_ends(struct str text, struct str suffix)
{
    return text.len >= suffix.len &&
           str_eq((struct str){text.ptr + (text.len - suffix.len), suffix.len}, suffix);
}

uint64_t
str_hash(struct str text)
{
    uint64_t hash = 1469598103934665603u;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * 1099511628211u;
    return hash;
}

bool
str_is_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

struct str
str_cut(struct str *rest, char separator)
{
    const char *at = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    struct str part = *rest;
    if (at == NULL) {
        *rest = STR_NONE;
        return part;
    }
    part.len = (size_t)(at - rest->ptr);
    *rest = (struct str){at + 1, rest->len - part.len - 1};
    return part;
}

bool
str_to_u64(struct str text, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (!str_is_digits(text))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint64_t digit = (uint64_t)(text.ptr[i] - '0');
        if (value > (max - digit) / 10 || digit > max)
            return false;
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

/* Length of the sequence at `p` (with `left` bytes), or 0 when it is not well-formed. Table 3-7 of
 * the Unicode standard. */
static size_t
utf8_sequence(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t length = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || left < length)
        return 0;
    unsigned char low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
    return length;
}

bool
utf8_valid(struct str text)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    for (size_t i = 0; i < text.len;) {
        size_t length = utf8_sequence(bytes + i, text.len - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

size_t
utf8_length(struct str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return count;
}

uint32_t
utf8_next(struct str text, size_t *offset)
{
    assert(*offset < text.len);
    const unsigned char *p = (const unsigned char *)text.ptr + *offset;
    size_t length = utf8_sequence(p, text.len - *offset);
    assert(length > 0);
    *offset += length;
    if (length == 1)
        return p[0];
    uint32_t point = p[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++)
        point = (point << 6) | (p[i] & 0x3Fu);
    return point;
}

bool
utf8_point_is_text(uint32_t point)
{
    bool noncharacter = (point & 0xFFFE) == 0xFFFE || (point >= 0xFDD0 && point <= 0xFDEF);
    return point != 0 && !noncharacter;
}

bool
utf8_is_text(struct str text)
{
    if (!utf8_valid(text))
        return false;
    for (size_t offset = 0; offset < text.len;)
        if (!utf8_point_is_text(utf8_next(text, &offset)))
            return false;
    return true;
}

struct str
utf8_prefix(struct str text, size_t count)
{
    size_t offset = 0;
    while (count-- > 0 && offset < text.len)
        (void)utf8_next(text, &offset);
    return (struct str){text.ptr, offset};
}
