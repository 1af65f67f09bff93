/*
 * Fills Redis with the fingerprints of used keys when it has lost them: first those of submissions
 * that wait to be judged, from the topic, then those of judged ones, from the record. Two marks
 * tell how far that is; they hold for the memory in which the filling began, and for no later one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "runtime/log.h"
#include "runtime/progress.h"
#include "schema/submission_event.h"
#include "services/intake/refill.h"
#include "services/intake/service.h"

enum { REFILL_BATCH = 500, TOPIC_TIMEOUT_MS = 5000 };
#define VALIDATION_GROUP "validation"

/* What is to be set, until there is enough for a round trip. */
struct refill {
    struct intake *intake;
    struct arena *arena; /* of one message */
    struct redis_command commands[REFILL_BATCH];
    size_t count;
    size_t total;
    enum err_code code;
    struct err *err;
};

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

/* --- what waits to be judged --- */

static bool
add_waiting(const struct kafka_record *record, void *ctx)
{
    struct refill *refill = ctx;
    struct submission_received message;
    struct err bad = {0};
    arena_reset(refill->arena);
    if (submission_received_decode(record->value, refill->arena, &message, &bad))
        return true; /* validation will bury it */
    refill->code = refill_add(refill, message.submission_id, message.body_index);
    return refill->code == ERR_OK && !service_stopping();
}

/* From what the group has committed to the end: anything before is in the record. */
static enum err_code
refill_from_topic(struct refill *refill, struct err *err)
{
    static struct kafka_range ranges[KAFKA_PARTITIONS_MAX];
    const char *bootstrap = refill->intake->conf->runtime.kafka_bootstrap;
    size_t count = 0;
    size_t kept = 0;
    enum err_code code = kafka_topic_ranges(bootstrap, TOPIC_SUBMISSION_RECEIVED, VALIDATION_GROUP,
                                            TOPIC_TIMEOUT_MS, ranges, &count, err);
    if (code)
        return code;
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].committed > ranges[i].begin)
            ranges[i].begin = ranges[i].committed;
        if (ranges[i].begin < ranges[i].end)
            ranges[kept++] = ranges[i];
    }
    code = kept ? kafka_read_ranges(bootstrap, TOPIC_SUBMISSION_RECEIVED, ranges, kept,
                                    TOPIC_TIMEOUT_MS, add_waiting, refill, err)
                : ERR_OK;
    code = code ? code : refill->code;
    return code ? code : refill_flush(refill);
}

/* --- what was judged --- */

static enum err_code
refill_from_record(struct refill *refill, struct err *err)
{
    char after[SUBMISSION_ID_SIZE] = "00000000-0000-0000-0000-000000000000";
    for (;;) {
        CLEANUP(pg_result_free) struct pg_result *rows = NULL;
        enum err_code code = store_fingerprints(refill->intake->pg, str_of(after), &rows, err);
        size_t count = code ? 0 : pg_rows(rows);
        for (size_t i = 0; code == ERR_OK && i < count; i++)
            code = refill_add(refill, pg_str(rows, i, 0), pg_str(rows, i, 1));
        if (code == ERR_OK)
            code = refill_flush(refill);
        if (code || count == 0 || service_stopping())
            return code;
        (void)snprintf(after, sizeof after, "%.*s", STR_ARG(pg_str(rows, count - 1, 0)));
    }
}

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
mark_set(struct intake *intake, struct str key, const char *life, const struct refill *refill,
         const char *what, struct err *err)
{
    struct redis_value value;
    if (service_stopping())
        return ERR_OK;
    enum err_code code = redis_call(intake->redis, &REDIS_COMMAND(STR("SET"), key, str_of(life)),
                                    intake->arena, &value, err);
    arena_reset(intake->arena);
    if (code == ERR_OK)
        log_event(LOG_INFO, "fingerprints are in Redis", LOG_TEXT("of", what),
                  LOG_INT("count", refill->total));
    return code;
}

enum err_code
fingerprints_refill(struct intake *intake, struct err *err)
{
    bool ready = false;
    bool waiting = false;
    char life[SUBMISSION_ID_SIZE];
    arena_reset(intake->arena);
    enum err_code code = marks_get(intake, life, &ready, &waiting, err);
    if (ready)
        atomic_store(&intake->keys_known, true);
    if (code || ready)
        return code;
    struct refill *refill = mem_zalloc(sizeof *refill);
    refill->intake = intake;
    refill->err = err;
    refill->arena = arena_new(LIMIT_BATCH_ARENA);
    if (code == ERR_OK && !waiting)
        code = refill_from_topic(refill, err);
    if (code == ERR_OK && !waiting)
        code = mark_set(intake, IDEM_WAITING_KEY, life, refill, "waiting submissions", err);
    refill->total = 0;
    if (code == ERR_OK)
        atomic_store(&intake->keys_known, true);
    if (code == ERR_OK)
        code = refill_from_record(refill, err);
    if (code == ERR_OK)
        code = mark_set(intake, IDEM_READY_KEY, life, refill, "judged submissions", err);
    arena_free(refill->arena);
    free(refill);
    return code;
}
