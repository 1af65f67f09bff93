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
void topic_write_docs(struct buf *out);
