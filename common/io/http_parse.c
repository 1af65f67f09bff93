#include "io/http_parse.h"

#include <string.h>
#include <strings.h>

enum { METHOD_MAX = 20, LINE_ROOM = 64, CHUNK_DIGITS_MAX = 8 };
#define VERSION STR("HTTP/1.1")

struct str
http_span_str(struct str bytes, struct http_span span)
{
    return (struct str){bytes.ptr + span.at, span.len};
}

/* --- finding the end of the head --- */

static bool
byte_allowed(unsigned char c)
{
    return (c >= 0x20 && c != 0x7F) || c == '\t' || c == '\r' || c == '\n';
}

static enum http_parse
refuse(enum http_refusal refusal, enum http_refusal *ret_refusal)
{
    *ret_refusal = refusal;
    return HTTP_PARSE_REFUSED;
}

/* At a line feed at `at`; DONE behind the empty line. */
static enum http_parse
line_end(struct http_scan *scan, size_t at, const struct http_limits *limits,
         enum http_refusal *ret_refusal)
{
    bool empty = at - 1 == scan->line_start;
    if (scan->first_line_end == 0) {
        if (empty)
            return refuse(HTTP_REFUSED_MALFORMED, ret_refusal);
        scan->first_line_end = at + 1;
    } else if (empty) {
        scan->at = at + 1;
        return HTTP_PARSE_DONE;
    } else if (++scan->line_count > limits->header_count_max) {
        return refuse(HTTP_REFUSED_HEADERS_TOO_LARGE, ret_refusal);
    }
    scan->line_start = at + 1;
    return HTTP_PARSE_MORE;
}

enum http_parse
http_head_scan(struct str bytes, const struct http_limits *limits, struct http_scan *scan,
               enum http_refusal *ret_refusal)
{
    for (size_t i = scan->at; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        bool after_return = i > scan->line_start && bytes.ptr[i - 1] == '\r';
        if (!byte_allowed(c) || (c == '\n') != after_return)
            return refuse(HTTP_REFUSED_MALFORMED, ret_refusal);
        if (scan->first_line_end == 0 && i > limits->target_bytes_max + LINE_ROOM)
            return refuse(HTTP_REFUSED_TARGET_TOO_LONG, ret_refusal);
        if (scan->first_line_end && i - scan->first_line_end > limits->header_bytes_max + 1)
            return refuse(HTTP_REFUSED_HEADERS_TOO_LARGE, ret_refusal);
        if (c != '\n')
            continue;
        enum http_parse end = line_end(scan, i, limits, ret_refusal);
        if (end != HTTP_PARSE_MORE)
            return end;
    }
    scan->at = bytes.len;
    return HTTP_PARSE_MORE;
}

/* --- reading it --- */

static bool
token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!token_char(text.ptr[i]))
            return false;
    return text.len > 0;
}

static struct str
trimmed(struct str text)
{
    while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = (struct str){text.ptr + 1, text.len - 1};
    while (text.len && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static bool
same_word(struct str text, struct str word)
{
    return text.len == word.len && strncasecmp(text.ptr, word.ptr, word.len) == 0;
}

static struct http_span
span_of(struct str bytes, struct str part)
{
    return (struct http_span){part.ptr ? (uint32_t)(part.ptr - bytes.ptr) : 0, (uint32_t)part.len};
}

static enum http_method
method_of(struct str text)
{
    static const enum http_method methods[] = {HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT,
                                               HTTP_DELETE};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (str_eq_text(text, http_method_name(methods[i])))
            return methods[i];
    return HTTP_OTHER;
}

/* Origin-form, printable ASCII, no fragment. */
static bool
target_plain(struct str target)
{
    if (target.len == 0 || target.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];
        if (c <= 0x20 || c >= 0x7F || c == '#' || c == '\\')
            return false;
    }
    return true;
}

static bool
host_plain(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr(".-_:[]", c) != NULL;
        if (!plain)
            return false;
    }
    return host.len > 0;
}

static bool
request_line(struct str bytes, struct str line, const struct http_limits *limits,
             struct http_head *head, enum http_refusal *ret_refusal)
{
    struct str method = str_cut(&line, ' ');
    struct str target = str_cut(&line, ' ');
    *ret_refusal = HTTP_REFUSED_MALFORMED;
    if (target.len > limits->target_bytes_max) {
        *ret_refusal = HTTP_REFUSED_TARGET_TOO_LONG;
        return false;
    }
    if (!is_token(method) || method.len > METHOD_MAX || !target_plain(target) ||
        !str_eq(line, VERSION))
        return false;
    head->method = method_of(method);
    struct str query = target;
    struct str path = str_cut(&query, '?');
    head->path = span_of(bytes, path);
    head->query = span_of(bytes, query);
    return true;
}

/* What may be there once, or decides about the body. */
struct census {
    size_t hosts;
    size_t lengths;
    size_t codings;
    bool bad;
};

static void
connection_read(struct str value, struct http_head *head)
{
    while (value.len)
        if (same_word(trimmed(str_cut(&value, ',')), STR("close")))
            head->close = true;
}

