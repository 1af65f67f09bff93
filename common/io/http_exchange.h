/*
 * Shared by the http files only: a connection, the one exchange under way on it, and the loop that
 * owns both.
 *
 * A connection belongs to its loop's thread. Only three things are touched by others: an answer is
 * left in `request` by whoever replies, a stream's pieces under the stream's lock, and then the
 * connection is put on the loop's list of those to be looked at (http_loop_look).
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "io/http_parse.h"

struct http_loop;

enum http_connection_state {
    CONNECTION_HEAD,   /* waiting for a request, or reading its head */
    CONNECTION_BODY,   /* collecting the body */
    CONNECTION_HANDED, /* with the user */
    CONNECTION_ANSWER, /* writing the answer */
    CONNECTION_STREAM, /* writing what comes */
    CONNECTION_LINGER, /* answered for the last time; what the client still sends is thrown away */
    CONNECTION_DEAD,   /* closed; freed when the loop's list lets go of it */
};

/* LISTED and the reason are set in one step, and whoever sets LISTED first puts the connection on
 * the list: after that step nobody but the loop may touch it. */
enum http_look { HTTP_LOOK_LISTED = 1, HTTP_LOOK_ANSWERED = 2 };

struct http_request {
    struct http_connection *connection;
    struct http_head head;
    struct buf body;
    uint64_t started_ns;
    void *user;
    bool handed;        /* on_request was called */
    struct buf answer;  /* head and body, as they are sent */
    bool answer_closes; /* the connection ends with it */
    struct http_stream *stream;
};

struct http_connection {
    struct http_loop *loop;
    int fd;
    enum http_connection_state state;
    bool readable; /* may be, since the last edge */
    bool writable;
    bool hung_up;
    uint64_t deadline_ns; /* 0: none */
    char *in;             /* the head, and what came behind it */
    size_t in_len;
    size_t in_capacity;
    struct http_scan scan;
    struct http_chunks chunks;
    struct http_field *fields;
    struct http_request request;
    size_t answer_sent;
    struct http_connection *next; /* of the loop */
    struct http_connection *before;
    struct http_connection *look_next; /* on the list of those to be looked at */
    atomic_uint look;                  /* why, as bits of enum http_look; 0: it is not on it */
};

struct http_server {
    struct http_server_conf conf;
    struct http_limits limits;
    size_t loop_count;
    struct http_loop **loops;
    unsigned port;
    atomic_size_t in_flight;
    atomic_bool quiet; /* no new connections; answers say Connection: close */
    int listen_fd;
};

/* --- http_connection.c: on the loop's thread --- */
struct http_connection *http_connection_new(struct http_loop *loop, int fd, uint64_t now_ns);
/* Its request was replied to. */
void http_connection_answered(struct http_connection *connection);
/* Something may have changed: reads, hands over, writes, as far as it goes. Closes it at its end.
 */
void http_connection_run(struct http_connection *connection);
/* Its deadline has passed. */
void http_connection_late(struct http_connection *connection);
/* Closes it; frees it unless it is still on the list of those to be looked at. */
void http_connection_close(struct http_connection *connection);
void http_connection_free(struct http_connection *connection);

/* --- http_request.c --- */
/* Writes status line and header fields of the request's answer. `length` is the body's; SIZE_MAX:
 * it comes in chunks. `headers` may be NULL. */
void http_answer_head(struct http_request *request, unsigned status,
                      const struct http_header *headers, size_t length);

/* --- http_stream.c --- */
enum http_stream_state { HTTP_STREAM_OPEN, HTTP_STREAM_ENDED, HTTP_STREAM_CUT };
/* Moves what is pending into *out (empty until then), and tells what comes after that. */
enum http_stream_state http_stream_take(struct http_stream *stream, struct buf *out);
/* The connection is over: it must not be touched any more. */
void http_stream_abandon(struct http_stream *stream);
