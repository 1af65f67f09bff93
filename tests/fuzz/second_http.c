#include "tests/fuzz/second_http.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"

enum { LINES_MAX = LIMIT_HTTP_HEADER_COUNT + 2, BODY_MAX = LIMIT_HTTP_BODY };

struct reader {
    struct str rest;
    bool fault;
    size_t hosts;
    size_t lengths;
    size_t codings;
    uint64_t length;
    bool chunked;
    bool old; /* HTTP/1.0 */
    bool closes;
};

/* A line up to CRLF; a bare CR or LF is a fault. False: none, or not yet. */
static bool
line(struct reader *reader, struct str *ret)
{
    for (size_t i = 0; i < reader->rest.len; i++) {
        char c = reader->rest.ptr[i];
        if (c == '\n' ||
            (c == '\r' && i + 1 < reader->rest.len && reader->rest.ptr[i + 1] != '\n')) {
            reader->fault = true;
            return false;
        }
        if (c != '\r' || i + 1 == reader->rest.len)
            continue;
        *ret = (struct str){reader->rest.ptr, i};
        reader->rest = (struct str){reader->rest.ptr + i + 2, reader->rest.len - i - 2};
        return true;
    }
    return false;
}

static bool
is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
            return false;
    }
    return text.len > 0;
}

static bool
is_target(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7F || strchr("#\\", text.ptr[i]))
            return false;
    return text.len > 0 && text.ptr[0] == '/' && text.len <= LIMIT_HTTP_TARGET;
}

static bool
request_line(struct reader *reader, struct str text, struct second_request *ret)
{
    ret->method = str_cut(&text, ' ');
    ret->target = str_cut(&text, ' ');
    reader->old = str_eq(text, STR("HTTP/1.0"));
    return is_token(ret->method) && is_target(ret->target) &&
           (reader->old || str_eq(text, STR("HTTP/1.1")));
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

static bool
is_name(struct str name, const char *wanted)
{
    return name.len == strlen(wanted) && strncasecmp(name.ptr, wanted, name.len) == 0;
}

static bool
header_line(struct reader *reader, struct str text)
{
    bool colon = text.len && memchr(text.ptr, ':', text.len);
    struct str name = str_cut(&text, ':');
    struct str value = trim(text);
    if (!colon || !is_token(name))
        return false;
    for (size_t i = 0; i < value.len; i++)
        if (((unsigned char)value.ptr[i] < 0x20 && value.ptr[i] != '\t') || value.ptr[i] == 0x7F)
            return false;
    reader->hosts += is_name(name, "Host");
    if (is_name(name, "Content-Length")) {
        reader->lengths++;
        return str_to_u64(value, UINT64_MAX, &reader->length);
    }
    if (is_name(name, "Transfer-Encoding")) {
        reader->codings++;
        reader->chunked = is_name(value, "chunked");
        return reader->chunked;
    }
    if (is_name(name, "Connection"))
        while (value.len)
            reader->closes |= is_name(trim(str_cut(&value, ',')), "close");
    return true;
}

/* The head: false when at fault or not whole. */
static bool
head(struct reader *reader, struct second_request *ret)
{
    struct str text;
    if (!line(reader, &text))
        return false;
    reader->fault = !request_line(reader, text, ret);
    for (size_t count = 0; !reader->fault; count++) {
        if (!line(reader, &text))
            return false;
        if (text.len == 0)
            break;
        reader->fault = count == LIMIT_HTTP_HEADER_COUNT || !header_line(reader, text);
    }
    if (reader->hosts != 1 || reader->lengths > 1 || reader->codings > 1 ||
        (reader->lengths && reader->codings) || (reader->old && reader->codings) ||
        reader->length > BODY_MAX)
        reader->fault = true;
    return !reader->fault;
}

static bool
take(struct reader *reader, uint64_t length, struct buf *body)
{
    if (length > reader->rest.len)
        return false;
    buf_add(body, (struct str){reader->rest.ptr, length});
    reader->rest = (struct str){reader->rest.ptr + length, reader->rest.len - length};
    return true;
}

/* The size of a chunk; an extension behind ';' is not looked at. */
static bool
chunk_size(struct str text, uint64_t *ret)
{
    struct str digits = trim(str_cut(&text, ';'));
    *ret = 0;
    for (size_t i = 0; i < digits.len; i++) {
        const char *hex = "0123456789abcdef0123456789ABCDEF";
        const char *found = digits.ptr[i] ? strchr(hex, digits.ptr[i]) : NULL;
        if (found == NULL || *ret > BODY_MAX)
            return false;
        *ret = *ret * 16 + (uint64_t)(found - hex) % 16;
    }
    return digits.len > 0;
}

static bool
chunks(struct reader *reader, struct buf *body)
{
    struct str text;
    uint64_t size;
    while (line(reader, &text)) {
        if (!chunk_size(text, &size)) {
            reader->fault = true;
            return false;
        }
        if (size == 0)
            break;
        if (!take(reader, size, body) || !line(reader, &text))
            return false;
        reader->fault = text.len > 0 || body->overflow;
        if (reader->fault)
            return false;
        size = 1;
    }
    /* Trailer fields, up to an empty line. */
    while (!reader->fault && line(reader, &text)) {
        if (text.len == 0)
            return true;
        if (!memchr(text.ptr, ':', text.len))
            reader->fault = true;
    }
    return false;
}

bool
second_http_read(struct str *bytes, struct second_request *ret, bool *ret_fault)
{
    struct reader reader = {.rest = *bytes};
    *ret = (struct second_request){.closes = false};
    buf_init(&ret->body, BODY_MAX);
    bool whole = head(&reader, ret);
    if (whole)
        whole =
            reader.chunked ? chunks(&reader, &ret->body) : take(&reader, reader.length, &ret->body);
    *ret_fault = reader.fault;
    if (!whole) {
        buf_done(&ret->body);
        return false;
    }
    ret->closes = reader.closes || reader.old;
    *bytes = reader.rest;
    return true;
}
