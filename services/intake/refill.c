/*
 * Fills Redis with the fingerprints of used keys when it has lost them: first of what nobody has
 * judged (the dead letters, and what waits in the topic), then of what is in the record. Two marks
 * tell how far that is; they hold for the memory in which the filling began, and for no later one.
 *
 * What a copy remembered in the memory that was lost may still be on its way to Kafka: where the
 * topic ends is asked only when all that has been reported. A turn does a piece of the work; what
 * failed goes on from where it was.
 */
#include "services/intake/refill.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "runtime/log.h"
#include "runtime/progress.h"
#include "schema/submission_event.h"
#include "services/intake/service.h"

enum { REFILL_BATCH = 500, TOPIC_TIMEOUT_MS = 5000, TURN_MS = 200 };
#define VALIDATION_GROUP "validation"
#define DEAD_LETTERS TOPIC_SUBMISSION_RECEIVED ".dlq"
#define FIRST_ID "00000000-0000-0000-0000-000000000000"

struct refill {
    /* How far it is, in one life of Redis' memory: */
    char life[SUBMISSION_ID_SIZE];
    uint64_t seen_ns; /* when this copy first saw it */
    bool in_flight;   /* something may be: the topic was used before */
    bool in_flight_known;
    char after[SUBMISSION_ID_SIZE]; /* the last id of the record that is in Redis */
    size_t total;
    /* What is to be set, until there is enough for a round trip. */
    struct arena *arena; /* of one message */
    struct redis_command commands[REFILL_BATCH];
    size_t count;
    enum err_code code;
    /* Of a turn: */
    struct intake *intake;
    struct err *err;
};

struct refill *
refill_new(void)
{
    struct refill *refill = mem_zalloc(sizeof *refill);
    refill->arena = arena_new(LIMIT_BATCH_ARENA);
    return refill;
}

void
refill_free(struct refill *refill)
{
    if (refill == NULL)
        return;
    arena_free(refill->arena);
    free(refill);
}

static enum err_code
refill_flush(struct refill *refill)
{
    static struct redis_value values[REFILL_BATCH];
    struct intake *intake = refill->intake;
    enum err_code code = refill->count
                             ? redis_pipeline(intake->redis, refill->commands, refill->count,
                                              intake->arena, values, refill->err)
                             : ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < refill->count; i++)
        if (values[i].type == REDIS_ERROR) /* memory is full, say: not all of them are known then */
            code = ERR(refill->err, ERR_UNAVAILABLE, "redis does not take a key: %.*s",
                       STR_ARG(values[i].text));
    refill->total += refill->count;
    refill->count = 0;
    arena_reset(intake->arena);
    progress_beat(intake->pulse);
    return code;
}

/* Topic and record decide, not what a refused call has left meanwhile: no NX. */
static enum err_code
refill_add(struct refill *refill, struct str submission_id, struct str body_index)
{
    struct arena *arena = refill->intake->arena;
    refill->commands[refill->count++] = REDIS_COMMAND(
        STR("SET"), arena_printf(arena, "idem:%.*s", STR_ARG(submission_id)),
        arena_copy(arena, body_index), STR("EX"), arena_printf(arena, "%d", IDEM_KEEP_S));
    return refill->count == REFILL_BATCH ? refill_flush(refill) : ERR_OK;
}

/* --- what nobody has judged --- */

static bool
add_message(const struct kafka_record *record, void *ctx)
{
    struct refill *refill = ctx;
    struct submission_received message;
    struct err bad = {0};
    arena_reset(refill->arena);
    progress_beat(refill->intake->pulse);
    if (submission_received_decode(record->value, refill->arena, &message, &bad))
        return true; /* validation will bury it, or has */
    refill->code = refill_add(refill, message.submission_id, message.body_index);
    return refill->code == ERR_OK && !service_stopping();
}

/* One that was buried because its key was used before says nothing about the key. */
static bool
add_dead_letter(const struct kafka_record *record, void *ctx)
{
    return str_eq_text(kafka_record_header(record, "dlq_reason"), DEAD_KEY_CONFLICT) ||
           add_message(record, ctx);
}

static enum err_code
read_ranges(struct refill *refill, const char *topic, const struct kafka_range *ranges,
            size_t count, bool (*each)(const struct kafka_record *record, void *ctx))
{
    const char *bootstrap = refill->intake->conf->runtime.kafka_bootstrap;
    refill->code = ERR_OK;
    enum err_code code = kafka_read_ranges(bootstrap, topic, ranges, count, TOPIC_TIMEOUT_MS, each,
                                           refill, refill->err);
    code = code ? code : refill->code;
    return code ? code : refill_flush(refill);
}

