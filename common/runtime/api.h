/*
 * The HTTP side of a service: routes as a table, a bounded queue, workers that own their
 * connections, sessions looked up for a whole turn in one round trip, problems in one form.
 *
 * A worker takes up to API_TURN_MAX waiting calls, looks up all their sessions at once, then runs
 * each call's handler. A handler answers exactly once, with one of the api_reply functions, then or
 * later from any thread: after that the call is gone. Handlers may block (platforms, PostgreSQL):
 * when all workers are busy the queue fills, and what does not fit is answered 503 at once.
 */
#pragma once

#include "io/http_client.h"
#include "io/http_server.h"
#include "io/pg.h"
#include "io/redis.h"
#include "io/seal.h"
#include "runtime/option.h"
#include "runtime/problem.h"
#include "runtime/session.h"
#include "runtime/staff.h"
#include "runtime/trace.h"

struct json_row;

enum { API_TURN_MAX = 256, API_PATH_ARGS_MAX = 2, API_FIELD_ERRORS_MAX = 64 };

struct api;
struct lane;

/* What a worker owns. One per thread. `service` is what the service hung on the api. */
struct api_worker {
    struct api *api;
    struct lane *lane; /* the queue it serves */
    unsigned index;
    struct redis *redis; /* NULL when the program does not need Redis */
    struct session_touches *touches;
    struct pg *pg;              /* NULL when the program does not need PostgreSQL */
    struct sealer *sealer;      /* NULL when the program needs no keys */
    struct http_client *client; /* for platforms */
    void *service;
};

struct api_call {
    struct http_request *request;
    const struct api_route *route;
    struct str args[API_PATH_ARGS_MAX]; /* of {…} in the path, in order */
    struct str body;
    struct str query;
    struct arena *arena; /* lives as long as the call */
    struct trace trace;
    const struct session *session; /* of API_SESSION routes, else NULL */
    const struct staff *staff;     /* of API_STAFF routes, else NULL */
    struct api_worker *worker;     /* while a handler runs */
    int64_t now_ms;                /* wall clock when its turn came */
    void *user;                    /* the handler's own, for answers given later */
    /* The api's own: */
    struct api *owner;
    struct api_call *next;
    struct lane *lane; /* that it was admitted to */
    bool wrong_media;
};

enum api_access {
    API_PUBLIC,  /* no session looked up */
    API_SESSION, /* 401 without a live session of a student (bearer token) */
    /* 401 without a live session of staff (cookie), 403 when it is not GET and comes without the
     * session's CSRF token. The program needs keys. */
    API_STAFF,
};

struct api_route {
    enum http_method method;
    const char *path; /* "/api/v1/submissions/{id}/events" */
    enum api_access access;
    bool json_body; /* a body that is not application/json is refused (415) */
    void (*handle)(struct api_call *call);
    /* When set, used instead of `handle` for all calls of one turn that go here. */
    void (*handle_many)(struct api_call **calls, size_t count);
};

struct api_conf {
    const struct runtime_conf *runtime;
    unsigned needs; /* enum option_need: which connections workers open */
    const struct keyring *keyring;
    const struct api_route *routes;
    size_t route_count;
    void *service;
    unsigned pg_statement_timeout_ms;
    /* Longer bodies on one path of `routes`; 0: all end at LIMIT_HTTP_BODY. */
    size_t large_body_bytes_max;
    const char *large_body_path;
};

enum err_code api_open(const struct api_conf *conf, struct api **ret_api,
                       struct err *err) MUST_CHECK;
unsigned api_port(const struct api *api);
/* Stops accepting, waits until everything under way is answered or the time is over. */
void api_drain(struct api *api, unsigned timeout_ms);
/* Ends the workers: no handler runs afterwards, and who still calls is answered 503. What handlers
 * use can end then, while what they left open can still be answered. NULL is fine. */
void api_stop(struct api *api);
/* The same first, and everything is gone: what was left open must have been answered. */
void api_close(struct api *api);

/* --- reading the call --- */

struct str api_header(const struct api_call *call, const char *name);
/* Value of a query parameter, percent-decoded into the arena; STR_NONE when absent. A parameter
 * given twice or not well-formed sets *ret_malformed. */
struct str api_query(const struct api_call *call, const char *name, bool *ret_malformed);

/* --- answering: the call is gone afterwards --- */

void api_reply_json(struct api_call *call, unsigned status, struct str json);
/* Further header fields: {NULL, NULL} at the end. */
void api_reply_headers(struct api_call *call, unsigned status, const struct http_header *headers,
                       struct str body);
void api_reply_empty(struct api_call *call, unsigned status); /* 204, 304 */
/* `detail` may be NULL (Chinese, no personal values). */
void api_problem(struct api_call *call, enum problem_id id, const char *detail);
void api_problem_fields(struct api_call *call, enum problem_id id,
                        const struct problem_field *fields, size_t count);
/* 429 with Retry-After. */
void api_problem_retry(struct api_call *call, enum problem_id id, unsigned retry_after_s);
void api_problem_retry_detail(struct api_call *call, enum problem_id id, const char *detail,
                              unsigned retry_after_s);
/* What a failed part means for the caller: 503 with a spread Retry-After for RETRY; a REJECT or
 * FATAL here is our own fault and is also 503. Logs once. */
void api_problem_err(struct api_call *call, const char *what, const struct err *err);
/* The body as an object read by rows: answers 400 (malformed, unknown-member, missing-member) and
 * returns false when it is not right. *ret_doc is freed with the call. */
bool api_read_body(struct api_call *call, const struct json_row *rows, size_t row_count,
                   void *into);
/* An event stream; the call is gone afterwards, the stream is the caller's. */
struct http_stream *api_reply_events(struct api_call *call);
