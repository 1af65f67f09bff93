/*
 * Takes unpublished outbox rows in order, sends them, waits for every delivery report,
 * marks them published, commits. Rows locked by another copy are left to it. A row that was sent
 * but not marked is sent again: readers go by its sequence.
 */
#include "runtime/relay.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/kafka.h"
#include "runtime/crash.h"
#include "runtime/event.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/progress.h"

enum {
    RELAY_PERIOD_MS = 200,
    RELAY_FORGET_TURNS = 18000, /* about once an hour */
    DELIVERY_TIMEOUT_MS = 4000,
    STATEMENT_TIMEOUT_MS = 5000,
    RELAY_QUEUE = 1000,
    SILENCE_MS_MAX = 60000,
};

struct relay {
    struct relay_conf conf;
    struct kafka_producer *producer;
    struct pg *pg;
    atomic_size_t failed; /* among those sent last */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool wanted;
    bool stop;
};

static void
on_delivered(void *message_ctx, enum err_code code, int32_t partition, int64_t offset, void *ctx)
{
    struct relay *relay = ctx;
    (void)message_ctx;
    (void)partition;
    (void)offset;
    if (code)
        atomic_fetch_add(&relay->failed, 1);
}

static enum err_code
row_send(struct relay *relay, const struct pg_result *rows, size_t row, struct err *err)
{
    char type[64];
    char topic[64];
    (void)snprintf(type, sizeof type, "%.*s", STR_ARG(pg_str(rows, row, 4)));
    (void)snprintf(topic, sizeof topic, "%.*s", STR_ARG(pg_str(rows, row, 1)));
    struct event_envelope envelope = {
        .id = pg_str(rows, row, 3),
        .type = type,
        .source = relay->conf.source,
        .traceparent = pg_str(rows, row, 6),
    };
    event_headers(&envelope, clock_now_ms());
    const struct kafka_message message = {
        .topic = topic,
        .key = pg_str(rows, row, 2),
        .value = pg_str(rows, row, 5),
        .headers = envelope.headers,
        .header_count = EVENT_HEADER_COUNT,
        .message_ctx = relay,
    };
    metric_count(METRIC_sy_outbox_published_total, topic);
    return kafka_producer_send(relay->producer, &message, err);
}

static enum err_code
rows_send(struct relay *relay, const struct pg_result *rows, struct err *err)
{
    enum err_code code = ERR_OK;
    atomic_store(&relay->failed, 0);
    for (size_t i = 0; i < pg_rows(rows) && code == ERR_OK; i++)
        code = row_send(relay, rows, i, err);
    enum err_code flushed = kafka_producer_flush(relay->producer, DELIVERY_TIMEOUT_MS + 1000, err);
    if (code || flushed)
        return code ? code : flushed;
    size_t failed = atomic_load(&relay->failed);
    return failed ? ERR(err, ERR_UNAVAILABLE, "%zu outbox rows were not delivered", failed)
                  : ERR_OK;
}

static enum err_code
rows_mark(struct relay *relay, const struct pg_result *rows, struct err *err)
{
    struct pg_array sequences;
    pg_array_init(&sequences, LIMIT_MESSAGE);
    for (size_t i = 0; i < pg_rows(rows); i++)
        pg_array_add(&sequences, pg_str(rows, i, 0));
    pg_array_finish(&sequences);
    const struct pg_param params[] = {PG_ARRAY(&sequences)};
    enum err_code code = pg_exec(relay->pg, relay->conf.done, params, 1, NULL, err);
    pg_array_done(&sequences);
    return code;
}

