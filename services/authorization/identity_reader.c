/*
 * Follows identity.changed: keeps authorization's own copy for later log-ins and tells the live
 * sessions of the account, so that a person's other devices are bound as well. Offsets are
 * committed after both; news that repeats changes nothing.
 */
#include <stdatomic.h>

#include "base/clock.h"
#include "base/limits.h"
#include "runtime/crash.h"
#include "runtime/event.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/progress.h"
#include "runtime/reading.h"
#include "runtime/session_news.h"
#include "runtime/work.h"
#include "services/authorization/service.h"
#include "services/authorization/store_pg.h"

enum {
    READER_POLL_MS = 200,
    READER_BATCH = 100,
    READER_RETRY_MS = 200,
    STATEMENT_TIMEOUT_MS = 3000,
    DELIVERY_WAIT_MS = 5000,
    SILENCE_MS_MAX = 60000,
};

#define READER_GROUP "authorization"

struct reader {
    struct authorization *authorization;
    struct kafka_consumer *consumer;
    struct pg *pg;
    struct redis *redis;
    struct arena *arena;
    struct pulse *pulse;
    uint64_t lag_told_ns;
};

static _Atomic int dead_letters_failed;

void
dead_letter_delivered(void *message_ctx, enum err_code code, int32_t partition, int64_t offset,
                      void *ctx)
{
    (void)message_ctx;
    (void)partition;
    (void)offset;
    (void)ctx;
    if (code)
        atomic_fetch_add(&dead_letters_failed, 1);
}

/* Why a message is no news, or NULL. */
static const char *
news_decode(struct reader *reader, const struct kafka_record *record, struct identity_changed *news,
            struct err *err)
{
    if (record->tombstone || record->value.len == 0)
        return record->tombstone ? "tombstone" : "empty";
    if (event_check(record, TYPE_IDENTITY_CHANGED, err))
        return "bad-header";
    enum err_code code = identity_changed_decode(record->value, reader->arena, news, err);
    if (code)
        return code == ERR_VERSION ? "unknown-version" : "malformed";
    return str_eq(record->key, news->account_id) ? NULL : "key-mismatch";
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
        dead_letter_send(reader->authorization->producer, record, reason, why.text, &reported, err);
    if (code == ERR_OK)
        code = kafka_producer_flush(reader->authorization->producer, DELIVERY_WAIT_MS, err);
    if (code == ERR_OK && atomic_load(&dead_letters_failed))
        code = ERR(err, ERR_UNAVAILABLE, "dead letter was not delivered");
    return code;
}

static enum err_code
take(struct reader *reader, const struct kafka_record *record, struct err *err)
{
    struct identity_changed news;
    struct err why = {0};
    arena_reset(reader->arena);
    const char *reason = news_decode(reader, record, &news, &why);
    if (reason) {
        *err = why;
        return bury(reader, record, reason, err);
    }
    enum err_code code = store_identity_put(reader->pg, &news, err);
    if (code && err_class(code) == ERR_CLASS_REJECT)
        return bury(reader, record, "store-refused", err);
    crash_at(CRASH_NEWS_STORED);
    return code ? code : session_tell_news(reader->redis, &news, reader->arena, err);
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
            log_failure(LOG_WARN, "identity news not stored, trying again", &err);
        metric_count(METRIC_sy_retries_total, "identity", err_class_name(err_class(err.code)));
        work_retry("identity", &err, READER_RETRY_MS);
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
        reading_tell_batch(batch, TOPIC_IDENTITY_CHANGED);
    for (size_t i = 0; i < count && whole; i++)
        whole = take_patiently(reader, kafka_batch_record(batch, i));
    if (count)
        crash_at(CRASH_NEWS_TOLD);
    if (count && whole)
        code = kafka_consumer_commit(reader->consumer, batch, err);
    work_end();
    kafka_batch_free(batch);
    reading_tell_lag(reader->consumer, READER_GROUP, TOPIC_IDENTITY_CHANGED, &reader->lag_told_ns);
    return code;
}

static enum err_code
reader_open(struct reader *reader, struct err *err)
{
    static const char *const topics[] = {TOPIC_IDENTITY_CHANGED, NULL};
    const struct runtime_conf *conf = &reader->authorization->conf->runtime;
    const struct kafka_consumer_conf consumer = {
        .bootstrap = conf->kafka_bootstrap,
        .client_id = conf->instance,
        .group = READER_GROUP,
        .topics = topics,
        .session_timeout_ms = 6000,
        .on_jump = event_offset_jump,
    };
    return kafka_consumer_open(&consumer, &reader->consumer, err);
}

void *
identity_reader(void *arg)
{
    struct reader reader = {.authorization = arg};
    const struct runtime_conf *conf = &reader.authorization->conf->runtime;
    struct err err = {0};
    reader.arena = arena_new(LIMIT_BATCH_ARENA);
    reader.pulse = progress_add("reading identity news", SILENCE_MS_MAX);
    reader.pg =
        pg_new(&(struct pg_conf){conf->pg_dsn, conf->instance, STATEMENT_TIMEOUT_MS, PG_BY_KEY});
    enum err_code code = redis_new(
        &(struct redis_conf){conf->redis_url, conf->redis_password_file, REDIS_TIMEOUT_MS},
        &reader.redis, &err);
    while (code == ERR_OK && !service_stopping()) {
        progress_beat(reader.pulse);
        code = reader_open(&reader, &err);
        while (code == ERR_OK && !service_stopping())
            code = reader_turn(&reader, &err);
        kafka_consumer_close(TAKE(reader.consumer));
        if (code) {
            log_failure(LOG_WARN, "identity.changed cannot be read now", &err);
            clock_pause_ms(READER_RETRY_MS);
            code = ERR_OK;
        }
    }
    progress_rest(reader.pulse);
    redis_free(reader.redis);
    pg_free(reader.pg);
    arena_free(reader.arena);
    return NULL;
}
