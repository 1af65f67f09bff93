/* record show, and why: what became of one submission. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "io/kafka.h"
#include "io/pg.h"
#include "io/seal.h"
#include "runtime/event.h"
#include "schema/json.h"
#include "schema/submission_event.h"
#include "services/syctl/command.h"
#include "syctl_sql.h"

enum { READ_TIMEOUT_MS = 10000, RECORD_TEXT_MAX = 4 * 1024 * 1024 };

/* Columns of sql/judgement_get.sql. */
enum {
    J_SUBMISSION_ID,
    J_STUDENT_ID,
    J_CAMPAIGN_ID,
    J_REVISION,
    J_OUTCOME,
    J_IDEMPOTENCY_KEY,
    J_RECEIVED_AT,
    J_JUDGED_AT,
    J_ROSTER_VERSION,
    J_CAMPAIGN_VERSION,
    J_FINDINGS,
    J_TRACEPARENT,
    J_PARTITION,
    J_OFFSET,
    J_IS_RECORD,
    J_SFZH_MASKED,
    J_XH,
    J_YXMC,
    J_SZYX,
    J_FIELDS,
};

static enum err_code
judgements_get(const struct syctl *ctl, struct pg **ret_pg, struct pg_result **ret_result,
               struct err *err)
{
    struct str id = str_of(ctl->args[0]);
    if (!uuid_valid(id))
        return ERR(err, ERR_INVALID, "'%.60s' is no submission id", ctl->args[0]);
    *ret_pg = pg_new(&(struct pg_conf){ctl->monitor_dsn, "syctl", READ_TIMEOUT_MS});
    enum err_code code = pg_ready(*ret_pg, err);
    return code ? code : pg_exec(*ret_pg, &SQL_JUDGEMENT_GET, &PG_STR(id), 1, ret_result, err);
}

/* Members of a JSON object of texts, one a line, with the sealed ones only named as such. */
static void
fields_print(struct str json)
{
    struct json_doc *doc = NULL;
    if (json_parse(json, &doc, NULL))
        return;
    for (const struct json *member = json_first(json_root(doc)); member;
         member = json_next(member)) {
        struct str value = json_str(member);
        char name[32];
        (void)snprintf(name, sizeof name, "%.*s", STR_ARG(json_name(member)));
        for (char *c = name; *c; c++)
            *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
        if (seal_key_id(value).len)
            printf("    %-14s sealed, key %.*s\n", name, STR_ARG(seal_key_id(value)));
        else
            printf("    %-14s %.*s\n", name, STR_ARG(value));
    }
    json_doc_free(doc);
}

