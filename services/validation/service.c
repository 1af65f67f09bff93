/*
 * The loop of validation: batch -> decode -> facts in one query -> decide -> one transaction ->
 * publish -> commit offsets. Crash-only: the offsets that were not committed are the recovery plan.
 *
 * A failure that will pass (RETRY, and what would be unfit at the start: CONFIG) is tried again for
 * as long as it lasts, without committing. One that will not (REJECT) splits the batch in halves
 * down to the single row, which goes to the dead-letter topic. Anything else ends the process; the
 * supervisor starts a new one.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/kafka.h"
#include "runtime/crash.h"
#include "runtime/event.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/progress.h"
#include "runtime/reading.h"
#include "runtime/service.h"
#include "runtime/work.h"
#include "services/validation/config.h"
#include "services/validation/decode.h"
#include "services/validation/publish.h"
#include "services/validation/service.h"
#include "services/validation/store_pg.h"

enum {
    POLL_MS = 250,
    STATEMENT_TIMEOUT_MS = 30000,
    RETRY_MIN_MS = 20,
    RETRY_MAX_MS = 1000,
    CONFLICT_TRIES = 5, /* lost races are repeated so often before the batch is split */
    CAMPAIGNS_MAX_AGE_MS = 1000,
    ARENA_KEEP = 32 * 1024 * 1024, /* a full batch of ordinary submissions takes 12 MiB */
    SILENCE_MS_MAX = 90000,        /* a statement may take 30 s, its connection 10 s more */
};

struct validation {
    const struct validation_conf *conf;
    struct runtime *runtime;
    struct pg *pg;
    struct store *store;
    struct sealer *sealer;
    struct arena *arena;
    struct campaigns *campaigns;
    uint64_t campaigns_loaded_ns;
    struct kafka_consumer *consumer;
    struct publisher *publisher;
    struct pulse *pulse;
    uint64_t lag_told_ns;
};

static unsigned
backoff_ms(unsigned tries)
{
    unsigned wait_ms = tries < 6 ? (unsigned)RETRY_MIN_MS << tries : RETRY_MAX_MS;
    return wait_ms < RETRY_MAX_MS ? wait_ms : RETRY_MAX_MS;
}

/* Before the same again: tells why, and waits longer each time. */
static void
back_off(struct validation *validation, const char *stage, unsigned tries, const struct err *err)
{
    unsigned wait_ms = backoff_ms(tries);
    metric_count(METRIC_sy_retries_total, stage, err_class_name(err_class(err->code)));
    work_retry(stage, err, wait_ms);
    reading_tell_lag(validation->consumer, validation->conf->group, TOPIC_SUBMISSION_RECEIVED,
                     &validation->lag_told_ns);
    progress_beat(validation->pulse);
    clock_pause_ms(wait_ms);
}

static void
observe_stage(const char *stage, uint64_t *since_ns)
{
    uint64_t now_ns = clock_mono_ns();
    metric_observe(METRIC_sy_batch_duration_seconds, (double)(now_ns - *since_ns) / 1e9, stage,
                   NULL, NULL);
    *since_ns = now_ns;
}

/* --- storing --- */

/* What was judged under facts that no longer hold is judged anew. */
static void
items_reopen(struct item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (items[i].state != ITEM_DEAD)
            items[i].state = ITEM_DECODED;
}

static enum err_code
store_once(struct validation *validation, struct item *items, size_t count, struct err *err)
{
    uint64_t since_ns = clock_mono_ns();
    struct arena_mark mark = arena_mark(validation->arena);
    items_reopen(items, count);
    enum err_code code = pg_begin_snapshot(validation->pg, err);
    if (code)
        return code;
    code = store_facts(validation->store, items, count, validation->arena, err);
    observe_stage("facts", &since_ns);
    if (code == ERR_OK) {
        items_judge(items, count, clock_now_ms(), validation->arena);
        observe_stage("decide", &since_ns);
        code = store_judgements(validation->store, items, count, validation->arena, err);
    }
    crash_at(CRASH_INSERTED);
    if (code)
        pg_rollback(validation->pg);
    else
        code = pg_commit(validation->pg, err);
    if (code) /* it is tried for as long as it takes: with what it took before */
        arena_rewind(validation->arena, mark);
    observe_stage("store", &since_ns);
    return code;
}

