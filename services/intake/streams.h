/*
 * Open event streams, waiting for judgements: a bounded table by submission id. The reader of
 * submission.judged tells it what was judged; the housekeeper keeps connections alive, drops those
 * that hung up and asks the store again for those that wait long (a judgement published before the
 * reader was there must not be missed). Thread-safe.
 */
#pragma once

#include "io/http_server.h"

struct streams;

struct streams *streams_new(size_t max);
void streams_free(struct streams *streams); /* ends every stream */
/* Room for one more? Asked before the stream is opened. */
bool streams_full(struct streams *streams);
size_t streams_count(struct streams *streams);
/* Takes the stream over: it ends when the submission is judged, or after ten minutes. */
void streams_add(struct streams *streams, struct str submission_id, struct http_stream *stream);
/* Sends one event to everybody who waits for this submission and ends their streams. */
void streams_judged(struct streams *streams, struct str submission_id, struct str state_json);
/* Comments to the idle, ends what is closed or too old. */
void streams_tend(struct streams *streams);
/* Ids of those that have waited longer than `wait_ms`, at most max; each is 37 bytes with its NUL.
 */
size_t streams_waiting(struct streams *streams, unsigned wait_ms, char (*ret_ids)[40], size_t max);

/* "event: state" with one line of data; text must be one line of JSON. */
void stream_send_state(struct http_stream *stream, struct str state_json);
