#include "services/intake/service.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/progress.h"
#include "schema/submission_event.h"
#include "services/intake/refill.h"
#include "services/intake/status.h"

enum {
    HOUSEKEEPING_MS = 200,
    CAMPAIGNS_EVERY = 10, /* turns: 2 s */
    TEND_EVERY = 5,       /* turns: 1 s */
    WAITING_LONG_MS = 3000,
    STATEMENT_TIMEOUT_MS = 3000,
    READER_POLL_MS = 200,
    READER_BATCH = 500,
    WARM_TIMEOUT_MS = 2000,
    SILENCE_MS_MAX = 60000,
};

/* clang-format off */
static const struct api_route routes[] = {
    {HTTP_GET,  "/api/v1/form",                    API_SESSION, false, form_get,          NULL},
    {HTTP_GET,  "/api/v1/codes/{table}",           API_SESSION, false, codes_get,         NULL},
    {HTTP_GET,  "/api/v1/draft",                   API_SESSION, false, draft_get,         NULL},
    {HTTP_PUT,  "/api/v1/draft",                   API_SESSION, true,  draft_put,         NULL},
    {HTTP_POST, "/api/v1/submissions",             API_SESSION, true,  NULL,              submissions_post},
    {HTTP_GET,  "/api/v1/submissions/{id}",        API_SESSION, false, submission_get,    NULL},
    {HTTP_GET,  "/api/v1/submissions/{id}/events", API_SESSION, false, submission_events, NULL},
};
/* clang-format on */

struct intake_process {
    struct intake intake; /* first */
    pthread_t reader;
    bool reader_started;
};

/* --- telling those who wait, as judgements arrive --- */

static void
tell_judged(struct intake *intake, const struct kafka_record *record, struct arena *arena)
{
    struct err err = {0};
    struct submission_judged judged;
    struct buf state;
    if (record->tombstone || submission_judged_decode(record->value, arena, &judged, &err))
        return; /* validation's own topic: what is broken there is not ours to repair */
    buf_init(&state, LIMIT_HTTP_ANSWER);
    state_write_judged(judged.submission_id, judged.outcome, judged.revision, judged.judged_at_ms,
                       judged.findings, &state);
    streams_judged(intake->streams, judged.submission_id, buf_str(&state));
    buf_done(&state);
}

static enum err_code
reader_turn(struct intake *intake, struct kafka_consumer *consumer, struct arena *arena,
            struct err *err)
{
    struct kafka_batch *batch = NULL;
    enum err_code code =
        kafka_consumer_poll(consumer, READER_BATCH, READER_POLL_MS, 1, &batch, err);
    if (code)
        return code;
    /* Nobody waits: nothing to decode. */
    bool wanted = streams_count(intake->streams) > 0;
    for (size_t i = 0; wanted && i < kafka_batch_count(batch); i++) {
        arena_reset(arena);
        tell_judged(intake, kafka_batch_record(batch, i), arena);
    }
    kafka_batch_free(batch);
    return ERR_OK;
}

static void *
reader_thread(void *arg)
{
    static const char *const topics[] = {TOPIC_SUBMISSION_JUDGED, NULL};
    struct intake *intake = arg;
    struct arena *arena = arena_new(LIMIT_BATCH_ARENA);
    struct pulse *pulse = progress_add("reading judgements", SILENCE_MS_MAX);
    while (!service_stopping()) {
        struct err err = {0};
        progress_beat(pulse);
        struct kafka_consumer *consumer = NULL;
        const struct kafka_consumer_conf conf = {
            .bootstrap = intake->conf->runtime.kafka_bootstrap,
            .client_id = intake->conf->runtime.instance,
            .topics = topics,
            .session_timeout_ms = 10000,
        };
        enum err_code code = kafka_consumer_open(&conf, &consumer, &err);
        while (code == ERR_OK && !service_stopping()) {
            progress_beat(pulse);
            code = reader_turn(intake, consumer, arena, &err);
        }
        kafka_consumer_close(consumer);
        if (code) {
            log_failure(LOG_WARN, "judgements cannot be read now", &err);
            clock_pause_ms(READER_POLL_MS);
        }
    }
    progress_rest(pulse);
    arena_free(arena);
    return NULL;
}

