#include <stdio.h>
#include <stdlib.h>

#include "io/http_loop.h"

#define LAST_CHUNK STR("0\r\n\r\n")

/* Shared by the connection's loop and the sender: `references` is two while both hold it. */
struct http_stream {
    pthread_mutex_t lock;
    struct http_connection *connection; /* NULL: it is over */
    struct buf pending;                 /* chunks, as they are sent */
    bool ended;                         /* the sender is done */
    bool closed;                        /* the client is gone, or read too slowly */
    bool bodiless;                      /* the answer to HEAD */
    int references;
};

static void
stream_unref(struct http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    bool last = --stream->references == 0;
    (void)pthread_mutex_unlock(&stream->lock);
    if (!last)
        return;
    buf_done(&stream->pending);
    (void)pthread_mutex_destroy(&stream->lock);
    free(stream);
}

void
http_stream_abandon(struct http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    stream->connection = NULL;
    stream->closed = true;
    (void)pthread_mutex_unlock(&stream->lock);
    stream_unref(stream);
}

enum http_stream_state
http_stream_take(struct http_stream *stream, struct buf *out)
{
    (void)pthread_mutex_lock(&stream->lock);
    /* The two change places: both keep their memory. */
    struct buf empty = *out;
    *out = stream->pending;
    empty.max = out->max;
    stream->pending = empty;
    enum http_stream_state state = stream->bodiless || (stream->ended && !stream->closed)
                                       ? HTTP_STREAM_ENDED
                                   : stream->closed ? HTTP_STREAM_CUT
                                                    : HTTP_STREAM_OPEN;
    (void)pthread_mutex_unlock(&stream->lock);
    return state;
}

struct http_stream *
http_reply_stream(struct http_request *request, unsigned status, const struct http_header *headers,
                  size_t pending_bytes_max)
{
    struct http_connection *connection = request->connection;
    struct http_loop *loop = connection->loop;
    struct http_stream *stream = mem_zalloc(sizeof *stream);
    (void)pthread_mutex_init(&stream->lock, NULL);
    stream->connection = connection;
    stream->references = 2;
    buf_init(&stream->pending, pending_bytes_max + LAST_CHUNK.len);
    stream->bodiless = stream->closed = request->head.method == HTTP_HEAD;
    request->stream = stream;
    http_answer_head(request, status, headers, SIZE_MAX);
    atomic_fetch_sub(&http_loop_server(loop)->in_flight, 1);
    http_loop_look(loop, connection, HTTP_LOOK_ANSWERED);
    return stream;
}

/* Under the lock. */
static void
stream_look(struct http_stream *stream)
{
    if (stream->connection)
        http_loop_look(stream->connection->loop, stream->connection, 0);
}

void
http_stream_send(struct http_stream *stream, struct str piece)
{
    (void)pthread_mutex_lock(&stream->lock);
    if (!stream->closed && piece.len) {
        size_t before = stream->pending.len;
        buf_printf(&stream->pending, "%zx\r\n", piece.len);
        buf_add(&stream->pending, piece);
        buf_add(&stream->pending, STR("\r\n"));
        /* A reader that does not read: cut, without a last chunk. The room for that one is kept: an
         * answer without its end would be taken for one that goes on, by whoever reads the next. */
        if (stream->pending.overflow ||
            stream->pending.max - stream->pending.len < LAST_CHUNK.len) {
            stream->pending.len = before;
            stream->closed = true;
        }
        stream_look(stream);
    }
    (void)pthread_mutex_unlock(&stream->lock);
}

bool
http_stream_closed(const struct http_stream *stream)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&stream->lock;
    (void)pthread_mutex_lock(lock);
    bool closed = stream->closed;
    (void)pthread_mutex_unlock(lock);
    return closed;
}

void
http_stream_end(struct http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    if (!stream->closed)
        buf_add(&stream->pending, LAST_CHUNK);
    stream->ended = true;
    stream_look(stream);
    (void)pthread_mutex_unlock(&stream->lock);
    stream_unref(stream);
}
