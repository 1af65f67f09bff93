/*
 * Follows appeal.decided: applies each of the school's decisions once, in the order of an account.
 * Offsets are committed when all of a batch have had their effect.
 */
#include <stdatomic.h>

#include "base/clock.h"
#include "base/limits.h"
#include "runtime/event.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/progress.h"
#include "runtime/reading.h"
#include "runtime/work.h"
#include "services/binding/appeal_apply.h"

enum {
    READER_POLL_MS = 200,
    READER_BATCH = 100,
    READER_RETRY_MS = 200,
    STATEMENT_TIMEOUT_MS = 3000,
    DELIVERY_WAIT_MS = 5000,
    DEAD_LETTER_QUEUE = 1000,
    SILENCE_MS_MAX = 60000,
};

#define READER_GROUP "binding"

struct reader {
    struct applier applier;
    struct kafka_consumer *consumer;
    struct kafka_producer *producer; /* dead letters */
    struct pulse *pulse;
    uint64_t lag_told_ns;
};

static _Atomic int dead_letters_failed;

static void
on_delivered(void *message_ctx, enum err_code code, int32_t partition, int64_t offset, void *ctx)
{
    (void)message_ctx;
    (void)partition;
    (void)offset;
    (void)ctx;
    if (code)
        atomic_fetch_add(&dead_letters_failed, 1);
}

/* Why a message is no decision, or NULL. */
static const char *
decision_decode(struct reader *reader, const struct kafka_record *record,
                struct appeal_decided *decided, struct err *err)
{
    if (record->tombstone || record->value.len == 0)
        return record->tombstone ? "tombstone" : "empty";
    if (event_check(record, TYPE_APPEAL_DECIDED, err))
        return "bad-header";
    enum err_code code = appeal_decided_decode(record->value, reader->applier.arena, decided, err);
    if (code)
        return code == ERR_VERSION ? "unknown-version" : "malformed";
    return str_eq(record->key, decided->account_id) ? NULL : "key-mismatch";
}

static enum err_code
bury(struct reader *reader, const struct kafka_record *record, const char *reason, struct err *err)
{
    static int reported; /* any address: the report only counts failures */
    struct err why = *err;
    atomic_store(&dead_letters_failed, 0);
    log_event(LOG_WARN, "message moved to the dead-letter topic", LOG_TEXT("reason", reason),
              LOG_INT("partition", record->partition), LOG_INT("offset", record->offset));
    enum err_code code =
        dead_letter_send(reader->producer, record, reason, why.text, &reported, err);
    if (code == ERR_OK)
        code = kafka_producer_flush(reader->producer, DELIVERY_WAIT_MS, err);
    if (code == ERR_OK && atomic_load(&dead_letters_failed))
        code = ERR(err, ERR_UNAVAILABLE, "dead letter was not delivered");
    return code;
}

static enum err_code
take(struct reader *reader, const struct kafka_record *record, struct err *err)
{
    struct appeal_decided decided;
    struct err why = {0};
    arena_reset(reader->applier.arena);
    const char *reason = decision_decode(reader, record, &decided, &why);
    if (reason) {
        *err = why;
        return bury(reader, record, reason, err);
    }
    enum err_code code = appeal_apply(&reader->applier, &decided, event_traceparent(record), err);
    if (code == ERR_NOT_FOUND)
        return bury(reader, record, "unknown-appeal", err);
    if (code && err_class(code) == ERR_CLASS_REJECT)
        return bury(reader, record, "store-refused", err);
    return code;
}

/* Takes a record for as long as it needs; only a stopping service gives up. */
static bool
take_patiently(struct reader *reader, const struct kafka_record *record)
{
    for (unsigned tries = 0; !service_stopping(); tries++) {
        struct err err = {0};
        if (take(reader, record, &err) == ERR_OK)
            return true;
        if (tries % 25 == 0)
            log_failure(LOG_WARN, "decision not applied, trying again", &err);
        metric_count(METRIC_sy_retries_total, "appeal", err_class_name(err_class(err.code)));
        work_retry("appeal", &err, READER_RETRY_MS);
        progress_beat(reader->pulse);
        clock_pause_ms(READER_RETRY_MS);
    }
    return false;
}

static enum err_code
reader_turn(struct reader *reader, struct err *err)
{
    struct kafka_batch *batch = NULL;
    progress_beat(reader->pulse);
    enum err_code code =
        kafka_consumer_poll(reader->consumer, READER_BATCH, READER_POLL_MS, 1, &batch, err);
    if (code)
        return code;
    size_t count = kafka_batch_count(batch);
    bool whole = true;
    if (count)
        reading_tell_batch(batch, TOPIC_APPEAL_DECIDED);
    for (size_t i = 0; i < count && whole; i++)
        whole = take_patiently(reader, kafka_batch_record(batch, i));
    if (count && whole)
        code = kafka_consumer_commit(reader->consumer, batch, err);
    work_end();
    kafka_batch_free(batch);
    reading_tell_lag(reader->consumer, READER_GROUP, TOPIC_APPEAL_DECIDED, &reader->lag_told_ns);
    return code;
}

static enum err_code
reader_open(struct reader *reader, struct err *err)
{
    static const char *const topics[] = {TOPIC_APPEAL_DECIDED, NULL};
    const struct runtime_conf *conf = &reader->applier.binding->conf->runtime;
    const struct kafka_consumer_conf consumer = {
        .bootstrap = conf->kafka_bootstrap,
        .client_id = conf->instance,
        .group = READER_GROUP,
        .topics = topics,
        .session_timeout_ms = 6000,
        .on_jump = event_offset_jump,
    };
    const struct kafka_producer_conf producer = {
        .bootstrap = conf->kafka_bootstrap,
        .client_id = conf->instance,
        .delivery_timeout_ms = 4000,
        .queue_messages_max = DEAD_LETTER_QUEUE,
        .on_delivered = on_delivered,
    };
    enum err_code code =
        reader->producer ? ERR_OK : kafka_producer_open(&producer, &reader->producer, err);
    return code ? code : kafka_consumer_open(&consumer, &reader->consumer, err);
}

void *
appeal_reader(void *arg)
{
    struct reader reader = {.applier.binding = arg};
    struct applier *applier = &reader.applier;
    const struct runtime_conf *conf = &applier->binding->conf->runtime;
    struct err err = {0};
    applier->arena = arena_new(LIMIT_BATCH_ARENA);
    applier->sealer = sealer_new(applier->binding->runtime->keyring);
    reader.pulse = progress_add("applying the school's decisions", SILENCE_MS_MAX);
    applier->pg =
        pg_new(&(struct pg_conf){conf->pg_dsn, conf->instance, STATEMENT_TIMEOUT_MS, PG_BY_KEY});
    enum err_code code = redis_new(
        &(struct redis_conf){conf->redis_url, conf->redis_password_file, REDIS_TIMEOUT_MS},
        &applier->redis, &err);
    while (code == ERR_OK && !service_stopping()) {
        progress_beat(reader.pulse);
        code = reader_open(&reader, &err);
        while (code == ERR_OK && !service_stopping())
            code = reader_turn(&reader, &err);
        kafka_consumer_close(TAKE(reader.consumer));
        if (code) {
            log_failure(LOG_WARN, "appeal.decided cannot be read now", &err);
            clock_pause_ms(READER_RETRY_MS);
            code = ERR_OK;
        }
    }
    progress_rest(reader.pulse);
    kafka_producer_close(reader.producer);
    redis_free(applier->redis);
    pg_free(applier->pg);
    sealer_free(applier->sealer);
    arena_free(applier->arena);
    return NULL;
}
