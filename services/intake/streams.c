#include "services/intake/streams.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "runtime/metrics.h"

enum { STREAM_BUCKETS = 1024, STREAM_ID_SIZE = 40, STREAM_COMMENT_S = 15, STREAM_LIFE_S = 600 };

struct waiter {
    struct waiter *next;
    char id[STREAM_ID_SIZE];
    struct http_stream *stream;
    uint64_t since_ns;
    uint64_t spoke_ns;
};

struct streams {
    pthread_mutex_t lock;
    size_t max;
    size_t count;
    struct waiter *buckets[STREAM_BUCKETS];
};

static size_t
bucket_of(struct str id)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a: ids are keyed hashes already */
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ (unsigned char)id.ptr[i]) * 1099511628211u;
    return hash % STREAM_BUCKETS;
}

struct streams *
streams_new(size_t max)
{
    struct streams *streams = mem_zalloc(sizeof *streams);
    streams->max = max;
    (void)pthread_mutex_init(&streams->lock, NULL);
    return streams;
}

/* Unlinks *link and ends its stream. */
static void
waiter_end(struct streams *streams, struct waiter **link)
{
    struct waiter *waiter = *link;
    *link = waiter->next;
    streams->count--;
    metric_set(METRIC_sy_event_streams, (double)streams->count, NULL, NULL, NULL);
    http_stream_end(waiter->stream);
    free(waiter);
}

void
streams_free(struct streams *streams)
{
    if (streams == NULL)
        return;
    for (size_t i = 0; i < STREAM_BUCKETS; i++)
        while (streams->buckets[i])
            waiter_end(streams, &streams->buckets[i]);
    (void)pthread_mutex_destroy(&streams->lock);
    free(streams);
}

size_t
streams_count(struct streams *streams)
{
    (void)pthread_mutex_lock(&streams->lock);
    size_t count = streams->count;
    (void)pthread_mutex_unlock(&streams->lock);
    return count;
}

bool
streams_full(struct streams *streams)
{
    return streams_count(streams) >= streams->max;
}

void
streams_add(struct streams *streams, struct str submission_id, struct http_stream *stream)
{
    struct waiter *waiter = mem_zalloc(sizeof *waiter);
    size_t length = submission_id.len < STREAM_ID_SIZE ? submission_id.len : STREAM_ID_SIZE - 1;
    memcpy(waiter->id, submission_id.ptr, length);
    waiter->stream = stream;
    waiter->since_ns = waiter->spoke_ns = clock_mono_ns();
    (void)pthread_mutex_lock(&streams->lock);
    struct waiter **bucket = &streams->buckets[bucket_of(submission_id)];
    waiter->next = *bucket;
    *bucket = waiter;
    streams->count++;
    metric_set(METRIC_sy_event_streams, (double)streams->count, NULL, NULL, NULL);
    (void)pthread_mutex_unlock(&streams->lock);
}

void
stream_send_state(struct http_stream *stream, struct str state_json)
{
    struct buf event;
    buf_init(&event, LIMIT_HTTP_ANSWER);
    buf_add_text(&event, "event: state\ndata: ");
    buf_add(&event, state_json);
    buf_add_text(&event, "\n\n");
    http_stream_send(stream, buf_str(&event));
    buf_done(&event);
}

void
streams_judged(struct streams *streams, struct str submission_id, struct str state_json)
{
    (void)pthread_mutex_lock(&streams->lock);
    struct waiter **link = &streams->buckets[bucket_of(submission_id)];
    while (*link) {
        if (!str_eq_text(submission_id, (*link)->id)) {
            link = &(*link)->next;
            continue;
        }
        stream_send_state((*link)->stream, state_json);
        waiter_end(streams, link);
    }
    (void)pthread_mutex_unlock(&streams->lock);
}

void
streams_tend(struct streams *streams)
{
    uint64_t now_ns = clock_mono_ns();
    (void)pthread_mutex_lock(&streams->lock);
    for (size_t i = 0; i < STREAM_BUCKETS; i++) {
        struct waiter **link = &streams->buckets[i];
        while (*link) {
            struct waiter *waiter = *link;
            bool old = now_ns - waiter->since_ns > (uint64_t)STREAM_LIFE_S * 1000000000;
            if (old || http_stream_closed(waiter->stream)) {
                waiter_end(streams, link);
                continue;
            }
            if (now_ns - waiter->spoke_ns > (uint64_t)STREAM_COMMENT_S * 1000000000) {
                http_stream_send(waiter->stream, STR(": still waiting\n\n"));
                waiter->spoke_ns = now_ns;
            }
            link = &waiter->next;
        }
    }
    (void)pthread_mutex_unlock(&streams->lock);
}

size_t
streams_waiting(struct streams *streams, unsigned wait_ms, char (*ret_ids)[40], size_t max)
{
    size_t count = 0;
    uint64_t now_ns = clock_mono_ns();
    (void)pthread_mutex_lock(&streams->lock);
    for (size_t i = 0; i < STREAM_BUCKETS; i++)
        for (struct waiter *w = streams->buckets[i]; w && count < max; w = w->next)
            if (now_ns - w->since_ns > (uint64_t)wait_ms * 1000000)
                memcpy(ret_ids[count++], w->id, STREAM_ID_SIZE);
    (void)pthread_mutex_unlock(&streams->lock);
    return count;
}
