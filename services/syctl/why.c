/*
 * why: where one submission is, what was tried, what failed last, when it is tried next, and who
 * can act. The record tells what was judged; offsets tell what waits; the process that holds a
 * batch tells on its admin port how that goes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/kafka.h"
#include "schema/submission_event.h"
#include "services/syctl/domain.h"
#include "services/syctl/processes.h"
#include "services/syctl/record.h"

enum { READ_TIMEOUT_MS = 10000, WHY_TEXT_MAX = 4 * 1024 * 1024 };
#define JUDGING_GROUP "validation"

struct finding {
    struct str id;
    struct arena *arena;
    struct why_facts facts;
    /* Where its message is, or its newest dead letter. */
    int32_t partition;
    int64_t offset;
    int64_t ahead; /* messages of its partition to be judged before it */
    uint64_t dead_letters;
    struct str reason;
    struct str error;
    /* From the process that holds it. */
    struct str process;
    struct str stage;
    struct str last_error;
    struct str last_class;
    struct str last_text;
    int64_t next_ms;
    size_t processes;
    size_t silent;
};

/* --- in the topics --- */

static bool
dead_record(const struct kafka_record *record, void *ctx)
{
    struct finding *f = ctx;
    if (!str_eq(kafka_record_header(record, "ce_id"), f->id))
        return true;
    f->facts.dead = true;
    f->dead_letters++;
    f->partition = record->partition;
    f->offset = record->offset;
    f->reason = arena_copy(f->arena, kafka_record_header(record, "dlq_reason"));
    f->error = arena_copy(f->arena, kafka_record_header(record, "dlq_error"));
    return true; /* the newest counts */
}

static bool
waiting_record(const struct kafka_record *record, void *ctx)
{
    struct finding *f = ctx;
    if (!str_eq(kafka_record_header(record, "ce_id"), f->id))
        return true;
    f->facts.waiting = true;
    f->partition = record->partition;
    f->offset = record->offset;
    return false;
}

static enum err_code
look_for_dead(const struct syctl *ctl, struct finding *f, struct err *err)
{
    static struct kafka_range ranges[KAFKA_PARTITIONS_MAX];
    const char *topic = TOPIC_SUBMISSION_RECEIVED ".dlq";
    size_t count = 0;
    enum err_code code =
        kafka_topic_ranges(ctl->kafka_bootstrap, topic, NULL, READ_TIMEOUT_MS, ranges, &count, err);
    return code ? code
                : kafka_read_ranges(ctl->kafka_bootstrap, topic, ranges, count, READ_TIMEOUT_MS,
                                    dead_record, f, err);
}

/* What the group has not committed yet. */
static enum err_code
look_for_waiting(const struct syctl *ctl, struct finding *f, struct err *err)
{
    static struct kafka_range ranges[KAFKA_PARTITIONS_MAX];
    const char *topic = TOPIC_SUBMISSION_RECEIVED;
    size_t count = 0;
    enum err_code code = kafka_topic_ranges(ctl->kafka_bootstrap, topic, JUDGING_GROUP,
                                            READ_TIMEOUT_MS, ranges, &count, err);
    if (code)
        return code;
    for (size_t i = 0; i < count; i++)
        if (ranges[i].committed > ranges[i].begin)
            ranges[i].begin = ranges[i].committed;
    code = kafka_read_ranges(ctl->kafka_bootstrap, topic, ranges, count, READ_TIMEOUT_MS,
                             waiting_record, f, err);
    for (size_t i = 0; f->facts.waiting && i < count; i++)
        if (ranges[i].partition == f->partition)
            f->ahead = f->offset - ranges[i].begin;
    return code;
}

/* --- in the processes --- */

static bool
work_holds(const struct json *work, const struct finding *f)
{
    for (const struct json *r = json_first(json_get(work, "ranges")); r; r = json_next(r))
        if (str_eq(json_str(json_get(r, "topic")), STR(TOPIC_SUBMISSION_RECEIVED)) &&
            json_int(json_get(r, "partition"), -1) == f->partition &&
            json_int(json_get(r, "first"), INT64_MAX) <= f->offset &&
            json_int(json_get(r, "last"), -1) >= f->offset)
            return true;
    return false;
}

static void
look_at_process(const struct process_answer *answer, void *ctx)
{
    struct finding *f = ctx;
    struct json_doc *doc = NULL;
    struct err err = {0};
    f->processes++;
    if (answer->status != 200 || json_parse(answer->body, &doc, &err)) {
        f->silent++;
        return;
    }
    const struct json *work = json_get(json_root(doc), "work");
    if (work && work_holds(work, f)) {
        f->facts.held = true;
        f->facts.tries = (unsigned)json_int(json_get(work, "tries"), 0);
        f->process = arena_copy(f->arena, answer->name);
        f->stage = arena_copy(f->arena, json_str(json_get(work, "stage")));
        f->last_error = arena_copy(f->arena, json_str(json_get(work, "error")));
        f->last_class = arena_copy(f->arena, json_str(json_get(work, "class")));
        f->last_text = arena_copy(f->arena, json_str(json_get(work, "text")));
        f->next_ms = json_int(json_get(work, "next_ms"), 0);
    }
    json_doc_free(doc);
}

/* --- the answer --- */

static size_t
row_of(const struct pg_result *result, struct str id)
{
    for (size_t row = 0; row < pg_rows(result); row++)
        if (str_eq(pg_str(result, row, J_SUBMISSION_ID), id))
            return row;
    return 0;
}

