/*
 * dlq replay: sends dead letters to their topic again, as they came. Twice over the same ranges:
 * first what is wanted is listed and compared with the record, then it is sent. What was judged
 * meanwhile is left out, and what is there several times goes once, so that a replay that is
 * repeated does nothing more; were it sent all the same, its reader would recognise it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "io/kafka.h"
#include "io/keyring.h"
#include "io/pg.h"
#include "runtime/event.h"
#include "schema/topic.h"
#include "services/syctl/dlq.h"
#include "services/syctl/domain.h"
#include "syctl_sql.h"

enum {
    REPLAY_MAX = 100000,
    REASONS_MAX = 32,
    REASON_SIZE = 48,
    ID_SIZE = 40,
    FLUSH_AT = 10000,
    PRODUCER_QUEUE = 100000,
    JUDGED_AT_ONCE = 10000,
};

enum fate { FATE_SEND, FATE_JUDGED, FATE_REPEATED };

struct letter {
    const char *topic;
    int32_t partition;
    int64_t offset;
    char id[ID_SIZE]; /* of the event; "" when it has none that is one */
    enum fate fate;
};

struct replay {
    struct syctl *ctl;
    struct replay_filter filter;
    bool dry_run;
    struct kafka_producer *producer;
    struct letter *letters;
    size_t count;
    size_t next; /* second pass */
    bool too_many;
    struct {
        char name[REASON_SIZE];
        uint64_t count;
    } reasons[REASONS_MAX];
    size_t reason_count;
    uint64_t fates[FATE_REPEATED + 1];
    uint64_t sent;
    uint64_t failed;
    struct err err;
};

/* --- first pass: what is wanted --- */

static void
reason_count(struct replay *replay, struct str reason)
{
    size_t i = 0;
    while (i < replay->reason_count && !str_eq_text(reason, replay->reasons[i].name))
        i++;
    if (i == replay->reason_count) {
        if (i == REASONS_MAX || reason.len >= REASON_SIZE || !utf8_valid(reason))
            return;
        memcpy(replay->reasons[i].name, reason.ptr, reason.len);
        replay->reason_count++;
    }
    replay->reasons[i].count++;
}

static bool
list_letter(const struct kafka_record *record, void *ctx)
{
    struct replay *replay = ctx;
    struct str reason = kafka_record_header(record, "dlq_reason");
    struct str id = kafka_record_header(record, "ce_id");
    if (!replay_wanted(&replay->filter, reason, record->timestamp_ms, record->offset))
        return true;
    if (replay->count == REPLAY_MAX) {
        replay->too_many = true;
        return false;
    }
    struct letter *letter = &replay->letters[replay->count++];
    letter->topic = record->topic;
    for (size_t i = 0; i < topic_count; i++) /* the record's own text does not last */
        if (strcmp(topics[i].name, record->topic) == 0)
            letter->topic = topics[i].name;
    letter->partition = record->partition;
    letter->offset = record->offset;
    if (uuid_valid(id))
        memcpy(letter->id, id.ptr, id.len);
    reason_count(replay, reason);
    return true;
}

static int
by_id(const void *a, const void *b)
{
    const struct letter *x = *(const struct letter *const *)a;
    const struct letter *y = *(const struct letter *const *)b;
    int order = strcmp(x->id, y->id);
    return order ? order : (x->offset > y->offset) - (x->offset < y->offset);
}

/* The newest of an event stays; ids that are judged are marked. `sorted` by id. */
static enum err_code
judged_mark(struct replay *replay, struct letter **sorted, struct err *err)
{
    struct pg_array ids;
    struct pg *pg =
        pg_new(&(struct pg_conf){replay->ctl->monitor_dsn, "syctl", DLQ_TIMEOUT_MS, PG_BY_KEY});
    enum err_code code = pg_ready(pg, err);
    pg_array_init(&ids, (size_t)JUDGED_AT_ONCE * (ID_SIZE + 8) + 1024);
    for (size_t first = 0; code == ERR_OK && first < replay->count; first += JUDGED_AT_ONCE) {
        struct pg_result *result = NULL;
        size_t last =
            first + JUDGED_AT_ONCE < replay->count ? first + JUDGED_AT_ONCE : replay->count;
        pg_array_reset(&ids);
        for (size_t i = first; i < last; i++)
            if (sorted[i]->id[0])
                pg_array_add(&ids, str_of(sorted[i]->id));
        pg_array_finish(&ids);
        code = pg_exec(pg, &SQL_JUDGED_OF, &PG_ARRAY(&ids), 1, &result, err);
        for (size_t row = 0; code == ERR_OK && row < pg_rows(result); row++)
            for (size_t i = first; i < last; i++)
                if (str_eq_text(pg_str(result, row, 0), sorted[i]->id))
                    sorted[i]->fate = FATE_JUDGED;
        pg_result_free(result);
    }
    pg_array_done(&ids);
    pg_free(pg);
    return code;
}

