/*
 * Heads of HTTP/1.1 requests and chunked bodies, read strictly: what RFC 9112 requires of a sender
 * is required here, and what it lets a recipient be lenient about is refused (bare line feeds,
 * folded lines, blanks around names, several lengths, trailers). Two readers of the same bytes can
 * therefore not disagree about where a request ends. Pure: bytes in, a verdict out.
 */
#pragma once

#include "base/buf.h"
#include "io/http_server.h"

enum http_parse { HTTP_PARSE_MORE, HTTP_PARSE_DONE, HTTP_PARSE_REFUSED };

struct http_limits {
    size_t body_bytes_max;
    size_t target_bytes_max;
    size_t header_bytes_max;
    size_t header_count_max;
};

/* How far the bytes of a head have been looked at. All zero: not at all. */
struct http_scan {
    size_t at;
    size_t line_start;
    size_t first_line_end; /* 0: the request line is not complete */
    size_t line_count;
};

/* Looks on from where it stopped. DONE: the head ends at scan->at. REFUSED as soon as a byte says
 * so, however much is still to come. */
enum http_parse http_head_scan(struct str bytes, const struct http_limits *limits,
                               struct http_scan *scan, enum http_refusal *ret_refusal);

/* A piece of the head's bytes, by place: they may move. */
struct http_span {
    uint32_t at;
    uint32_t len;
};
struct http_field {
    struct http_span name;
    struct http_span value;
};
struct http_head {
    enum http_method method;
    struct http_span path;  /* as sent, before '?' */
    struct http_span query; /* without '?' */
    size_t field_count;
    struct http_field *fields; /* the caller's: header_count_max of them */
    bool close;                /* asked for */
    bool expects_continue;
    bool chunked;
    uint64_t length; /* of the body, unless chunked */
};

/* Reads a head that was scanned to its end. `ret_head->fields` is given. */
bool http_head_parse(struct str bytes, const struct http_limits *limits, struct http_head *ret_head,
                     enum http_refusal *ret_refusal);
struct str http_span_str(struct str bytes, struct http_span span);

/* A chunked body on its way. All zero: at its beginning. */
struct http_chunks {
    unsigned state;
    unsigned digits;
    uint64_t left;
};
/* Moves content into *body and says how many bytes it took; a body that will not fit is refused at
 * the chunk that would pass body->max. */
enum http_parse http_chunks_feed(struct http_chunks *chunks, struct str bytes, struct buf *body,
                                 size_t *ret_taken, enum http_refusal *ret_refusal);
