#include "schema/topic.h"

/* clang-format off */
/* 12 partitions: a group can have as many copies as partitions, and no season needed more. Retention:
 * what was acknowledged is kept for a season and more (200 days), so that the record can be rebuilt
 * from the topic; dead letters a year, until somebody has dealt with them. */
const struct topic topics[] = {
    {"submission.received",     12, "17280000000", "student_id", "intake",        "validation",     "a submission that was acknowledged"},
    {"submission.judged",       12, "17280000000", "student_id", "validation",    "intake",         "the judgement of a submission"},
    {"identity.changed",        12, "17280000000", "account_id", "binding",       "authorization",  "what is known about an account's person"},
    {"submission.received.dlq", 1,  "31536000000", "as it came", "validation",    "syctl dlq",      "messages that cannot be judged, with the reason"},
    {"submission.judged.dlq",   1,  "31536000000", "as it came", "-",             "syctl dlq",      "messages that cannot be told, with the reason"},
    {"identity.changed.dlq",    1,  "31536000000", "as it came", "authorization", "syctl dlq",      "identity news that cannot be read, with the reason"},
};
/* clang-format on */
const size_t topic_count = sizeof topics / sizeof topics[0];

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
