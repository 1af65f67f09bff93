/*
 * Borrowed text: a pointer and a length, never owned, never needing a final NUL. Knows bytes and
 * UTF-8; knows nothing about JSON or files. Pure functions, thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr; /* may be NULL only when len is 0 */
    size_t len;      /* bytes */
};

#define STR(literal) ((struct str){("" literal), sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

/* NULL gives STR_NONE. */
static inline struct str
str_of(const char *text)
{
    return text ? (struct str){text, strlen(text)} : STR_NONE;
}

/* The first byte tells most texts of one length apart without a call. */
static inline bool
str_eq(struct str a, struct str b)
{
    return a.len == b.len &&
           (a.len == 0 || (a.ptr[0] == b.ptr[0] && memcmp(a.ptr, b.ptr, a.len) == 0));
}

static inline bool
str_eq_text(struct str a, const char *text)
{
    return str_eq(a, str_of(text));
}

int str_cmp(struct str a, struct str b); /* bytewise, shorter first */
bool str_starts(struct str text, struct str prefix);
bool str_ends(struct str text, struct str suffix);
/* FNV-1a. For tables in memory of what nobody can choose. */
uint64_t str_hash(struct str text);
bool str_is_digits(struct str text); /* one or more ASCII digits and nothing else */
/* Cuts *rest at the first `separator`: returns the part before, *rest becomes what follows
 * (STR_NONE after the last part). */
struct str str_cut(struct str *rest, char separator);
/* Strict decimal without sign, leading zeros allowed; false when empty, not digits or > max. */
bool str_to_u64(struct str text, uint64_t max, uint64_t *ret_value);

/* Strict UTF-8 of RFC 3629: no overlong forms, surrogates, values above U+10FFFF or truncation. */
bool utf8_valid(struct str text);
/* Not NUL and no noncharacter: what may stand in a text, at every door. */
bool utf8_point_is_text(uint32_t point);
/* Valid, and all of it text. */
bool utf8_is_text(struct str text);
/* Length in code points; text must be valid UTF-8. */
size_t utf8_length(struct str text);
/* Decodes the code point at *offset (valid UTF-8, *offset < text.len) and steps over it. */
uint32_t utf8_next(struct str text, size_t *offset);
/* The first `count` code points (all when shorter). */
struct str utf8_prefix(struct str text, size_t count);
