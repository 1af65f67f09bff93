/*
 * Runs one libmicrohttpd daemon (made with MHD_USE_EPOLL, without a thread of the library's own) on
 * a thread of ours. The library's own loop takes 128 events at a time and, when just as many were
 * ready, waits for more before it looks at them: 128 requests at once then wait for the next one,
 * or for the idle time-out (0.9.75). MHD_run() never waits; this loop does.
 */
#pragma once

#include <microhttpd.h>

struct http_loop;

/* `ctx` is the user's. Aborts when there is no descriptor to be had. */
struct http_loop *http_loop_new(void *ctx);
void *http_loop_ctx(const struct http_loop *loop);
/* Takes the daemon over and begins. Aborts when there is no thread to be had. */
void http_loop_start(struct http_loop *loop, struct MHD_Daemon *daemon);
struct MHD_Daemon *http_loop_daemon(const struct http_loop *loop);
/* After resuming a connection, from any thread: the library looks at it now. Many wakes before the
 * loop comes to it cost one system call. */
void http_loop_wake(struct http_loop *loop);
/* Ends the thread and stops the daemon, if begun: open connections are closed. NULL is fine. */
void http_loop_stop(struct http_loop *loop);
