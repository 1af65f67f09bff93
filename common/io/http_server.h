/*
 * HTTP/1.1 server (epoll, a few threads). Collects one whole request within its limits, hands it
 * over once, and answers when somebody replies, from any thread: a request that waits costs no
 * thread. Knows nothing of routes, sessions or JSON.
 *
 * Strictness: what io/http_parse.h does not take is answered with 400 and the connection closed.
 * Every wait of a connection has an absolute end, however its bytes trickle.
 *
 * Ownership: a request lives until http_reply*() was called and the exchange ended. Everything read
 * from it is borrowed and valid until the reply call.
 */
#pragma once

#include "base/buf.h"

struct http_server;
struct http_request;

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_OTHER, /* anything else: answer 405 */
};

struct http_header {
    const char *name;
    const char *value;
};

/* What the server itself refuses before anybody sees a request. */
enum http_refusal {
    HTTP_REFUSED_MALFORMED,         /* 400 */
    HTTP_REFUSED_BODY_TOO_LARGE,    /* 413 */
    HTTP_REFUSED_TARGET_TOO_LONG,   /* 414 */
    HTTP_REFUSED_HEADERS_TOO_LARGE, /* 431 */
    HTTP_REFUSED_TOO_SLOW,          /* 408: head or body not complete within its deadline */
};

struct http_server_conf {
    const char *listen;       /* "127.0.0.1:8081"; port 0 picks a free one */
    unsigned thread_count;    /* that speak HTTP, >= 1 */
    unsigned connections_max; /* in all; further ones wait in the kernel's queue */
    size_t body_bytes_max;
    size_t target_bytes_max;
    size_t header_bytes_max;
    size_t header_count_max;
    unsigned idle_timeout_s;   /* between requests */
    unsigned head_deadline_ms; /* from connecting, or a request's first byte; 0: the limit's */
    unsigned body_deadline_ms; /* from the head's end to the body's end; also to take an answer */
    /* Longer bodies than body_bytes_max for some requests, decided by their heads. 0: for none. */
    size_t large_body_bytes_max;
    bool (*takes_large_body)(const struct http_request *request, void *ctx);
    void *ctx;
    /* A whole request arrived. Runs on a server thread: must not block. Exactly one of the
     * http_reply functions is to be called for it, now or later, from any thread. */
    void (*on_request)(struct http_request *request, void *ctx);
    /* Writes the body of a refusal into *body (problem+json) and returns its status. Runs on a
     * server thread. */
    unsigned (*on_refusal)(enum http_refusal refusal, struct buf *body, void *ctx);
    /* The exchange is over (answered, or the client hung up after on_request): free what was hung
     * on http_request_user(). May be NULL. */
    void (*on_finished)(struct http_request *request, void *ctx);
};

enum err_code http_server_open(const struct http_server_conf *conf, struct http_server **ret_server,
                               struct err *err) MUST_CHECK;
unsigned http_server_port(const struct http_server *server);
/* Requests handed over and not yet replied to. */
size_t http_server_in_flight(const struct http_server *server);
/* Stops accepting connections and closes idle ones' keep-alive (answers say Connection: close). */
void http_server_quiesce(struct http_server *server);
/* All requests must have been replied to. NULL is fine. */
void http_server_close(struct http_server *server);

/* "GET" …; "OTHER" for what is none of ours. */
const char *http_method_name(enum http_method method);
enum http_method http_request_method(const struct http_request *request);
/* The path as sent, before '?', not decoded. */
struct str http_request_path(const struct http_request *request);
/* The query as sent, without '?'; empty when there is none. */
struct str http_request_query(const struct http_request *request);
/* First value of a header field, case-insensitive name; STR_NONE when absent. */
struct str http_request_header(const struct http_request *request, const char *name);
/* How many fields of that name were sent. */
size_t http_request_header_count(const struct http_request *request, const char *name);
struct str http_request_body(const struct http_request *request);
/* Monotonic nanoseconds when on_request was called. */
uint64_t http_request_started_ns(const struct http_request *request);
/* One pointer for the user of the request. */
void http_request_set_user(struct http_request *request, void *user);
void *http_request_user(const struct http_request *request);

/* Answers and gives the request away. `body` is copied. `headers` ends with {NULL, NULL} or is
 * NULL. */
void http_reply(struct http_request *request, unsigned status, const struct http_header *headers,
                struct str body);

/*
 * Answers with a body that comes in pieces (server-sent events). Between pieces the connection is
 * suspended. The stream handle is valid until http_stream_end(); after the client hung up, sends
 * are ignored and http_stream_closed() is true. At most `pending_bytes_max` may be unsent: more
 * closes the stream (a reader that does not read).
 */
struct http_stream;
struct http_stream *http_reply_stream(struct http_request *request, unsigned status,
                                      const struct http_header *headers, size_t pending_bytes_max);
void http_stream_send(struct http_stream *stream, struct str piece);
bool http_stream_closed(const struct http_stream *stream);
/* Sends what is pending, ends the body, gives the handle away. */
void http_stream_end(struct http_stream *stream);
