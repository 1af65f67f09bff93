/*
 * A lane: calls that wait for the workers of one kind, and the admission to it. Calls are taken in
 * the order they came. A call counts as open from its admission to its answer. Thread-safe.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "runtime/admission.h"
#include "runtime/api.h"

struct lane {
    const char *name; /* a literal, in metrics */
    struct admission_policy policy;
    size_t worker_count;
    unsigned gather_ms; /* a busy turn waits so long for company; 0: takes what there is */
    atomic_size_t open;
    atomic_size_t busy; /* workers */
    atomic_uint_fast64_t answered;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_cond_t enough; /* have come for a turn that gathers */
    /* Under the lock: */
    struct api_call *first; /* waiting calls, oldest first */
    struct api_call **last;
    size_t count;
    size_t taken; /* by the turn before */
    bool gathering;
    bool stop;
    double capacity_per_s;
    double refused_per_s;
    uint64_t paced_ns; /* when the paces were taken */
    uint64_t answered_before;
    uint64_t refused;
};

void lane_init(struct lane *lane, const char *name, size_t worker_count,
               const struct admission_policy *policy);
/* Admits a call. False, with seconds after which it may come again: there are too many, or nobody
 * will serve it any more. */
bool lane_put(struct lane *lane, struct api_call *call, uint64_t now_ns, unsigned *ret_retry_s);
/* Waits for calls and takes a fair share of them, at most `max`; 0 when the lane was stopped. A
 * lane with `gather_ms` has one worker: while it is busy it waits a moment for more to take
 * together, because a turn's round trips and wake-ups cost the same for few and for many. */
size_t lane_take(struct lane *lane, struct api_call **ret_calls, size_t max);
/* What was taken is carried out, whether answered or not. */
void lane_rest(struct lane *lane);
/* A call of this lane was answered. */
void lane_answered(struct lane *lane);
/* Sets the gauges. */
void lane_tell(struct lane *lane);
void lane_stop(struct lane *lane);
void lane_done(struct lane *lane);