/* Also what would have kept this process from starting: a right that was taken away, a table that
 * is being changed. It was fit when it started, an operator mends it, and an end would mend
 * nothing: who finds itself unfit at its start is not started again. */
static bool
may_pass(enum err_code code)
{
    return err_class(code) == ERR_CLASS_RETRY || code == ERR_CONFIG;
}

/* Is the same worth trying again? A duplicate key is a lost race against another copy, which the
 * next look at the facts shows; a batch that loses again and again is split, and so is one that
 * takes longer than a statement may. A single submission is never given up for a deadlock, a lock
 * or its time: those pass, and it was acknowledged. */
static bool
store_again(enum err_code code, size_t count, unsigned races)
{
    if (code == ERR_DUPLICATE || (count > 1 && (code == ERR_CONFLICT || code == ERR_TIMEOUT)))
        return races < CONFLICT_TRIES;
    return may_pass(code);
}

static enum err_code
store_patiently(struct validation *validation, struct item *items, size_t count, struct err *err)
{
    unsigned races = 0;
    for (unsigned tries = 0; !service_stopping(); tries++) {
        enum err_code code = store_once(validation, items, count, err);
        if (code == ERR_OK)
            return ERR_OK;
        races += code == ERR_CONFLICT || code == ERR_DUPLICATE || code == ERR_TIMEOUT;
        if (!store_again(code, count, races))
            return code;
        if (tries % 10 == 0)
            log_failure(LOG_WARN, "batch not stored, trying again", err);
        back_off(validation, "store", tries, err);
    }
    return ERR(err, ERR_UNAVAILABLE, "stopped while the store was away");
}

/* Stores a batch, in halves when it is refused as a whole. */
static enum err_code
store_batch(struct validation *validation, struct item *items, size_t count, struct err *err)
{
    enum err_code code = store_patiently(validation, items, count, err);
    if (code == ERR_OK || service_stopping() || err_class(code) == ERR_CLASS_FATAL)
        return code;
    if (count == 1) {
        log_failure(LOG_ERROR, "submission refused by the store", err);
        item_bury(&items[0], DEAD_STORE, err_name(code));
        return ERR_OK;
    }
    size_t half = count / 2;
    code = store_batch(validation, items, half, err);
    return code ? code : store_batch(validation, items + half, count - half, err);
}

/* --- publishing --- */

static enum err_code
publish_batch(struct validation *validation, const struct kafka_batch *batch,
              const struct item *items, struct err *err)
{
    /* Outlives this function's failures: late reports may still write to it. */
    bool *delivered = arena_alloc(validation->arena, kafka_batch_count(batch));
    for (unsigned tries = 0; !service_stopping(); tries++) {
        enum err_code code = publisher_send(validation->publisher, batch, items, delivered, err);
        if (code == ERR_OK || !may_pass(code))
            return code;
        log_failure(LOG_WARN, "judgements not published, trying again", err);
        back_off(validation, "publish", tries, err);
    }
    return ERR(err, ERR_UNAVAILABLE, "stopped while kafka was away");
}

/* --- a batch's whole life --- */

static enum err_code
campaigns_fresh(struct validation *validation, struct err *err)
{
    uint64_t age_ms = (clock_mono_ns() - validation->campaigns_loaded_ns) / 1000000;
    if (validation->campaigns_loaded_ns && age_ms < CAMPAIGNS_MAX_AGE_MS)
        return ERR_OK;
    for (unsigned tries = 0; !service_stopping(); tries++) {
        enum err_code code =
            campaigns_load(validation->campaigns, validation->pg, store_campaigns_statement, err);
        if (code == ERR_OK && validation->campaigns_loaded_ns == 0)
            code = store_rules(validation->store, err); /* what judgements of this build refer to */
        if (code == ERR_OK) {
            validation->campaigns_loaded_ns = clock_mono_ns();
            return ERR_OK;
        }
        if (!may_pass(code))
            return code;
        if (tries % 10 == 0)
            log_failure(LOG_WARN, "campaigns not loaded, trying again", err);
        back_off(validation, "campaigns", tries, err);
    }
    return ERR(err, ERR_UNAVAILABLE, "stopped while the store was away");
}

