/*
 * How much each one may do in a day: a table of counts of fixed size, one an account, in this
 * process only: with n copies an account has n times as much, nothing has to be asked, and a start
 * begins anew. Days are China's. Thread-safe.
 */
#pragma once

#include <stdint.h>

#include "base/str.h"

struct allowance;

struct allowance *allowance_new(unsigned a_day);
/* Takes one of today's. False when `who` has none left. A NULL allowance lets all pass. */
bool allowance_take(struct allowance *allowance, struct str who, int64_t now_ms);
/* What was taken turned out to be nothing new; `now_ms` as it was when it was taken. */
void allowance_give_back(struct allowance *allowance, struct str who, int64_t now_ms);
void allowance_free(struct allowance *allowance);

/* Seconds until the next day begins in China; never 0. */
unsigned allowance_wait_s(int64_t now_ms);
