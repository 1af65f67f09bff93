#include <stdlib.h>
#include <string.h>

#include "io/http_exchange.h"

/* Shared by the library's thread (reading, on_completed) and the sender: `references` is two while
 * both hold it. */
struct http_stream {
    pthread_mutex_t lock;
    struct MHD_Connection *connection;
    struct http_loop *loop;
    struct buf pending;
    bool suspended;
    bool ended;  /* the sender is done */
    bool closed; /* the client is gone, or read too slowly */
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
    stream->closed = true;
    stream->suspended = false;
    (void)pthread_mutex_unlock(&stream->lock);
    stream_unref(stream);
}

static ssize_t
stream_read(void *ctx, uint64_t position, char *out, size_t max)
{
    struct http_stream *stream = ctx;
    (void)position;
    (void)pthread_mutex_lock(&stream->lock);
    size_t take = stream->pending.len < max ? stream->pending.len : max;
    ssize_t result = (ssize_t)take;
    if (take) {
        memcpy(out, stream->pending.ptr, take);
        stream->pending.len -= take;
        memmove(stream->pending.ptr, stream->pending.ptr + take, stream->pending.len);
    } else if (stream->ended || stream->closed) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        stream->suspended = true;
        MHD_suspend_connection(stream->connection);
    }
    (void)pthread_mutex_unlock(&stream->lock);
    return result;
}

struct http_stream *
http_reply_stream(struct http_request *request, unsigned status, const struct http_header *headers,
                  size_t pending_bytes_max)
{
    struct http_stream *stream = mem_zalloc(sizeof *stream);
    (void)pthread_mutex_init(&stream->lock, NULL);
    stream->connection = request->connection;
    stream->loop = request->loop;
    stream->references = 2;
    buf_init(&stream->pending, pending_bytes_max);
    request->stream = stream;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, stream_read, stream, NULL);
    if (response == NULL)
        abort(); /* no memory */
    http_add_headers(request->server, response, headers);
    http_deliver(request, status, response);
    return stream;
}

/* Under the lock: wakes the reader if it sleeps. */
static void
stream_wake(struct http_stream *stream)
{
    if (!stream->suspended)
        return;
    stream->suspended = false;
    MHD_resume_connection(stream->connection);
    http_loop_wake(stream->loop);
}

void
http_stream_send(struct http_stream *stream, struct str piece)
{
    (void)pthread_mutex_lock(&stream->lock);
    if (!stream->closed) {
        buf_add(&stream->pending, piece);
        if (stream->pending.overflow)
            stream->closed = true;
        stream_wake(stream);
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
    stream->ended = true;
    stream_wake(stream);
    (void)pthread_mutex_unlock(&stream->lock);
    stream_unref(stream);
}
