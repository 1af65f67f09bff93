/*
 * What a consumer has fetched, between its poll and its commit. The records point into the client
 * library's messages, which live as long as the batch. Of io only; others see kafka.h.
 */
#pragma once

#include <librdkafka/rdkafka.h>

#include "io/kafka.h"

struct kafka_batch {
    size_t count;
    size_t count_max;
    size_t bytes;
    struct kafka_record *records;
};

/* A look at a message, as long as that lives. */
struct kafka_record kafka_record_of(rd_kafka_message_t *message);
/* Room for `count_max` records. */
struct kafka_batch *kafka_batch_new(size_t count_max);
void kafka_batch_clear(struct kafka_batch *batch);
/* The message is the batch's from here on. */
void kafka_batch_add(struct kafka_batch *batch, rd_kafka_message_t *message);
/* One entry a partition; `pick_last` takes the offset behind the last record, else the first's. The
 * caller destroys it. */
rd_kafka_topic_partition_list_t *kafka_batch_offsets(const struct kafka_batch *batch,
                                                     bool pick_last);
