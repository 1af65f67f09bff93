/* The topics: one table, from which they are created, checked at start and documented. Pure. */
#pragma once

#include "base/buf.h"

struct topic {
    const char *name;
    int partitions;
    const char *retention_ms; /* "-1": for ever */
    const char *key;
    const char *produced_by;
    const char *consumed_by;
    const char *meaning;
};
extern const struct topic topics[];
extern const size_t topic_count;
/* What the cluster says of a topic. */
struct topic_state {
    int partitions; /* 0: there is no such topic */
    int replication;
    int min_insync;
    char cleanup_policy[32];
    int64_t retention_ms; /* -1: for ever */
};
/* Whether real people's data may be entrusted to it: ERR_CONFIG, saying what to do, otherwise. */
enum err_code topic_check(const struct topic *topic, const struct topic_state *state,
                          struct err *err) MUST_CHECK;
void topic_write_docs(struct buf *out);
