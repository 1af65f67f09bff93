/* dlq list, show: the messages that could not be handled. Sending them again is in replay.c. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "io/kafka.h"
#include "schema/topic.h"
#include "services/syctl/dlq.h"

enum { DLQ_TEXT_MAX = 16 * 1024 * 1024 };

struct listing {
    const struct syctl *ctl;
    struct jsonw json;
    struct buf out;
    uint64_t left;
    uint64_t count;
};

bool
is_dead_letter_topic(const char *topic)
{
    if (!str_ends(str_of(topic), STR(".dlq")))
        return false;
    for (size_t i = 0; i < topic_count; i++)
        if (strcmp(topics[i].name, topic) == 0)
            return true;
    return false;
}

static void
listing_open(struct listing *listing, const char *member)
{
    buf_init(&listing->out, DLQ_TEXT_MAX);
    listing->json = jsonw_on(&listing->out);
    jsonw_object_open(&listing->json);
    jsonw_key(&listing->json, member);
    jsonw_array_open(&listing->json);
}

static void
listing_close(struct listing *listing)
{
    jsonw_array_close(&listing->json);
    jsonw_object_close(&listing->json);
    if (listing->ctl->json)
        syctl_print(&listing->out);
    buf_done(&listing->out);
}

static bool
list_record(const struct kafka_record *record, void *ctx)
{
    static const char *const names[] = {"dlq_reason", "dlq_error", "dlq_topic", "dlq_partition",
                                        "dlq_offset", "dlq_time",  "ce_id"};
    struct listing *listing = ctx;
    struct jsonw *w = &listing->json;
    if (listing->left == 0)
        return false;
    listing->left--;
    listing->count++;
    jsonw_object_open(w);
    jsonw_member_text(w, "topic", record->topic);
    jsonw_member_int(w, "partition", record->partition);
    jsonw_member_int(w, "offset", record->offset);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct str value = kafka_record_header(record, names[i]);
        jsonw_member(w, names[i], utf8_valid(value) ? value : STR("(not UTF-8)"));
    }
    jsonw_object_close(w);
    if (!listing->ctl->json)
        printf("%s %" PRId32 "/%" PRId64 "  %.*s  %.*s  from %.*s/%.*s\n", record->topic,
               record->partition, record->offset,
               STR_ARG(kafka_record_header(record, "dlq_reason")),
               STR_ARG(kafka_record_header(record, "dlq_error")),
               STR_ARG(kafka_record_header(record, "dlq_partition")),
               STR_ARG(kafka_record_header(record, "dlq_offset")));
    return true;
}

static enum err_code
list_topic(const struct syctl *ctl, const char *topic, struct listing *listing, struct err *err)
{
    static struct kafka_range ranges[KAFKA_PARTITIONS_MAX];
    size_t count = 0;
    enum err_code code =
        kafka_topic_ranges(ctl->kafka_bootstrap, topic, NULL, DLQ_TIMEOUT_MS, ranges, &count, err);
    return code ? code
                : kafka_read_ranges(ctl->kafka_bootstrap, topic, ranges, count, DLQ_TIMEOUT_MS,
                                    list_record, listing, err);
}

int
dlq_list_run(struct syctl *ctl)
{
    struct listing listing = {.ctl = ctl};
    struct err err = {0};
    enum err_code code = ERR_OK;
    const char *only = syctl_option(ctl, "topic");
    if (!syctl_number(ctl, "limit", 1000, 100000, &listing.left) || !syctl_locate(ctl, SYCTL_KAFKA))
        return 2;
    if (only && !is_dead_letter_topic(only)) {
        return syctl_usage(ctl, "'%s' is no dead-letter topic", only);
    }
    listing_open(&listing, "dead_letters");
    for (size_t i = 0; code == ERR_OK && i < topic_count; i++)
        if (is_dead_letter_topic(topics[i].name) && (!only || strcmp(only, topics[i].name) == 0))
            code = list_topic(ctl, topics[i].name, &listing, &err);
    if (code) {
        buf_done(&listing.out);
        return syctl_fail(ctl, "dlq list", &err);
    }
    listing_close(&listing);
    if (!ctl->json && listing.count == 0)
        printf("no dead letters\n");
    return 0;
}

static bool
show_record(const struct kafka_record *record, void *ctx)
{
    struct listing *listing = ctx;
    struct kafka_header headers[DLQ_HEADERS_MAX];
    size_t count = kafka_record_headers(record, headers, DLQ_HEADERS_MAX);
    listing->count++;
    jsonw_object_open(&listing->json);
    jsonw_member_int(&listing->json, "partition", record->partition);
    jsonw_member_int(&listing->json, "offset", record->offset);
    jsonw_member(&listing->json, "key", utf8_valid(record->key) ? record->key : STR("(not UTF-8)"));
    jsonw_key(&listing->json, "headers");
    jsonw_object_open(&listing->json);
    for (size_t i = 0; i < count; i++) {
        struct str value = utf8_valid(headers[i].value) ? headers[i].value : STR("(not UTF-8)");
        jsonw_member(&listing->json, headers[i].name, value);
        if (!listing->ctl->json)
            printf("%s: %.*s\n", headers[i].name, STR_ARG(value));
    }
    jsonw_object_close(&listing->json);
    jsonw_member(&listing->json, "value",
                 utf8_valid(record->value) ? record->value : STR("(not UTF-8)"));
    jsonw_object_close(&listing->json);
    if (!listing->ctl->json)
        printf("\n%.*s\n", STR_ARG(utf8_valid(record->value) ? record->value : STR("(not UTF-8)")));
    return false;
}

int
dlq_show_run(struct syctl *ctl)
{
    struct listing listing = {.ctl = ctl};
    struct err err = {0};
    uint64_t offset = 0;
    if (!is_dead_letter_topic(ctl->args[0]) ||
        !str_to_u64(str_of(ctl->args[1]), INT64_MAX, &offset)) {
        return syctl_usage(ctl, "dlq show wants a dead-letter topic and an offset");
    }
    if (!syctl_locate(ctl, SYCTL_KAFKA))
        return 2;
    struct kafka_range range = {.begin = (int64_t)offset, .end = (int64_t)offset + 1};
    listing_open(&listing, "dead_letters");
    if (kafka_read_ranges(ctl->kafka_bootstrap, ctl->args[0], &range, 1, DLQ_TIMEOUT_MS,
                          show_record, &listing, &err)) {
        buf_done(&listing.out);
        return syctl_fail(ctl, "dlq show", &err);
    }
    listing_close(&listing);
    return 0;
}