/* --- housekeeping on the main thread --- */

/* Logs a failure when it begins, not at every turn. */
static void
note(const char *what, enum err_code code, const struct err *err, bool *failing)
{
    if (code && !*failing)
        log_failure(LOG_WARN, what, err);
    *failing = code != ERR_OK;
}

static void
ask_for_waiting(struct intake *intake)
{
    char ids[STREAMS_ASK_MAX][40];
    size_t count = streams_waiting(intake->streams, WAITING_LONG_MS, ids, STREAMS_ASK_MAX);
    if (count && streams_tell_judged(intake, intake->pg, ids, count))
        return; /* asked again at the next turn */
}

/* From here on students are served. Not before the campaigns are known: until then other copies do
 * it, or the edge asks to come back. Which keys were used need not be known: each turn of
 * submissions asks Redis' marks, and everything else has nothing to do with it. */
static enum err_code
serve(struct intake *intake, struct err *err)
{
    struct err trouble = {0};
    const struct api_conf api = {
        .runtime = intake->runtime->conf,
        .needs = NEED_PG | NEED_REDIS,
        .keyring = intake->runtime->keyring,
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .service = intake,
        .pg_statement_timeout_ms = STATEMENT_TIMEOUT_MS,
    };
    if (kafka_producer_warm(intake->producer, TOPIC_SUBMISSION_RECEIVED, WARM_TIMEOUT_MS, &trouble))
        log_failure(LOG_WARN, "kafka is not there yet", &trouble);
    enum err_code code = api_open(&api, &intake->api, err);
    atomic_store(&intake->serving, code == ERR_OK);
    return code;
}

static enum err_code
intake_loop(void *service, struct err *err)
{
    struct intake *intake = service;
    bool campaigns_failing = false;
    bool refill_failing = false;
    bool more = false;
    enum err_code code = ERR_OK;
    for (unsigned turn = 0; code == ERR_OK && !service_stopping(); turn++) {
        struct err trouble = {0};
        progress_beat(intake->pulse);
        if (turn % CAMPAIGNS_EVERY == 0 || intake->api == NULL)
            note("campaigns not loaded",
                 campaigns_load(intake->campaigns, intake->pg, store_campaigns_statement, &trouble),
                 &trouble, &campaigns_failing);
        if (intake->api == NULL && !campaigns_failing)
            code = serve(intake, err);
        note("fingerprints not refilled", fingerprints_refill(intake, &more, &trouble), &trouble,
             &refill_failing);
        metric_set(METRIC_sy_kafka_producer_queue, (double)kafka_producer_pending(intake->producer),
                   NULL, NULL, NULL);
        if (turn % TEND_EVERY == 0) {
            streams_tend(intake->streams);
            ask_for_waiting(intake);
            metric_set(METRIC_sy_kafka_producer_replaced_total,
                       (double)kafka_producer_replaced(intake->producer), NULL, NULL, NULL);
        }
        if (!more) /* a piece of the filling takes about as long */
            clock_pause_ms(HOUSEKEEPING_MS);
    }
    return code;
}

static enum err_code
check_campaigns(void *ctx, struct err *err)
{
    struct intake *intake = ctx;
    const struct campaign_list *list = campaigns_acquire(intake->campaigns);
    bool loaded = list != NULL;
    campaigns_release(intake->campaigns, list);
    return loaded ? ERR_OK : ERR(err, ERR_UNAVAILABLE, "campaigns are not loaded yet");
}

static enum err_code
check_serving(void *ctx, struct err *err)
{
    struct intake *intake = ctx;
    return atomic_load(&intake->serving)
               ? ERR_OK
               : ERR(err, ERR_UNAVAILABLE, "the port for students is not open yet");
}

static enum err_code
check_keys(void *ctx, struct err *err)
{
    struct intake *intake = ctx;
    return atomic_load(&intake->keys_known)
               ? ERR_OK
               : ERR(err, ERR_UNAVAILABLE, "which keys were used is not in Redis yet");
}

