/*
 * Reads what happened and makes notices of it: a batch in one statement, then the offsets. What is
 * read again makes no second notice (recipient, kind and transition are unique). Messages that can
 * never be read go to the dead letters.
 */
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "runtime/crash.h"
#include "runtime/event.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/progress.h"
#include "runtime/reading.h"
#include "runtime/work.h"
#include "services/notification/service.h"
#include "services/notification/store_pg.h"

enum {
    READER_POLL_MS = 200,
    READER_BATCH = 500,
    READER_RETRY_MS = 200,
    STATEMENT_TIMEOUT_MS = 10000,
    DELIVERY_WAIT_MS = 5000,
    SILENCE_MS_MAX = 60000,
    HOUR_MS = 3600 * 1000,
};

struct reader {
    struct notification *notification;
    struct kafka_consumer *consumer;
    struct pg *pg;
    struct sealer *sealer;
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

/* --- one row a topic --- */

static enum err_code
judged_read(const struct kafka_record *record, struct arena *arena, struct notice_made *ret_made,
            bool *ret_told, struct err *err)
{
    struct submission_judged event;
    enum err_code code = submission_judged_decode(record->value, arena, &event, err);
    if (code == ERR_OK)
        *ret_told = notice_of_judged(&event, arena, ret_made);
    return code;
}

static enum err_code
review_read(const struct kafka_record *record, struct arena *arena, struct notice_made *ret_made,
            bool *ret_told, struct err *err)
{
    struct review_decided event;
    enum err_code code = review_decided_decode(record->value, arena, &event, err);
    if (code == ERR_OK)
        *ret_told = notice_of_review(&event, arena, ret_made);
    return code;
}

static enum err_code
appeal_read(const struct kafka_record *record, struct arena *arena, struct notice_made *ret_made,
            bool *ret_told, struct err *err)
{
    struct appeal_decided event;
    enum err_code code = appeal_decided_decode(record->value, arena, &event, err);
    if (code == ERR_OK)
        *ret_told = notice_of_appeal(&event, ret_made);
    return code;
}

static const struct source {
    const char *topic;
    const char *type;
    bool passed_over; /* what cannot be read is another group's to set aside */
    /* *ret_told false: an event that is not told to anybody. */
    enum err_code (*read)(const struct kafka_record *record, struct arena *arena,
                          struct notice_made *ret_made, bool *ret_told, struct err *err);
} sources[] = {
    {TOPIC_SUBMISSION_JUDGED, TYPE_SUBMISSION_JUDGED, false, judged_read},
    {TOPIC_REVIEW_DECIDED, TYPE_REVIEW_DECIDED, false, review_read},
    {TOPIC_APPEAL_DECIDED, TYPE_APPEAL_DECIDED, true, appeal_read},
};
enum { SOURCE_COUNT = sizeof sources / sizeof sources[0] };

static const struct source *
source_of(const struct kafka_record *record)
{
    for (size_t i = 0; i < SOURCE_COUNT; i++)
        if (strcmp(sources[i].topic, record->topic) == 0)
            return &sources[i];
    return &sources[0]; /* no other topic is subscribed to; its type will not fit */
}

/* Why a message is no event, or NULL; *ret_told whether it makes a notice. */
static const char *
notice_decode(struct reader *reader, const struct kafka_record *record,
              struct new_notice *ret_notice, bool *ret_told, struct err *err)
{
    const struct notification *notification = reader->notification;
    const struct source *source = source_of(record);
    int64_t now_ms = clock_now_ms();
    *ret_told = false;
    if (record->tombstone || record->value.len == 0)
        return record->tombstone ? "tombstone" : "empty";
    if (event_check(record, source->type, err))
        return "bad-header";
    *ret_notice = (struct new_notice){.traceparent = event_traceparent(record)};
    enum err_code code = source->read(record, reader->arena, &ret_notice->made, ret_told, err);
    if (code)
        return code == ERR_VERSION ? "unknown-version" : "malformed";
    if (*ret_told && !str_eq(record->key, ret_notice->made.recipient)) {
        (void)ERR(err, ERR_INVALID, "key is another than the recipient");
        return "key-mismatch";
    }
    ret_notice->due_ms = notice_due_ms(&notification->policy, false, now_ms);
    ret_notice->deadline_ms =
        ret_notice->made.details.at_ms + (int64_t)notification->conf->deadline_h * HOUR_MS;
    return NULL;
}

static enum err_code
bury(struct reader *reader, const struct kafka_record *record, const char *reason, struct err *err)
{
    static int reported; /* any address: the report only counts failures */
    struct err why = *err;
    struct kafka_producer *producer = reader->notification->producer;
    atomic_store(&dead_letters_failed, 0);
    log_event(LOG_WARN, "message moved to the dead-letter topic", LOG_TEXT("reason", reason),
              LOG_TEXT("topic", record->topic), LOG_INT("partition", record->partition),
              LOG_INT("offset", record->offset));
    enum err_code code = dead_letter_send(producer, record, reason, why.text, &reported, err);
    if (code == ERR_OK)
        code = kafka_producer_flush(producer, DELIVERY_WAIT_MS, err);
    if (code == ERR_OK && atomic_load(&dead_letters_failed))
        code = ERR(err, ERR_UNAVAILABLE, "dead letter was not delivered");
    return code;
}

/* Makes the notices of records [first, first + count); what can never be stored is split down to
 * the one record that is to blame. */
static enum err_code
take(struct reader *reader, const struct kafka_batch *batch, size_t first, size_t count,
     struct err *err)
{
    struct new_notice *notices = arena_alloc(reader->arena, count * sizeof *notices);
    size_t made = 0;
    for (size_t i = first; i < first + count; i++) {
        struct err why = {0};
        bool told = false;
        const struct kafka_record *record = kafka_batch_record(batch, i);
        const char *reason = notice_decode(reader, record, &notices[made], &told, &why);
        if (reason && !source_of(record)->passed_over) {
            *err = why;
            enum err_code code = bury(reader, record, reason, err);
            if (code)
                return code;
        }
        made += reason == NULL && told;
    }
    enum err_code code =
        store_notices_add(reader->pg, reader->sealer, notices, made, reader->arena, err);
    if (code == ERR_OK || err_class(code) != ERR_CLASS_REJECT)
        return code;
    if (count == 1)
        return bury(reader, kafka_batch_record(batch, first), "store-refused", err);
    code = take(reader, batch, first, count / 2, err);
    return code ? code : take(reader, batch, first + count / 2, count - count / 2, err);
}

/* Takes a batch for as long as it needs; only a stopping service gives up. */
static bool
take_patiently(struct reader *reader, const struct kafka_batch *batch)
{
    for (unsigned tries = 0; !service_stopping(); tries++) {
        struct err err = {0};
        arena_reset(reader->arena);
        if (take(reader, batch, 0, kafka_batch_count(batch), &err) == ERR_OK)
            return true;
        if (tries % 25 == 0)
            log_failure(LOG_WARN, "notices not stored, trying again", &err);
        metric_count(METRIC_sy_retries_total, "notices", err_class_name(err_class(err.code)));
        work_retry("notices", &err, READER_RETRY_MS);
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
    if (kafka_batch_count(batch)) {
        reading_tell_batch(batch, NULL);
        bool whole = take_patiently(reader, batch);
        crash_at(CRASH_NOTICE_STORED);
        if (whole)
            code = kafka_consumer_commit(reader->consumer, batch, err);
        work_end();
    }
    kafka_batch_free(batch);
    reading_tell_lag(reader->consumer, reader->notification->conf->group, NULL,
                     &reader->lag_told_ns);
    return code;
}

static enum err_code
reader_open(struct reader *reader, struct err *err)
{
    static const char *topics[SOURCE_COUNT + 1];
    const struct runtime_conf *conf = &reader->notification->conf->runtime;
    for (size_t i = 0; i < SOURCE_COUNT; i++)
        topics[i] = sources[i].topic;
    const struct kafka_consumer_conf consumer = {
        .bootstrap = conf->kafka_bootstrap,
        .client_id = conf->instance,
        .group = reader->notification->conf->group,
        .topics = topics,
        .session_timeout_ms = 6000,
        .on_jump = event_offset_jump,
    };
    return kafka_consumer_open(&consumer, &reader->consumer, err);
}

void *
notice_reader(void *arg)
{
    struct reader reader = {.notification = arg};
    const struct runtime_conf *conf = &reader.notification->conf->runtime;
    reader.arena = arena_new(LIMIT_BATCH_ARENA);
    reader.pulse = progress_add("reading what is to be told", SILENCE_MS_MAX);
    reader.sealer = sealer_new(reader.notification->runtime->keyring);
    reader.pg =
        pg_new(&(struct pg_conf){conf->pg_dsn, conf->instance, STATEMENT_TIMEOUT_MS, PG_BY_KEY});
    while (!service_stopping()) {
        struct err err = {0};
        progress_beat(reader.pulse);
        enum err_code code = reader_open(&reader, &err);
        while (code == ERR_OK && !service_stopping())
            code = reader_turn(&reader, &err);
        kafka_consumer_close(TAKE(reader.consumer));
        if (code) {
            log_failure(LOG_WARN, "what is to be told cannot be read now", &err);
            clock_pause_ms(READER_RETRY_MS);
        }
    }
    progress_rest(reader.pulse);
    sealer_free(reader.sealer);
    pg_free(reader.pg);
    arena_free(reader.arena);
    return NULL;
}
