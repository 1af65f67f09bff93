/*
 * What a reader of a topic tells while it reads: how far it is behind, and what is in its hands.
 * Called by the thread that reads.
 */
#pragma once

#include "io/kafka.h"

/* kafka_consumergroup_lag of the partitions that are ours now, four times a second; those of
 * before are no longer told. `topic` NULL: of each topic that is read. *told_ns is 0 at first. */
void reading_tell_lag(struct kafka_consumer *consumer, const char *group, const char *topic,
                      uint64_t *told_ns);
/* For /status: which messages are in hand, until work_end. `topic` is a literal, or NULL for what
 * comes of several. */
void reading_tell_batch(const struct kafka_batch *batch, const char *topic);
