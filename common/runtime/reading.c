#include "runtime/reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "runtime/metrics.h"
#include "runtime/work.h"
#include "schema/topic.h"

enum { LAGS_MAX = 64, LAGS_EVERY_MS = 250 };

void
reading_tell_lag(struct kafka_consumer *consumer, const char *group, const char *topic,
                 uint64_t *told_ns)
{
    struct kafka_lag lags[LAGS_MAX];
    uint64_t now_ns = clock_mono_ns();
    if (now_ns - *told_ns < (uint64_t)LAGS_EVERY_MS * 1000000)
        return;
    *told_ns = now_ns;
    size_t count = kafka_consumer_lags(consumer, lags, LAGS_MAX);
    metric_clear(METRIC_kafka_consumergroup_lag);
    for (size_t i = 0; i < count; i++) {
        char partition[16];
        (void)snprintf(partition, sizeof partition, "%" PRId32, lags[i].partition);
        if (lags[i].messages >= 0)
            metric_set(METRIC_kafka_consumergroup_lag, (double)lags[i].messages, group,
                       topic ? topic : lags[i].topic, partition);
    }
}

/* The name as the topic table has it, which outlives every batch. */
static const char *
literal_of(const char *topic)
{
    for (size_t i = 0; i < topic_count; i++)
        if (strcmp(topics[i].name, topic) == 0)
            return topics[i].name;
    return "";
}

void
reading_tell_batch(const struct kafka_batch *batch, const char *topic)
{
    struct work_range ranges[WORK_RANGES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < kafka_batch_count(batch); i++) {
        const struct kafka_record *record = kafka_batch_record(batch, i);
        count = work_range_add(ranges, count, topic ? topic : literal_of(record->topic),
                               record->partition, record->offset);
    }
    work_begin(ranges, count);
}
