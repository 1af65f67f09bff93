/*
 * HTTP client on libcurl's easy interface: one request at a time, connections kept open,
 * no redirects, answer limited in size and time. Knows nothing of the platforms. Not thread-safe:
 * one client per thread.
 */
#pragma once

#include "base/buf.h"

struct http_client;

struct http_client_request {
    const char *method; /* "GET" or "POST" */
    const char *url;
    const char *const *headers; /* "Name: value" lines, NULL at the end; may be NULL */
    struct str body;
    unsigned timeout_ms;     /* whole exchange, connect included */
    size_t answer_bytes_max; /* of the body, and as many of the head */
};

enum err_code http_client_new(struct http_client **ret_client, struct err *err) MUST_CHECK;
void http_client_free(struct http_client *client);
/* Fills *answer (initialised here; caller frees with buf_done) and the status. ERR_TIMEOUT or
 * ERR_UNAVAILABLE when there was no whole answer (it may still have been carried out),
 * ERR_TOO_LARGE when it was longer than allowed. */
enum err_code http_client_call(struct http_client *client,
                               const struct http_client_request *request, unsigned *ret_status,
                               struct buf *ret_answer, struct err *err) MUST_CHECK;
/* Whether the last call may have reached the other side: false when no connection came about, and
 * so nothing was carried out. */
bool http_client_reached(const struct http_client *client);