/* One batch; *ret_count tells how many there were. */
static enum err_code
relay_turn(struct relay *relay, size_t *ret_count, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    enum err_code code = pg_begin(relay->pg, err);
    if (code)
        return code;
    *ret_count = 0;
    code = pg_exec(relay->pg, relay->conf.take, NULL, 0, &rows, err);
    if (code == ERR_OK) {
        *ret_count = pg_rows(rows);
        double oldest_s = *ret_count ? (double)pg_int(rows, 0, 7, 0) : 0;
        metric_set(METRIC_sy_outbox_oldest_seconds, oldest_s, NULL, NULL, NULL);
    }
    if (code == ERR_OK && *ret_count) {
        crash_at(CRASH_OUTBOX_TAKEN);
        code = rows_send(relay, rows, err);
    }
    if (code == ERR_OK && *ret_count) {
        crash_at(CRASH_OUTBOX_SENT);
        code = rows_mark(relay, rows, err);
        crash_at(CRASH_OUTBOX_MARKED);
    }
    if (code == ERR_OK)
        return pg_commit(relay->pg, err);
    pg_rollback(relay->pg);
    return code;
}

/* Waits for relay_wake() or the period's end; false when the relay is to stop. */
static bool
relay_wait(struct relay *relay)
{
    (void)pthread_mutex_lock(&relay->lock);
    if (!relay->wanted && !relay->stop)
        (void)clock_cond_wait(&relay->wake, &relay->lock, RELAY_PERIOD_MS);
    relay->wanted = false;
    bool go_on = !relay->stop;
    (void)pthread_mutex_unlock(&relay->lock);
    return go_on;
}

static void *
relay_thread(void *arg)
{
    struct relay *relay = arg;
    bool failing = false;
    struct pulse *pulse = progress_add("publishing the outbox", SILENCE_MS_MAX);
    for (unsigned turn = 0; relay_wait(relay); turn++) {
        size_t count = 0;
        struct err err = {0};
        do {
            progress_beat(pulse);
            enum err_code code = relay_turn(relay, &count, &err);
            if (code && !failing)
                log_failure(LOG_WARN, "outbox not published, trying again", &err);
            if (code)
                metric_count(METRIC_sy_retries_total, "outbox", err_class_name(err_class(code)));
            failing = code != ERR_OK;
        } while (count && !failing);
        if (turn % RELAY_FORGET_TURNS == 0 && !failing &&
            pg_exec(relay->pg, relay->conf.forget, NULL, 0, NULL, &err))
            log_failure(LOG_WARN, "published outbox rows not deleted", &err);
    }
    progress_rest(pulse);
    return NULL;
}

enum err_code
relay_open(const struct relay_conf *relay_conf, struct relay **ret_relay, struct err *err)
{
    struct relay *relay = mem_zalloc(sizeof *relay);
    const struct runtime_conf *conf = relay_conf->runtime;
    relay->conf = *relay_conf;
    const struct kafka_producer_conf producer = {
        .bootstrap = conf->kafka_bootstrap,
        .client_id = conf->instance,
        .linger_ms = 0,
        .delivery_timeout_ms = DELIVERY_TIMEOUT_MS,
        .queue_messages_max = RELAY_QUEUE,
        .on_delivered = on_delivered,
        .ctx = relay,
    };
    enum err_code code = kafka_producer_open(&producer, &relay->producer, err);
    if (code) {
        free(relay);
        return code;
    }
    relay->pg =
        pg_new(&(struct pg_conf){conf->pg_dsn, conf->instance, STATEMENT_TIMEOUT_MS, PG_BY_KEY});
    (void)pthread_mutex_init(&relay->lock, NULL);
    clock_cond_init(&relay->wake);
    if (pthread_create(&relay->thread, NULL, relay_thread, relay) != 0)
        abort();
    *ret_relay = relay;
    return ERR_OK;
}

void
relay_wake(struct relay *relay)
{
    (void)pthread_mutex_lock(&relay->lock);
    relay->wanted = true;
    (void)pthread_cond_signal(&relay->wake);
    (void)pthread_mutex_unlock(&relay->lock);
}

void
relay_close(struct relay *relay)
{
    if (relay == NULL)
        return;
    (void)pthread_mutex_lock(&relay->lock);
    relay->stop = true;
    (void)pthread_cond_signal(&relay->wake);
    (void)pthread_mutex_unlock(&relay->lock);
    (void)pthread_join(relay->thread, NULL);
    kafka_producer_close(relay->producer);
    pg_free(relay->pg);
    (void)pthread_cond_destroy(&relay->wake);
    (void)pthread_mutex_destroy(&relay->lock);
    free(relay);
}
