#include "schema/topic.h"

#include <inttypes.h>
#include <string.h>

enum { REPLICATION_MIN = 2, INSYNC_MIN = 2 };

/* clang-format off */
/* 12 partitions: a group can have as many copies as partitions, and no season needed more. Retention:
 * what was acknowledged is kept for a season and more (200 days), so that the record can be rebuilt
 * from the topic; dead letters a year, until somebody has dealt with them. */
const struct topic topics[] = {
    {"submission.received",     12, "17280000000", "student_id", "intake",        "validation",     "a submission that was acknowledged"},
    {"submission.judged",       12, "17280000000", "student_id", "validation",    "intake, notification", "the judgement of a submission"},
    {"identity.changed",        12, "17280000000", "account_id", "binding",       "authorization",  "what is known about an account's person"},
    {"review.decided",          12, "17280000000", "student_id", "office",        "notification",   "a submission came from one state of the review into another"},
    {"appeal.decided",          12, "17280000000", "account_id", "office",        "binding, notification", "what the school decided about an application"},
    {"submission.received.dlq", 1,  "31536000000", "as it came", "validation",    "syctl dlq",      "messages that cannot be judged, with the reason"},
    {"submission.judged.dlq",   1,  "31536000000", "as it came", "notification",  "syctl dlq",      "messages that cannot be told, with the reason"},
    {"identity.changed.dlq",    1,  "31536000000", "as it came", "authorization", "syctl dlq",      "identity news that cannot be read, with the reason"},
    {"appeal.decided.dlq",      1,  "31536000000", "as it came", "binding",       "syctl dlq",      "decisions that cannot be applied, with the reason"},
    {"review.decided.dlq",      1,  "31536000000", "as it came", "notification",  "syctl dlq",      "decisions that cannot be told, with the reason"},
};
/* clang-format on */
const size_t topic_count = sizeof topics / sizeof topics[0];

enum err_code
topic_check(const struct topic *topic, const struct topic_state *state, struct err *err)
{
    const char *name = topic->name;
    uint64_t retention = 0;
    (void)str_to_u64(str_of(topic->retention_ms), INT64_MAX, &retention);
    if (state->partitions == 0)
        return ERR(err, ERR_CONFIG,
                   "topic '%s' is missing; HINT: syctl topics apply --replication=3", name);
    if (state->partitions != topic->partitions)
        return ERR(
            err, ERR_CONFIG,
            "topic '%s' has %d partitions instead of %d; HINT: a student's messages would lose "
            "their order: make the topic anew",
            name, state->partitions, topic->partitions);
    if (state->replication < REPLICATION_MIN)
        return ERR(err, ERR_CONFIG,
                   "topic '%s' has replication %d: one broker's disk is all there is; HINT: "
                   "kafka-reassign-partitions to three brokers",
                   name, state->replication);
    if (state->min_insync < INSYNC_MIN)
        return ERR(
            err, ERR_CONFIG,
            "topic '%s' has min.insync.replicas=%d: what is acknowledged may be on one broker "
            "only; HINT: kafka-configs --alter --add-config min.insync.replicas=2",
            name, state->min_insync);
    if (strcmp(state->cleanup_policy, "delete") != 0)
        return ERR(err, ERR_CONFIG,
                   "topic '%s' has cleanup.policy=%s, which throws messages away by key; HINT: "
                   "kafka-configs --alter --add-config cleanup.policy=delete",
                   name, state->cleanup_policy);
    if (state->retention_ms >= 0 && (uint64_t)state->retention_ms < retention)
        return ERR(err, ERR_CONFIG,
                   "topic '%s' keeps messages for %" PRId64 " ms only; HINT: kafka-configs --alter "
                   "--add-config retention.ms=%s",
                   name, state->retention_ms, topic->retention_ms);
    return ERR_OK;
}

void
topic_write_docs(struct buf *out)
{
    buf_add_text(out, "| topic | partitions | retention (days) | key | produced by | consumed by | "
                      "meaning |\n|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < topic_count; i++) {
        uint64_t ms = 0;
        (void)str_to_u64(str_of(topics[i].retention_ms), INT64_MAX, &ms);
        buf_printf(out, "| `%s` | %d | %u | %s | %s | %s | %s |\n", topics[i].name,
                   topics[i].partitions, (unsigned)(ms / 86400000), topics[i].key,
                   topics[i].produced_by, topics[i].consumed_by, topics[i].meaning);
    }
}