static void
judgement_print(const struct pg_result *r, size_t row)
{
    printf("%s revision %.*s  %.*s%s\n", row ? "\n" : "", STR_ARG(pg_str(r, row, J_REVISION)),
           STR_ARG(pg_str(r, row, J_OUTCOME)),
           pg_bool(r, row, J_IS_RECORD) ? "  <- the record" : "");
    static const struct {
        const char *label;
        int column;
    } lines[] = {
        {"submission", J_SUBMISSION_ID},
        {"student", J_STUDENT_ID},
        {"document", J_SFZH_MASKED},
        {"XH", J_XH},
        {"school", J_YXMC},
        {"college", J_SZYX},
        {"campaign", J_CAMPAIGN_ID},
        {"received", J_RECEIVED_AT},
        {"judged", J_JUDGED_AT},
        {"partition", J_PARTITION},
        {"offset", J_OFFSET},
        {"traceparent", J_TRACEPARENT},
        {"findings", J_FINDINGS},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        printf("  %-12s %.*s\n", lines[i].label, STR_ARG(pg_str(r, row, lines[i].column)));
    printf("  fields\n");
    fields_print(pg_str(r, row, J_FIELDS));
}

static void
judgement_json(const struct pg_result *r, size_t row, struct jsonw *w)
{
    jsonw_object_open(w);
    jsonw_member(w, "submission_id", pg_str(r, row, J_SUBMISSION_ID));
    jsonw_member(w, "student_id", pg_str(r, row, J_STUDENT_ID));
    jsonw_member(w, "campaign_id", pg_str(r, row, J_CAMPAIGN_ID));
    jsonw_member_int(w, "revision", pg_int(r, row, J_REVISION, 0));
    jsonw_member(w, "outcome", pg_str(r, row, J_OUTCOME));
    jsonw_member_bool(w, "is_record", pg_bool(r, row, J_IS_RECORD));
    jsonw_member(w, "idempotency_key", pg_str(r, row, J_IDEMPOTENCY_KEY));
    jsonw_member(w, "received_at", pg_str(r, row, J_RECEIVED_AT));
    jsonw_member(w, "judged_at", pg_str(r, row, J_JUDGED_AT));
    jsonw_member_int(w, "roster_version", pg_int(r, row, J_ROSTER_VERSION, 0));
    jsonw_member_int(w, "campaign_version", pg_int(r, row, J_CAMPAIGN_VERSION, 0));
    jsonw_member(w, "traceparent", pg_str(r, row, J_TRACEPARENT));
    jsonw_member_int(w, "partition", pg_int(r, row, J_PARTITION, -1));
    jsonw_member_int(w, "offset", pg_int(r, row, J_OFFSET, -1));
    jsonw_key(w, "findings");
    jsonw_raw(w, pg_str(r, row, J_FINDINGS));
    jsonw_key(w, "fields");
    jsonw_raw(w, pg_str(r, row, J_FIELDS));
    jsonw_object_close(w);
}

static void
judgements_print(const struct syctl *ctl, const struct pg_result *result)
{
    struct buf out;
    if (!ctl->json) {
        for (size_t row = 0; row < pg_rows(result); row++)
            judgement_print(result, row);
        return;
    }
    buf_init(&out, RECORD_TEXT_MAX);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    jsonw_key(&w, "judgements");
    jsonw_array_open(&w);
    for (size_t row = 0; row < pg_rows(result); row++)
        judgement_json(result, row, &w);
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    syctl_print(&out);
    buf_done(&out);
}

int
record_show_run(struct syctl *ctl)
{
    struct pg *pg = NULL;
    struct pg_result *result = NULL;
    struct err err = {0};
    int status = 0;
    if (!syctl_locate(ctl, SYCTL_MONITOR))
        return 2;
    if (judgements_get(ctl, &pg, &result, &err)) {
        status = syctl_fail(ctl, "record show", &err);
    } else if (pg_rows(result) == 0) {
        (void)fprintf(stderr, "syctl: no judgement of '%s'\nHINT: syctl why %s\n", ctl->args[0],
                      ctl->args[0]);
        status = 1;
    } else {
        judgements_print(ctl, result);
    }
    pg_result_free(result);
    pg_free(pg);
    return status;
}

/* --- why --- */

enum stage { STAGE_UNKNOWN, STAGE_WAITING, STAGE_DEAD, STAGE_JUDGED };
static const struct {
    const char *name;
    const char *meaning;
    const char *who;
} stages[] = {
    [STAGE_UNKNOWN] = {"unknown", "it is neither judged, nor waiting, nor a dead letter",
                       "check the id; if the student saw 202, search the log for it"},
    [STAGE_WAITING] = {"waiting", "acknowledged and in Kafka, not yet judged: it is not lost",
                       "nobody, if validation runs; else the operator: syctl doctor, syctl lag"},
    [STAGE_DEAD] = {"dead-letter", "it could not be judged and was put aside with its reason",
                    "the operator: mend the cause, then syctl dlq replay"},
    [STAGE_JUDGED] = {"judged", "it has its judgement",
                      "the student, if it was rejected: mend the fields named and submit again"},
};

struct search {
    struct str id;
    struct arena *arena;
    bool found;
    int32_t partition;
    int64_t offset;
    struct str reason; /* dead letters */
    struct str error;
};

static bool
search_record(const struct kafka_record *record, void *ctx)
{
    struct search *search = ctx;
    if (!str_eq(kafka_record_header(record, "ce_id"), search->id))
        return true;
    search->found = true;
    search->partition = record->partition;
    search->offset = record->offset;
    search->reason = arena_copy(search->arena, kafka_record_header(record, "dlq_reason"));
    search->error = arena_copy(search->arena, kafka_record_header(record, "dlq_error"));
    return false;
}

/* `waiting_only`: what the group has not committed yet; else the whole topic. */
static enum err_code
search_topic(const struct syctl *ctl, const char *topic, bool waiting_only, struct search *search,
             struct err *err)
{
    static struct kafka_range ranges[KAFKA_PARTITIONS_MAX];
    size_t count = 0;
    enum err_code code =
        kafka_topic_ranges(ctl->kafka_bootstrap, topic, waiting_only ? "validation" : NULL,
                           READ_TIMEOUT_MS, ranges, &count, err);
    if (code)
        return code;
    for (size_t i = 0; waiting_only && i < count; i++)
        if (ranges[i].committed > ranges[i].begin)
            ranges[i].begin = ranges[i].committed;
    return kafka_read_ranges(ctl->kafka_bootstrap, topic, ranges, count, READ_TIMEOUT_MS,
                             search_record, search, err);
}

static void
why_print(const struct syctl *ctl, enum stage stage, const struct search *search,
          const struct pg_result *result)
{
    struct buf out;
    size_t row = 0;
    while (stage == STAGE_JUDGED && row + 1 < pg_rows(result) &&
           !str_eq(pg_str(result, row, J_SUBMISSION_ID), search->id))
        row++;
    if (!ctl->json) {
        printf("%s: %s\n  who can act  %s\n", stages[stage].name, stages[stage].meaning,
               stages[stage].who);
        if (stage == STAGE_WAITING || stage == STAGE_DEAD)
            printf("  partition    %" PRId32 "\n  offset       %" PRId64 "\n", search->partition,
                   search->offset);
        if (stage == STAGE_DEAD)
            printf("  reason       %.*s: %.*s\n", STR_ARG(search->reason), STR_ARG(search->error));
        if (stage == STAGE_JUDGED)
            judgement_print(result, row);
        return;
    }
    buf_init(&out, RECORD_TEXT_MAX);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    jsonw_member(&w, "submission_id", search->id);
    jsonw_member_text(&w, "stage", stages[stage].name);
    jsonw_member_text(&w, "meaning", stages[stage].meaning);
    jsonw_member_text(&w, "who_can_act", stages[stage].who);
    if (stage == STAGE_WAITING || stage == STAGE_DEAD) {
        jsonw_member_int(&w, "partition", search->partition);
        jsonw_member_int(&w, "offset", search->offset);
    }
    if (stage == STAGE_DEAD) {
        jsonw_member(&w, "reason", search->reason);
        jsonw_member(&w, "error", search->error);
    }
    if (stage == STAGE_JUDGED) {
        jsonw_key(&w, "judgement");
        judgement_json(result, row, &w);
    }
    jsonw_object_close(&w);
    syctl_print(&out);
    buf_done(&out);
}

int
why_run(struct syctl *ctl)
{
    struct pg *pg = NULL;
    struct pg_result *result = NULL;
    struct err err = {0};
    struct search search = {.id = str_of(ctl->args[0]), .arena = ctl->arena};
    enum stage stage = STAGE_UNKNOWN;
    if (!syctl_locate(ctl, SYCTL_MONITOR | SYCTL_KAFKA))
        return 2;
    enum err_code code = judgements_get(ctl, &pg, &result, &err);
    if (code == ERR_OK && pg_rows(result))
        stage = STAGE_JUDGED;
    if (code == ERR_OK && stage == STAGE_UNKNOWN) {
        code = search_topic(ctl, TOPIC_SUBMISSION_RECEIVED ".dlq", false, &search, &err);
        stage = search.found ? STAGE_DEAD : STAGE_UNKNOWN;
    }
    if (code == ERR_OK && stage == STAGE_UNKNOWN) {
        code = search_topic(ctl, TOPIC_SUBMISSION_RECEIVED, true, &search, &err);
        stage = search.found ? STAGE_WAITING : STAGE_UNKNOWN;
    }
    if (code)
        (void)syctl_fail(ctl, "why", &err);
    else
        why_print(ctl, stage, &search, result);
    pg_result_free(result);
    pg_free(pg);
    return code || stage == STAGE_UNKNOWN ? 1 : 0;
}
