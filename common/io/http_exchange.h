/* Shared by the http files only: one exchange, the server, and what they do for each other. */
#pragma once

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "io/http_loop.h"
#include "io/http_server.h"

enum request_stage {
    STAGE_HEADERS,  /* nothing handed over yet */
    STAGE_BODY,     /* collecting the body */
    STAGE_HANDED,   /* with the user; suspended */
    STAGE_ANSWERED, /* `response` is set */
};

struct http_request {
    struct http_server *server;
    struct http_loop *loop;
    struct MHD_Connection *connection;
    struct buf target; /* raw, as sent */
    enum http_method method;
    enum request_stage stage;
    struct str path;
    struct str query;
    struct buf body;
    uint64_t started_ns;
    uint64_t body_deadline_ns; /* 0: not collecting */
    int socket;
    bool handed; /* on_request was called */
    bool refused;
    void *user;
    /* Between the replying thread and the library's: under `lock`. */
    pthread_mutex_t lock;
    bool suspended;
    struct MHD_Response *response;
    unsigned status;
    struct http_stream *stream;
    /* Under the server's lock, while a body is being collected. */
    struct http_request *slow_next;
    struct http_request *slow_before;
};

struct http_server {
    struct http_server_conf conf;
    size_t loop_count;
    struct http_loop **loops;
    unsigned port;
    atomic_size_t in_flight;
    atomic_bool quiet;
    bool listening;
    int listen_fd; /* after quiescing: shut down, closed when the library no longer looks at it */
    pthread_mutex_t lock;
    struct http_request *slow; /* requests whose body is not complete */
    pthread_t sweeper;
    pthread_cond_t sweep_wake;
    bool stop;
};

/* True and the refusal when the head of a request is one of those that are not let in. */
bool http_head_refused(const struct http_request *request, enum http_refusal *ret_refusal);
/* `headers` may be NULL. */
void http_add_headers(const struct http_server *server, struct MHD_Response *response,
                      const struct http_header *headers);
/* Leaves the response for the library's thread and wakes the connection. The request may be gone as
 * soon as it is resumed. */
void http_deliver(struct http_request *request, unsigned status, struct MHD_Response *response);
/* The exchange is over: the connection must not be touched any more. */
void http_stream_abandon(struct http_stream *stream);