static enum err_code
fates_decide(struct replay *replay, struct err *err)
{
    enum err_code code = ERR_OK;
    struct letter **sorted = mem_alloc((replay->count + 1) * sizeof(struct letter *));
    for (size_t i = 0; i < replay->count; i++)
        sorted[i] = &replay->letters[i];
    qsort(sorted, replay->count, sizeof(struct letter *), by_id);
    for (size_t i = 0; i + 1 < replay->count; i++)
        if (sorted[i]->id[0] && strcmp(sorted[i]->id, sorted[i + 1]->id) == 0)
            sorted[i]->fate = FATE_REPEATED;
    if (replay->ctl->monitor_dsn && replay->count)
        code = judged_mark(replay, sorted, err);
    free(sorted);
    for (size_t i = 0; i < replay->count; i++)
        replay->fates[replay->letters[i].fate]++;
    return code;
}

/* --- second pass: sending --- */

static void
on_replayed(void *message_ctx, enum err_code code, int32_t partition, int64_t offset, void *ctx)
{
    struct replay *replay = ctx;
    (void)message_ctx;
    (void)partition;
    (void)offset;
    if (code)
        replay->failed++;
}

/* The message as it came: without what the dead-letter queue added. */
static enum err_code
letter_send(struct replay *replay, const struct kafka_record *record)
{
    struct kafka_header headers[DLQ_HEADERS_MAX];
    size_t count = kafka_record_headers(record, headers, DLQ_HEADERS_MAX);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (strncmp(headers[i].name, "dlq_", 4) != 0)
            headers[kept++] = headers[i];
    char topic[256];
    (void)snprintf(topic, sizeof topic, "%.*s", (int)(strlen(record->topic) - strlen(".dlq")),
                   record->topic);
    const struct kafka_message message = {
        .topic = topic,
        .key = record->key,
        .value = record->tombstone   ? STR_NONE
                 : record->value.len ? record->value
                                     : STR(""),
        .headers = headers,
        .header_count = kept,
        .message_ctx = replay,
    };
    return kafka_producer_send(replay->producer, &message, &replay->err);
}

static bool
send_record(const struct kafka_record *record, void *ctx)
{
    struct replay *replay = ctx;
    if (replay->next == replay->count)
        return false;
    const struct letter *letter = &replay->letters[replay->next];
    if (letter->partition != record->partition || letter->offset != record->offset ||
        strcmp(letter->topic, record->topic) != 0)
        return true;
    replay->next++;
    if (letter->fate != FATE_SEND)
        return true;
    if (replay->sent % FLUSH_AT == FLUSH_AT - 1 &&
        kafka_producer_flush(replay->producer, DLQ_TIMEOUT_MS, &replay->err))
        return false;
    if (letter_send(replay, record))
        return false;
    replay->sent++;
    return true;
}

/* --- both --- */

static enum err_code
topics_read(struct replay *replay, const char *only,
            bool (*each)(const struct kafka_record *record, void *ctx), struct err *err)
{
    static struct kafka_range ranges[KAFKA_PARTITIONS_MAX];
    const char *bootstrap = replay->ctl->kafka_bootstrap;
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < topic_count; i++) {
        size_t count = 0;
        const char *topic = topics[i].name;
        if (!is_dead_letter_topic(topic) || (only && strcmp(only, topic) != 0))
            continue;
        code = kafka_topic_ranges(bootstrap, topic, NULL, DLQ_TIMEOUT_MS, ranges, &count, err);
        if (code == ERR_OK)
            code = kafka_read_ranges(bootstrap, topic, ranges, count, DLQ_TIMEOUT_MS, each, replay,
                                     err);
    }
    return code;
}

static enum err_code
letters_send(struct replay *replay, const char *only, struct err *err)
{
    const struct kafka_producer_conf conf = {
        .bootstrap = replay->ctl->kafka_bootstrap,
        .client_id = "syctl",
        .delivery_timeout_ms = DLQ_TIMEOUT_MS,
        .queue_messages_max = PRODUCER_QUEUE,
        .on_delivered = on_replayed,
        .ctx = replay,
    };
    enum err_code code = kafka_producer_open(&conf, &replay->producer, err);
    if (code)
        return code;
    code = topics_read(replay, only, send_record, err);
    if (code == ERR_OK && replay->err.code) {
        *err = replay->err;
        code = err->code;
    }
    if (code == ERR_OK)
        code = kafka_producer_flush(replay->producer, DLQ_TIMEOUT_MS, err);
    kafka_producer_close(replay->producer);
    return code;
}

