/*
 * Admission: what is more than can be carried is answered at once, not queued. Decisions only; time
 * and chance are parameters.
 *
 * Two questions. In all: a call is let in while it would be answered in time at the pace that was
 * seen when there was more than a handful to do (Little's law: open calls = pace x time). Each one:
 * a session may send so many a second on average, with some in advance (a generic cell rate: one
 * number is its state).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct admission_policy {
    size_t open_free;       /* so many may always be open: a server's pause is no overload */
    size_t open_start;      /* so many while nothing is known of what can be carried */
    size_t open_max;        /* never more */
    unsigned answer_ms_max; /* in which what is let in is to be answered */
};

/* How many may be open when so many answers a second can be given. */
size_t admission_open_max(const struct admission_policy *policy, double capacity_per_s);
/* What is thought to be possible before anything is known. */
double admission_start(const struct admission_policy *policy);
/* What can be carried, after `answered` more within `elapsed_ns`, `open` at its end. More than
 * open_free are open: what is answered is what can be answered; old news counts half after 50 ms.
 * Fewer: it tells only the least that is possible, and the belief of the start comes back within
 * seconds. */
double admission_capacity(const struct admission_policy *policy, double capacity_per_s, size_t open,
                          uint64_t answered, uint64_t elapsed_ns);
/* A rate after `count` more within `elapsed_ns`: old news counts half after `half_ms`. */
double admission_rate(double per_s, uint64_t count, uint64_t elapsed_ns, unsigned half_ms);
/* Seconds after which one that was turned away may come back: spread by chance over the time in
 * which all those turned away now can be carried, 3 to 30 s, so that they do not come together. */
unsigned admission_retry_s(double refused_per_s, double capacity_per_s, uint32_t chance);

/* Takes one of a rate, `per_s` a second with `ahead` in advance. *state is 0 at first. False, and
 * *ret_wait_ms when it would be true, when it sent too many. */
bool rate_take(uint64_t *state, uint64_t now_ns, unsigned per_s, unsigned ahead,
               unsigned *ret_wait_ms);