/* Dead letters first: of the same key the topic knows better. Their end is asked for after the
 * committed offsets, so that what is buried meanwhile is in one of the two. */
static enum err_code
refill_from_topics(struct refill *refill)
{
    static struct kafka_range waiting[KAFKA_PARTITIONS_MAX];
    static struct kafka_range dead[KAFKA_PARTITIONS_MAX];
    const char *bootstrap = refill->intake->conf->runtime.kafka_bootstrap;
    size_t waiting_count = 0;
    size_t dead_count = 0;
    enum err_code code = kafka_topic_ranges(bootstrap, TOPIC_SUBMISSION_RECEIVED, VALIDATION_GROUP,
                                            TOPIC_TIMEOUT_MS, waiting, &waiting_count, refill->err);
    if (code == ERR_OK)
        code = kafka_topic_ranges(bootstrap, DEAD_LETTERS, NULL, TOPIC_TIMEOUT_MS, dead,
                                  &dead_count, refill->err);
    if (code)
        return code;
    for (size_t i = 0; i < waiting_count; i++) /* anything before is in the record, or dead */
        if (waiting[i].committed > waiting[i].begin)
            waiting[i].begin = waiting[i].committed;
    refill->total = 0;
    code = read_ranges(refill, DEAD_LETTERS, dead, dead_count, add_dead_letter);
    return code ? code
                : read_ranges(refill, TOPIC_SUBMISSION_RECEIVED, waiting, waiting_count,
                              add_message);
}

/* How long a submission of any copy may be on its way to Kafka: each tells in the new memory, and
 * the longest stays there. */
static enum err_code
patience_ask(struct intake *intake, uint64_t *ret_ms, struct err *err)
{
    struct redis_value value;
    uint64_t told = 0;
    uint64_t own = intake->conf->delivery_timeout_ms;
    enum err_code code = redis_call(intake->redis, &REDIS_COMMAND(STR("GET"), IDEM_PATIENCE_KEY),
                                    intake->arena, &value, err);
    if (code == ERR_OK && value.type == REDIS_STR)
        (void)str_to_u64(value.text, UINT32_MAX, &told);
    if (code == ERR_OK && told < own)
        code = redis_call(intake->redis,
                          &REDIS_COMMAND(STR("SET"), IDEM_PATIENCE_KEY,
                                         arena_printf(intake->arena, "%" PRIu64, own)),
                          intake->arena, &value, err);
    *ret_ms = told > own ? told : own;
    arena_reset(intake->arena);
    return code;
}

/* Nothing was ever acknowledged while the topic has never had a message. */
static enum err_code
ask_topic_used(struct refill *refill)
{
    static struct kafka_range ranges[KAFKA_PARTITIONS_MAX];
    size_t count = 0;
    enum err_code code =
        kafka_topic_ranges(refill->intake->conf->runtime.kafka_bootstrap, TOPIC_SUBMISSION_RECEIVED,
                           NULL, TOPIC_TIMEOUT_MS, ranges, &count, refill->err);
    if (code)
        return code;
    refill->in_flight = false;
    for (size_t i = 0; i < count; i++)
        refill->in_flight = refill->in_flight || ranges[i].end > 0;
    refill->in_flight_known = true;
    if (refill->in_flight)
        log_event(LOG_WARN, "Redis has lost its memory: no new submission is taken for a while",
                  LOG_TEXT("until_there", TOPIC_SUBMISSION_RECEIVED));
    return ERR_OK;
}

/* Whether all that was remembered in the memory before has been reported. */
static enum err_code
ask_settled(struct refill *refill, bool *ret_settled)
{
    uint64_t patience_ms = 0;
    enum err_code code = patience_ask(refill->intake, &patience_ms, refill->err);
    if (code == ERR_OK && !refill->in_flight_known)
        code = ask_topic_used(refill);
    uint64_t seen_ms = (clock_mono_ns() - refill->seen_ns) / 1000000;
    *ret_settled = code == ERR_OK && (!refill->in_flight || seen_ms > patience_ms + IN_FLIGHT_MS);
    return code;
}

/* --- what was judged --- */