static void
field_weigh(struct str name, struct str value, struct http_head *head, struct census *census)
{
    if (same_word(name, STR("Host"))) {
        census->hosts++;
        census->bad = census->bad || !host_plain(value);
    } else if (same_word(name, STR("Content-Length"))) {
        census->lengths++;
        census->bad = census->bad || !str_to_u64(value, UINT64_MAX, &head->length);
    } else if (same_word(name, STR("Transfer-Encoding"))) {
        census->codings++;
        head->chunked = same_word(value, STR("chunked"));
        census->bad = census->bad || !head->chunked;
    } else if (same_word(name, STR("Connection"))) {
        connection_read(value, head);
    } else if (same_word(name, STR("Expect"))) {
        head->expects_continue = same_word(value, STR("100-continue"));
        census->bad = census->bad || !head->expects_continue;
    }
}

/* Lines up to the empty one; the scan has seen that they end rightly and are not too many. */
static bool
fields_read(struct str bytes, struct str lines, struct http_head *head, struct census *census)
{
    while (lines.len > 2) {
        struct str line = str_cut(&lines, '\n');
        line.len--; /* its carriage return */
        struct str value = line;
        struct str name = str_cut(&value, ':');
        if (value.ptr == NULL || !is_token(name))
            return false;
        value = trimmed(value);
        head->fields[head->field_count++] =
            (struct http_field){span_of(bytes, name), span_of(bytes, value)};
        field_weigh(name, value, head, census);
    }
    return true;
}

bool
http_head_parse(struct str bytes, const struct http_limits *limits, struct http_head *ret_head,
                enum http_refusal *ret_refusal)
{
    struct census census = {0};
    struct http_field *fields = ret_head->fields;
    *ret_head = (struct http_head){.fields = fields};
    struct str lines = bytes;
    struct str line = str_cut(&lines, '\n');
    line.len--;
    if (!request_line(bytes, line, limits, ret_head, ret_refusal))
        return false;
    *ret_refusal = HTTP_REFUSED_MALFORMED;
    if (!fields_read(bytes, lines, ret_head, &census) || census.bad || census.hosts != 1 ||
        census.lengths + census.codings > 1)
        return false;
    *ret_refusal = HTTP_REFUSED_BODY_TOO_LARGE;
    return ret_head->length <= limits->body_bytes_max;
}

/* --- chunks --- */

enum chunk_state {
    CHUNK_SIZE,
    CHUNK_SIZE_FEED, /* the line feed behind the size */
    CHUNK_DATA,
    CHUNK_DATA_RETURN,
    CHUNK_DATA_FEED,
    CHUNK_LAST_RETURN, /* behind the last chunk: no trailers */
    CHUNK_LAST_FEED,
    CHUNK_END,
};

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
size_step(struct http_chunks *chunks, char c)
{
    int digit = hex_digit(c);
    if (digit < 0) {
        chunks->state = CHUNK_SIZE_FEED;
        return c == '\r' && chunks->digits > 0;
    }
    chunks->left = chunks->left << 4 | (unsigned)digit;
    return ++chunks->digits <= CHUNK_DIGITS_MAX;
}

/* One byte outside of the data; false when it may not stand there. */
static bool
chunk_step(struct http_chunks *chunks, char c)
{
    switch ((enum chunk_state)chunks->state) {
    case CHUNK_SIZE:
        return size_step(chunks, c);
    case CHUNK_SIZE_FEED:
        chunks->state = chunks->left ? CHUNK_DATA : CHUNK_LAST_RETURN;
        return c == '\n';
    case CHUNK_DATA_RETURN:
        chunks->state = CHUNK_DATA_FEED;
        return c == '\r';
    case CHUNK_DATA_FEED:
        chunks->state = CHUNK_SIZE;
        chunks->digits = 0;
        return c == '\n';
    case CHUNK_LAST_RETURN:
        chunks->state = CHUNK_LAST_FEED;
        return c == '\r';
    case CHUNK_LAST_FEED:
        chunks->state = CHUNK_END;
        return c == '\n';
    case CHUNK_DATA:
    case CHUNK_END:
        break;
    }
    return false;
}

enum http_parse
http_chunks_feed(struct http_chunks *chunks, struct str bytes, struct buf *body, size_t *ret_taken,
                 enum http_refusal *ret_refusal)
{
    size_t i = 0;
    while (i < bytes.len && chunks->state != CHUNK_END) {
        if (chunks->state == CHUNK_DATA) {
            size_t here = bytes.len - i;
            size_t take = chunks->left < here ? (size_t)chunks->left : here;
            buf_add(body, (struct str){bytes.ptr + i, take});
            i += take;
            chunks->left -= take;
            if (chunks->left == 0)
                chunks->state = CHUNK_DATA_RETURN;
            continue;
        }
        if (!chunk_step(chunks, bytes.ptr[i++]))
            return refuse(HTTP_REFUSED_MALFORMED, ret_refusal);
        if (chunks->left > body->max - body->len)
            return refuse(HTTP_REFUSED_BODY_TOO_LARGE, ret_refusal);
    }
    *ret_taken = i;
    return chunks->state == CHUNK_END ? HTTP_PARSE_DONE : HTTP_PARSE_MORE;
}