static void
why_json(const struct finding *f, enum stage stage, const struct pg_result *result)
{
    struct buf out;
    const struct stage_words *words = stage_words(stage);
    buf_init(&out, WHY_TEXT_MAX);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    jsonw_member(&w, "submission_id", f->id);
    jsonw_member_text(&w, "stage", words->name);
    jsonw_member_text(&w, "meaning", words->meaning);
    jsonw_member_text(&w, "who_can_act", words->who);
    jsonw_member_text(&w, "student", words->student);
    if (f->facts.waiting || (f->facts.dead && stage == STAGE_DEAD)) {
        jsonw_member_int(&w, "partition", f->partition);
        jsonw_member_int(&w, "offset", f->offset);
    }
    if (f->facts.waiting) {
        jsonw_member_int(&w, "ahead", f->ahead);
        jsonw_member_int(&w, "attempts", f->facts.held ? f->facts.tries + 1 : 0);
    }
    if (f->facts.held)
        jsonw_member(&w, "process", f->process);
    if (stage == STAGE_RETRYING) {
        jsonw_key(&w, "last_error");
        jsonw_object_open(&w);
        jsonw_member(&w, "stage", f->stage);
        jsonw_member(&w, "code", f->last_error);
        jsonw_member(&w, "class", f->last_class);
        jsonw_member(&w, "text", f->last_text);
        jsonw_object_close(&w);
        jsonw_member_int(&w, "next_try_ms", f->next_ms);
    }
    if (stage == STAGE_DEAD) {
        jsonw_member_int(&w, "attempts", (int64_t)f->dead_letters);
        jsonw_member(&w, "reason", f->reason);
        jsonw_member(&w, "error", f->error);
    }
    if (f->facts.judged) {
        jsonw_key(&w, "judgement");
        judgement_json(result, row_of(result, f->id), &w);
    }
    jsonw_member_int(&w, "processes_asked", (int64_t)f->processes);
    jsonw_member_int(&w, "processes_silent", (int64_t)f->silent);
    jsonw_object_close(&w);
    syctl_print(&out);
    buf_done(&out);
}

static void
why_words(const struct finding *f, enum stage stage, const struct pg_result *result)
{
    const struct stage_words *words = stage_words(stage);
    printf("%s: %s\n  who can act  %s\n  student      %s\n", words->name, words->meaning,
           words->who, words->student);
    if (f->facts.waiting || stage == STAGE_DEAD)
        printf("  partition    %" PRId32 "\n  offset       %" PRId64 "\n", f->partition, f->offset);
    if (f->facts.waiting)
        printf("  ahead        %" PRId64 " messages of its partition\n", f->ahead);
    if (f->facts.held)
        printf("  process      %.*s, attempt %u\n", STR_ARG(f->process), f->facts.tries + 1);
    if (stage == STAGE_RETRYING)
        printf("  last error   %.*s (%.*s) at %.*s: %.*s\n  next try     in %" PRId64 " ms\n",
               STR_ARG(f->last_error), STR_ARG(f->last_class), STR_ARG(f->stage),
               STR_ARG(f->last_text), f->next_ms);
    if (f->facts.waiting && !f->facts.held && f->silent)
        printf("  silent       %zu of %zu processes did not answer\n", f->silent, f->processes);
    if (stage == STAGE_DEAD)
        printf("  reason       %.*s: %.*s\n  put aside    %" PRIu64 " times\n", STR_ARG(f->reason),
               STR_ARG(f->error), f->dead_letters);
    if (f->facts.judged)
        judgement_print(result, row_of(result, f->id));
}

/* The dearer places only when the cheaper ones do not know it. */
static enum err_code
why_find(struct syctl *ctl, struct finding *f, struct pg **ret_pg, struct pg_result **ret_result,
         struct err *err)
{
    enum err_code code = judgements_get(ctl, ret_pg, ret_result, err);
    if (code == ERR_OK && pg_rows(*ret_result)) {
        f->facts.judged = true;
        f->facts.rejected =
            str_eq(pg_str(*ret_result, row_of(*ret_result, f->id), J_OUTCOME), STR("rejected"));
        return ERR_OK;
    }
    struct err away = {0};
    if (code == ERR_UNAVAILABLE) { /* then it may be one of those that wait for the same */
        away = *err;
        *err = (struct err){0};
        code = ERR_OK;
    }
    if (code == ERR_OK)
        code = look_for_waiting(ctl, f, err);
    if (code == ERR_OK && f->facts.waiting)
        (void)processes_ask(ctl, "/status", look_at_process, f);
    else if (code == ERR_OK)
        code = look_for_dead(ctl, f, err);
    if (code == ERR_OK && away.code && !f->facts.waiting && !f->facts.dead) {
        *err = away; /* nobody may say "not judged" who could not ask */
        return away.code;
    }
    return code;
}

int
why_run(struct syctl *ctl)
{
    struct pg *pg = NULL;
    struct pg_result *result = NULL;
    struct err err = {0};
    struct finding f = {.id = str_of(ctl->args[0]), .arena = ctl->arena};
    int status = 0;
    if (!syctl_locate(ctl, SYCTL_MONITOR | SYCTL_KAFKA))
        return 2;
    if (why_find(ctl, &f, &pg, &result, &err)) {
        status = syctl_fail(ctl, "why", &err);
    } else {
        enum stage stage = why_decide(&f.facts);
        if (ctl->json)
            why_json(&f, stage, result);
        else
            why_words(&f, stage, result);
        status = stage == STAGE_UNKNOWN;
    }
    pg_result_free(result);
    pg_free(pg);
    return status;
}
