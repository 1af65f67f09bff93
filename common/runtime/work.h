/*
 * What a consumer is doing right now, for /status and through it for `syctl why`: the messages of
 * its batch, how often it was tried, why not yet, and when it is tried next. Offsets tell where a
 * message is; only the process that holds it can tell what keeps it there. One consumer a process;
 * thread-safe. Holds no message's content.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/jsonw.h"

enum { WORK_RANGES_MAX = 16 }; /* partitions in one batch; more are counted, not listed */

struct work_range {
    const char *topic; /* a literal */
    int32_t partition;
    int64_t first;
    int64_t last;
};

/* A batch was taken up. */
void work_begin(const struct work_range *ranges, size_t count);
/* It could not be done at `stage` (a literal) and is tried again in `next_ms`. */
void work_retry(const char *stage, const struct err *err, unsigned next_ms);
/* It is done, or was given back. */
void work_end(void);
/* "work": null, or {since_ms, tries, stage, error, class, text, next_ms, ranges: [...]} */
void work_write(struct jsonw *w);

/* Widens the range that a message belongs to, or begins one; returns the new count. Pure. */
size_t work_range_add(struct work_range ranges[WORK_RANGES_MAX], size_t count, const char *topic,
                      int32_t partition, int64_t offset);
