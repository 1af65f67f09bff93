#include "base/jsonw.h"

#include <string.h>

struct jsonw
jsonw_on(struct buf *out)
{
    return (struct jsonw){.out = out};
}

static void
jsonw_separate(struct jsonw *w)
{
    if (w->comma)
        buf_add_char(w->out, ',');
    w->comma = true;
}

static void
jsonw_open(struct jsonw *w, char bracket)
{
    jsonw_separate(w);
    buf_add_char(w->out, bracket);
    w->comma = false;
}

static void
jsonw_close(struct jsonw *w, char bracket)
{
    buf_add_char(w->out, bracket);
    w->comma = true;
}

void
jsonw_object_open(struct jsonw *w)
{
    jsonw_open(w, '{');
}

void
jsonw_object_close(struct jsonw *w)
{
    jsonw_close(w, '}');
}

void
jsonw_array_open(struct jsonw *w)
{
    jsonw_open(w, '[');
}

void
jsonw_array_close(struct jsonw *w)
{
    jsonw_close(w, ']');
}

/* How many bytes at `p` need no escape. */
static size_t
jsonw_plain_run(const char *p, size_t left)
{
    /* 1: needs one. 2: when it begins U+2028 or U+2029. */
    /* clang-format off */
    static const unsigned char special[256] = {
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* 00 */
        0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 20 */
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, /* 40 */
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, /* 60 */
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 80 */
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* A0 */
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* C0 */
        0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* E0 */
    };
    /* clang-format on */
    size_t i = 0;
    for (; i < left; i++) {
        unsigned char kind = special[(unsigned char)p[i]];
        if (kind == 0)
            continue;
        if (kind == 1 || (left - i >= 3 && (unsigned char)p[i + 1] == 0x80 &&
                          ((unsigned char)p[i + 2] & 0xFE) == 0xA8))
            break;
    }
    return i;
}

/* What needs no escape, which is nearly everything, goes over in one piece. */
static bool
jsonw_quote_plain(struct buf *out, struct str text, char behind)
{
    if (jsonw_plain_run(text.ptr, text.len) < text.len)
        return false;
    char *room = buf_room(out, text.len + 2 + (behind != '\0'));
    if (room == NULL)
        return true; /* overflow is noted */
    *room++ = '"';
    if (text.len)
        memcpy(room, text.ptr, text.len);
    room[text.len] = '"';
    if (behind)
        room[text.len + 1] = behind;
    return true;
}

static void
jsonw_quote(struct buf *out, struct str text)
{
    if (jsonw_quote_plain(out, text, '\0'))
        return;
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len;) {
        size_t run = jsonw_plain_run(text.ptr + i, text.len - i);
        buf_add(out, (struct str){text.ptr + i, run});
        i += run;
        if (i == text.len)
            break;
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\') {
            buf_add(out, (struct str){(const char[]){'\\', (char)c}, 2});
        } else if (c == 0xE2) {
            buf_printf(out, "\\u20%02x", 0x28u + ((unsigned char)text.ptr[i + 2] & 1u));
            i += 2;
        } else {
            buf_printf(out, "\\u%04x", c);
        }
        i++;
    }
    buf_add_char(out, '"');
}

void
jsonw_key_str(struct jsonw *w, struct str key)
{
    jsonw_separate(w);
    if (!jsonw_quote_plain(w->out, key, ':')) {
        jsonw_quote(w->out, key);
        buf_add_char(w->out, ':');
    }
    w->comma = false;
}

void
jsonw_str(struct jsonw *w, struct str value)
{
    jsonw_separate(w);
    jsonw_quote(w->out, value);
}

void
jsonw_text(struct jsonw *w, const char *value)
{
    if (value == NULL)
        jsonw_null(w);
    else
        jsonw_str(w, str_of(value));
}

void
jsonw_raw(struct jsonw *w, struct str json)
{
    jsonw_separate(w);
    buf_add(w->out, json);
}

void
jsonw_int(struct jsonw *w, int64_t value)
{
    jsonw_separate(w);
    if (value < 0)
        buf_add_char(w->out, '-');
    buf_add_uint(w->out, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void
jsonw_bool(struct jsonw *w, bool value)
{
    jsonw_raw(w, value ? STR("true") : STR("false"));
}

void
jsonw_null(struct jsonw *w)
{
    jsonw_raw(w, STR("null"));
}

void
jsonw_member_str(struct jsonw *w, struct str key, struct str value)
{
    jsonw_key_str(w, key);
    jsonw_str(w, value);
}