static void
intake_stop(void *service)
{
    struct intake_process *process = service;
    struct intake *intake = &process->intake;
    /* Kept connections may bring a call until the end: no handler may be there to meet what is
     * gone. Streams and calls that wait for Kafka end then, so that the server has nothing open
     * when it closes. */
    api_stop(intake->api);
    streams_free(TAKE(intake->streams));
    kafka_producer_close(intake->producer);
    api_close(intake->api);
    allowance_free(intake->allowance);
    campaigns_free(intake->campaigns);
    redis_free(intake->redis);
    pg_free(intake->pg);
    refill_free(intake->refill);
    arena_free(intake->arena);
    free(process);
}

static unsigned
left_ms(uint64_t begin_ns, unsigned timeout_ms)
{
    uint64_t taken_ms = (clock_mono_ns() - begin_ns) / 1000000;
    return taken_ms < timeout_ms ? timeout_ms - (unsigned)taken_ms : 0;
}

static void
intake_drain(void *service, unsigned timeout_ms)
{
    struct intake_process *process = service;
    struct err err = {0};
    /* One deadline for all of it: the service manager's patience is little more. */
    uint64_t begin_ns = clock_mono_ns();
    if (process->reader_started)
        (void)pthread_join(process->reader, NULL);
    process->reader_started = false;
    if (process->intake.api)
        api_drain(process->intake.api, left_ms(begin_ns, timeout_ms));
    if (kafka_producer_flush(process->intake.producer, left_ms(begin_ns, timeout_ms), &err))
        log_failure(LOG_WARN, "stopping with messages under way", &err);
}

static enum err_code
connections_open(struct intake *intake, struct err *err)
{
    const struct runtime_conf *conf = &intake->conf->runtime;
    intake->pg =
        pg_new(&(struct pg_conf){conf->pg_dsn, conf->instance, STATEMENT_TIMEOUT_MS, PG_BY_KEY});
    const struct kafka_producer_conf producer = {
        .bootstrap = conf->kafka_bootstrap,
        .client_id = conf->instance,
        .linger_ms = (unsigned)intake->conf->linger_ms,
        .delivery_timeout_ms = (unsigned)intake->conf->delivery_timeout_ms,
        .queue_messages_max = (unsigned)intake->conf->producer_queue,
        .on_delivered = submission_delivered,
        .ctx = intake,
    };
    enum err_code code = redis_new(
        &(struct redis_conf){conf->redis_url, conf->redis_password_file, REDIS_TIMEOUT_MS},
        &intake->redis, err);
    return code ? code : kafka_producer_open(&producer, &intake->producer, err);
}

static enum err_code
intake_start(struct runtime *runtime, const void *conf, void **ret_service, struct err *err)
{
    struct intake_process *process = mem_zalloc(sizeof *process);
    struct intake *intake = &process->intake;
    intake->conf = conf;
    intake->runtime = runtime;
    intake->pulse = progress_add("housekeeping", SILENCE_MS_MAX);
    metric_set(METRIC_sy_kafka_producer_queue_max, (double)intake->conf->producer_queue, NULL, NULL,
               NULL);
    intake->campaigns = campaigns_new();
    intake->refill = refill_new();
    intake->streams = streams_new(intake->conf->streams_max);
    if (intake->conf->new_a_day)
        intake->allowance = allowance_new((unsigned)intake->conf->new_a_day);
    intake->arena = arena_new(LIMIT_BATCH_ARENA);
    enum err_code code = connections_open(intake, err);
    if (code) {
        intake_stop(process);
        return code;
    }
    health_add(runtime->health, "postgres", service_check_pg, (void *)(uintptr_t)runtime->conf);
    health_add(runtime->health, "redis", service_check_redis, (void *)(uintptr_t)runtime->conf);
    health_add(runtime->health, "kafka", service_check_kafka, (void *)(uintptr_t)runtime->conf);
    health_add(runtime->health, "campaigns", check_campaigns, intake);
    health_add(runtime->health, "used-keys", check_keys, intake);
    health_add(runtime->health, "serving", check_serving, intake);
    if (pthread_create(&process->reader, NULL, reader_thread, intake) != 0)
        abort();
    process->reader_started = true;
    *ret_service = process;
    return ERR_OK;
}

const struct service intake_service = {
    .program = &intake_program,
    .routes = routes,
    .route_count = sizeof routes / sizeof routes[0],
    .start = intake_start,
    .loop = intake_loop,
    .drain = intake_drain,
    .stop = intake_stop,
};