/* A campaign that was made a moment ago may be known to the copy of intake that took a submission
 * for it, and not here: the list is asked for anew, once, before such a one is buried. The list of
 * before is still held, and what was decoded with it stays. */
static enum err_code
decode_missed(struct validation *validation, const struct kafka_batch *batch, struct item *items,
              const struct campaign_list **ret_newer, struct err *err)
{
    size_t count = kafka_batch_count(batch);
    for (size_t i = 0; i < count; i++) {
        bool missed =
            items[i].state == ITEM_DEAD && items[i].reason == dead_reason_word(DEAD_CAMPAIGN);
        if (!missed)
            continue;
        if (*ret_newer == NULL) {
            validation->campaigns_loaded_ns = 0;
            enum err_code code = campaigns_fresh(validation, err);
            if (code)
                return code;
            *ret_newer = campaigns_acquire(validation->campaigns);
        }
        item_decode(kafka_batch_record(batch, i), *ret_newer, validation->sealer, validation->arena,
                    &items[i]);
    }
    return ERR_OK;
}

static void
count_items(const struct item *items, size_t count)
{
    log_hold();
    for (size_t i = 0; i < count; i++) {
        if (items[i].state == ITEM_JUDGED)
            metric_count(METRIC_sy_judgements_total, items[i].accepted ? "accepted" : "rejected");
        else if (items[i].state == ITEM_REPEATED)
            metric_count(METRIC_sy_judgements_total, "repeated");
        else
            log_event(LOG_WARN, "message moved to the dead-letter topic",
                      LOG_TEXT("reason", items[i].reason), LOG_TEXT("error", items[i].text),
                      LOG_INT("partition", items[i].partition), LOG_INT("offset", items[i].offset));
        if (items[i].state == ITEM_JUDGED && log_enabled(LOG_DEBUG) && items[i].traceparent.len) {
            log_trace_set((struct str){items[i].traceparent.ptr + 3, TRACE_ID_LENGTH});
            log_event(LOG_DEBUG, "judged", LOG_STR("submission_id", items[i].message.submission_id),
                      LOG_TEXT("outcome", items[i].accepted ? "accepted" : "rejected"),
                      LOG_INT("revision", items[i].revision));
            log_trace_set(STR_NONE);
        }
    }
    log_release();
}

static enum err_code
batch_process(struct validation *validation, const struct kafka_batch *batch, struct err *err)
{
    size_t count = kafka_batch_count(batch);
    struct item *items = arena_alloc(validation->arena, count * sizeof *items);
    uint64_t since_ns = clock_mono_ns();
    enum err_code code = campaigns_fresh(validation, err);
    if (code)
        return code;
    const struct campaign_list *campaigns = campaigns_acquire(validation->campaigns);
    for (size_t i = 0; i < count; i++)
        item_decode(kafka_batch_record(batch, i), campaigns, validation->sealer, validation->arena,
                    &items[i]);
    const struct campaign_list *newer = NULL;
    code = decode_missed(validation, batch, items, &newer, err);
    observe_stage("decode", &since_ns);
    crash_at(CRASH_DECODED);
    if (code == ERR_OK)
        code = store_batch(validation, items, count, err);
    crash_at(CRASH_STORED);
    since_ns = clock_mono_ns();
    if (code == ERR_OK)
        code = publish_batch(validation, batch, items, err);
    crash_at(CRASH_PUBLISHED);
    observe_stage("publish", &since_ns);
    campaigns_release(validation->campaigns, newer);
    campaigns_release(validation->campaigns, campaigns);
    if (code)
        return code;
    count_items(items, count);
    code = kafka_consumer_commit(validation->consumer, batch, err);
    crash_at(CRASH_COMMITTED);
    observe_stage("commit", &since_ns);
    if (code) { /* what is not committed comes again and is recognised */
        log_failure(LOG_WARN, "offsets not committed", err);
        metric_count(METRIC_sy_retries_total, "commit", err_class_name(err_class(code)));
    }
    return ERR_OK;
}

