/*
 * One thread that accepts connections and runs them: epoll, edge-triggered, nothing blocks. Shared
 * by the http files only.
 */
#pragma once

#include "io/http_exchange.h"

/* NULL and errno when there is no descriptor to be had. */
struct http_loop *http_loop_new(struct http_server *server);
/* Aborts when there is no thread to be had. */
void http_loop_start(struct http_loop *loop);
struct http_server *http_loop_server(const struct http_loop *loop);
/* Wakes it to see that the server has become quiet. Any thread. */
void http_loop_wake(struct http_loop *loop);
/* The loop runs this connection soon. Any thread; many of them cost one system call. `why`: 0, or
 * HTTP_LOOK_ANSWERED. The connection must not be touched afterwards. */
void http_loop_look(struct http_loop *loop, struct http_connection *connection, unsigned why);
/* It is gone. On the loop's thread. */
void http_loop_forget(struct http_loop *loop, struct http_connection *connection);
/* Gives an empty buffer memory that a request used before, if there is any, and takes it back (or
 * frees it: of what is large or more than enough nothing is kept). On the loop's thread. */
void http_loop_lend(struct http_loop *loop, struct buf *buf);
void http_loop_take_back(struct http_loop *loop, struct buf *buf);
/* Ends the thread and closes all connections. NULL is fine. */
void http_loop_stop(struct http_loop *loop);