static enum err_code
replay_do(struct replay *replay, const char *only, struct err *err)
{
    enum err_code code = topics_read(replay, only, list_letter, err);
    if (code)
        return code;
    if (replay->too_many)
        return ERR(err, ERR_TOO_LARGE, "more than %d dead letters; HINT: --since, --reason",
                   (int)REPLAY_MAX);
    if (replay->filter.offset >= 0 && replay->count == 0)
        return ERR(err, ERR_NOT_FOUND, "no offset %" PRId64 " in '%s'", replay->filter.offset,
                   only);
    code = fates_decide(replay, err);
    return code || replay->dry_run ? code : letters_send(replay, only, err);
}

static void
replay_print(const struct replay *replay)
{
    struct buf out;
    if (!replay->ctl->json) {
        for (size_t i = 0; i < replay->reason_count; i++)
            printf("%-20s %" PRIu64 "\n", replay->reasons[i].name, replay->reasons[i].count);
        printf("%zu match: %" PRIu64 " %s, %" PRIu64 " judged meanwhile, %" PRIu64
               " there several times",
               replay->count, replay->dry_run ? replay->fates[FATE_SEND] : replay->sent,
               replay->dry_run ? "would be sent" : "sent again", replay->fates[FATE_JUDGED],
               replay->fates[FATE_REPEATED]);
        if (replay->failed)
            printf(", %" PRIu64 " of them not delivered", replay->failed);
        printf("\n");
        return;
    }
    buf_init(&out, 64 * 1024);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    jsonw_member_bool(&w, "dry_run", replay->dry_run);
    jsonw_member_int(&w, "matched", (int64_t)replay->count);
    jsonw_member_int(&w, "judged", (int64_t)replay->fates[FATE_JUDGED]);
    jsonw_member_int(&w, "repeated", (int64_t)replay->fates[FATE_REPEATED]);
    jsonw_member_int(&w, "to_send", (int64_t)replay->fates[FATE_SEND]);
    jsonw_member_int(&w, "replayed", (int64_t)(replay->sent - replay->failed));
    jsonw_member_int(&w, "failed", (int64_t)replay->failed);
    jsonw_key(&w, "reasons");
    jsonw_object_open(&w);
    for (size_t i = 0; i < replay->reason_count; i++)
        jsonw_member_int(&w, replay->reasons[i].name, (int64_t)replay->reasons[i].count);
    jsonw_object_close(&w);
    jsonw_object_close(&w);
    syctl_print(&out);
    buf_done(&out);
}

/* False, and said, when an option is not understood. */
static bool
filter_read(struct syctl *ctl, struct replay_filter *filter)
{
    uint64_t offset = 0;
    const char *since = syctl_option(ctl, "since");
    *filter = (struct replay_filter){
        .reason = syctl_option(ctl, "reason"), .since_ms = INT64_MIN, .offset = -1};
    if (since && !since_parse(str_of(since), clock_now_ms(), &filter->since_ms)) {
        (void)syctl_usage(ctl, "--since wants 90s, 15m, 2h, 7d or 2027-06-01T08:00:00Z");
        return false;
    }
    if (!syctl_number(ctl, "offset", 0, INT64_MAX, &offset))
        return false;
    if (syctl_option(ctl, "offset")) {
        filter->offset = (int64_t)offset;
        if (ctl->arg_count == 0) {
            (void)syctl_usage(ctl, "--offset wants a TOPIC");
            return false;
        }
    }
    return true;
}

int
dlq_replay_run(struct syctl *ctl)
{
    struct err err = {0};
    struct replay replay = {.ctl = ctl, .dry_run = syctl_option(ctl, "dry-run") != NULL};
    const char *only = ctl->arg_count ? ctl->args[0] : NULL;
    if (only && !is_dead_letter_topic(only))
        return syctl_usage(ctl, "'%s' is no dead-letter topic", only);
    if (!filter_read(ctl, &replay.filter) || !syctl_locate(ctl, SYCTL_KAFKA))
        return 2;
    replay.letters = mem_zalloc(REPLAY_MAX * sizeof *replay.letters);
    enum err_code code = replay_do(&replay, only, &err);
    if (code == ERR_OK)
        replay_print(&replay);
    else
        (void)syctl_fail(ctl, "dlq replay", &err);
    free(replay.letters);
    return code || replay.failed ? 1 : 0;
}