static enum err_code
refill_from_record(struct refill *refill, bool *ret_done)
{
    uint64_t begin_ns = clock_mono_ns();
    struct intake *intake = refill->intake;
    do {
        CLEANUP(pg_result_free) struct pg_result *rows = NULL;
        enum err_code code =
            store_fingerprints(intake->pg, str_of(refill->after), &rows, refill->err);
        size_t count = code ? 0 : pg_rows(rows);
        for (size_t i = 0; code == ERR_OK && i < count; i++)
            code = refill_add(refill, pg_str(rows, i, 0), pg_str(rows, i, 1));
        if (code == ERR_OK)
            code = refill_flush(refill);
        *ret_done = code == ERR_OK && count == 0;
        if (code || count == 0)
            return code;
        (void)snprintf(refill->after, sizeof refill->after, "%.*s",
                       STR_ARG(pg_str(rows, count - 1, 0)));
    } while (!service_stopping() && clock_mono_ns() - begin_ns < (uint64_t)TURN_MS * 1000000);
    return ERR_OK;
}

/* --- the marks --- */

/* The life of Redis' memory, begun here if nobody has yet; and which marks were set in it. */
static enum err_code
marks_get(struct intake *intake, char life[SUBMISSION_ID_SIZE], bool *ret_ready, bool *ret_waiting,
          struct err *err)
{
    struct redis_value values[3];
    uuid_random(life);
    const struct redis_command commands[] = {
        REDIS_COMMAND(STR("SET"), IDEM_LIFE_KEY, str_of(life), STR("NX"), STR("GET")),
        REDIS_COMMAND(STR("GET"), IDEM_READY_KEY),
        REDIS_COMMAND(STR("GET"), IDEM_WAITING_KEY),
    };
    enum err_code code = redis_pipeline(intake->redis, commands, 3, intake->arena, values, err);
    for (size_t i = 0; code == ERR_OK && i < 3; i++)
        if (values[i].type == REDIS_ERROR)
            code = ERR(err, ERR_UNAVAILABLE, "redis answered: %.*s", STR_ARG(values[i].text));
    if (code == ERR_OK && values[0].type == REDIS_STR)
        (void)snprintf(life, SUBMISSION_ID_SIZE, "%.*s", STR_ARG(values[0].text));
    *ret_ready = code == ERR_OK && str_eq_text(values[1].text, life);
    *ret_waiting = code == ERR_OK && str_eq_text(values[2].text, life);
    arena_reset(intake->arena);
    return code;
}

static enum err_code
mark_set(struct refill *refill, struct str key, const char *what)
{
    struct intake *intake = refill->intake;
    struct redis_value value;
    enum err_code code =
        redis_call(intake->redis, &REDIS_COMMAND(STR("SET"), key, str_of(refill->life)),
                   intake->arena, &value, refill->err);
    arena_reset(intake->arena);
    if (code == ERR_OK)
        log_event(LOG_INFO, "fingerprints are in Redis", LOG_TEXT("of", what),
                  LOG_INT("count", refill->total));
    return code;
}

/* Of a life that was not seen before nothing is known. */
static void
turn_begin(struct refill *refill, struct intake *intake, const char *life, struct err *err)
{
    refill->intake = intake;
    refill->err = err;
    refill->count = 0; /* of a turn that failed */
    if (strcmp(refill->life, life) == 0)
        return;
    memcpy(refill->life, life, sizeof refill->life);
    memcpy(refill->after, FIRST_ID, sizeof FIRST_ID);
    refill->seen_ns = clock_mono_ns();
    refill->in_flight_known = false;
    refill->total = 0;
}

static enum err_code
refill_waiting(struct refill *refill, bool *ret_waiting)
{
    bool settled = false;
    enum err_code code = ask_settled(refill, &settled);
    if (code || !settled)
        return code;
    code = refill_from_topics(refill);
    if (code == ERR_OK && !service_stopping())
        code = mark_set(refill, IDEM_WAITING_KEY, "submissions that nobody has judged");
    *ret_waiting = code == ERR_OK && !service_stopping();
    refill->total = 0;
    return code;
}

enum err_code
fingerprints_refill(struct intake *intake, bool *ret_more, struct err *err)
{
    bool ready = false;
    bool waiting = false;
    bool done = false;
    char life[SUBMISSION_ID_SIZE];
    *ret_more = false;
    arena_reset(intake->arena);
    enum err_code code = marks_get(intake, life, &ready, &waiting, err);
    if (code)
        return code;
    turn_begin(intake->refill, intake, life, err);
    if (!ready && !waiting)
        code = refill_waiting(intake->refill, &waiting);
    if (ready || waiting)
        atomic_store(&intake->keys_known, true);
    if (code || ready || !waiting)
        return code;
    code = refill_from_record(intake->refill, &done);
    *ret_more = code == ERR_OK && !done;
    return done && !service_stopping()
               ? mark_set(intake->refill, IDEM_READY_KEY, "judged submissions")
               : code;
}
