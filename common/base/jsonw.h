/*
 * Writes JSON into a buffer: the only way our programs make JSON text. Keeps track of commas and
 * escapes strings (control characters, quote, backslash; U+2028/2029 so that a log line stays a
 * line everywhere). Text must be valid UTF-8. Not thread-safe: one writer per buffer.
 */
#pragma once

#include "base/buf.h"

struct jsonw {
    struct buf *out; /* borrowed */
    bool comma;      /* a value was written at this level */
};

struct jsonw jsonw_on(struct buf *out);
void jsonw_object_open(struct jsonw *w);
void jsonw_object_close(struct jsonw *w);
void jsonw_array_open(struct jsonw *w);
void jsonw_array_close(struct jsonw *w);
void jsonw_key_str(struct jsonw *w, struct str key);
void jsonw_str(struct jsonw *w, struct str value);
void jsonw_text(struct jsonw *w, const char *value); /* NULL writes null */
void jsonw_int(struct jsonw *w, int64_t value);
void jsonw_bool(struct jsonw *w, bool value);
void jsonw_null(struct jsonw *w);
/* Text that is JSON already. */
void jsonw_raw(struct jsonw *w, struct str json);

/* With a literal key, whose length is known where it is written. */
static inline void
jsonw_key(struct jsonw *w, const char *key)
{
    jsonw_key_str(w, str_of(key));
}

/* "key": value in one call. */
void jsonw_member_str(struct jsonw *w, struct str key, struct str value);

static inline void
jsonw_member(struct jsonw *w, const char *key, struct str value)
{
    jsonw_member_str(w, str_of(key), value);
}

static inline void
jsonw_member_text(struct jsonw *w, const char *key, const char *value)
{
    jsonw_key(w, key);
    jsonw_text(w, value);
}

static inline void
jsonw_member_int(struct jsonw *w, const char *key, int64_t value)
{
    jsonw_key(w, key);
    jsonw_int(w, value);
}

static inline void
jsonw_member_bool(struct jsonw *w, const char *key, bool value)
{
    jsonw_key(w, key);
    jsonw_bool(w, value);
}
