/*
 * How much each client may send: a table of rates, one a client, of fixed size. Counts in this
 * process only: with n copies a client has n times as much, and nothing has to be asked.
 * Thread-safe.
 */
#pragma once

#include <stdint.h>

#include "base/str.h"

struct limiter;

/* `per_s` a second on average, `ahead` in advance. */
struct limiter *limiter_new(unsigned per_s, unsigned ahead);
/* False when `who` sent too many; *ret_wait_ms until it may again. A NULL limiter lets all pass. */
bool limiter_take(struct limiter *limiter, struct str who, uint64_t now_ns, unsigned *ret_wait_ms);
void limiter_free(struct limiter *limiter);
