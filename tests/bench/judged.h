/* Hearing of judgements, for the load's open loop: when each submission's judgement stood in the
 * topic for a reader of all its partitions. Product and floor are read the same way. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct judged;

struct percentiles {
    double p50_ms;
    double p99_ms;
    double p999_ms;
};

/* Sorts `taken_us` in place. */
struct percentiles percentiles_of(uint32_t *taken_us, size_t count);

/* Reads `topic` from its end on, in a thread of its own; returns when it does. Ends the program
 * when Kafka is not there. `count_max`: how many submissions at most. */
struct judged *judged_open(const char *bootstrap, const char *topic, size_t count_max);

/* The submission named in the answer's body was due then. One thread only. */
void judged_expect(struct judged *judged, const char *answer, uint64_t due_ns);

/* Waits until every expected one was judged or `wait_s` seconds have passed, and frees it. Returns
 * how many were judged. */
size_t judged_close(struct judged *judged, unsigned wait_s, struct percentiles *ret);