static enum err_code
validation_loop(void *service, struct err *err)
{
    struct validation *validation = service;
    struct err trouble = {0};
    if (publisher_warm(validation->publisher, &trouble))
        log_failure(LOG_WARN, "kafka is not there yet", &trouble);
    while (!service_stopping()) {
        struct kafka_batch *batch = NULL;
        progress_beat(validation->pulse);
        enum err_code code =
            kafka_consumer_poll(validation->consumer, validation->conf->batch_max, POLL_MS,
                                (unsigned)validation->conf->batch_fill_ms, &batch, err);
        if (code)
            return code;
        size_t count = kafka_batch_count(batch);
        if (count) {
            metric_observe(METRIC_sy_batch_size, (double)count, NULL, NULL, NULL);
            reading_tell_batch(batch, TOPIC_SUBMISSION_RECEIVED);
            code = batch_process(validation, batch, err);
            work_end();
        }
        kafka_batch_free(batch);
        reading_tell_lag(validation->consumer, validation->conf->group, TOPIC_SUBMISSION_RECEIVED,
                         &validation->lag_told_ns);
        if (code) /* stopping is no failure: the next start takes the batch up again */
            return service_stopping() && err_class(code) == ERR_CLASS_RETRY ? ERR_OK : code;
        arena_reset(validation->arena);
    }
    return ERR_OK;
}

/* --- wiring --- */

static void
on_kafka_log(int level, const char *text, void *ctx)
{
    (void)ctx;
    if (level <= 4) /* warnings and worse, in syslog's numbers */
        log_event(LOG_WARN, "kafka", LOG_TEXT("text", text));
}

static void
validation_stop(void *service)
{
    struct validation *validation = service;
    kafka_consumer_close(validation->consumer);
    publisher_close(validation->publisher);
    campaigns_free(validation->campaigns);
    store_free(validation->store);
    sealer_free(validation->sealer);
    pg_free(validation->pg);
    arena_free(validation->arena);
    free(validation);
}

static enum err_code
kafka_open(struct validation *validation, struct err *err)
{
    static const char *const topics[] = {TOPIC_SUBMISSION_RECEIVED, NULL};
    const struct runtime_conf *conf = &validation->conf->runtime;
    const struct kafka_consumer_conf consumer = {
        .bootstrap = conf->kafka_bootstrap,
        .client_id = conf->instance,
        .group = validation->conf->group,
        .topics = topics,
        .session_timeout_ms = (unsigned)validation->conf->session_timeout_ms,
        .max_poll_interval_ms = (unsigned)validation->conf->max_poll_interval_ms,
        .on_jump = event_offset_jump,
        .on_log = on_kafka_log,
        .ctx = validation,
    };
    enum err_code code = publisher_open(conf, validation->pulse, &validation->publisher, err);
    return code ? code : kafka_consumer_open(&consumer, &validation->consumer, err);
}

static enum err_code
validation_start(struct runtime *runtime, const void *conf, void **ret_service, struct err *err)
{
    struct validation *validation = mem_zalloc(sizeof *validation);
    validation->conf = conf;
    validation->runtime = runtime;
    validation->pulse = progress_add("judging", SILENCE_MS_MAX);
    validation->arena = arena_new_keeping(4u * LIMIT_BATCH_ARENA, ARENA_KEEP);
    validation->sealer = sealer_new(runtime->keyring);
    validation->campaigns = campaigns_new();
    validation->pg = pg_new(&(struct pg_conf){runtime->conf->pg_dsn, runtime->conf->instance,
                                              STATEMENT_TIMEOUT_MS, PG_BY_KEY});
    validation->store = store_new(validation->pg, validation->sealer);
    enum err_code code = kafka_open(validation, err);
    if (code) {
        validation_stop(validation);
        return code;
    }
    health_add(runtime->health, "postgres", service_check_pg, (void *)(uintptr_t)runtime->conf);
    health_add(runtime->health, "kafka", service_check_kafka, (void *)(uintptr_t)runtime->conf);
    *ret_service = validation;
    return ERR_OK;
}

const struct service validation_service = {
    .program = &validation_program,
    .start = validation_start,
    .loop = validation_loop,
    .stop = validation_stop,
};
