/*
 * Progress: every loop of a process has a pulse. One that was silent for longer than it may be is
 * stuck, and then /livez says so and the watchdog of systemd is not fed any more: the supervisor
 * starts the process anew, and what was not committed is done again. A loop that waits for
 * something to do rests, which may last. Thread-safe; a beat is one store.
 */
#pragma once

#include <stdint.h>

#include "base/jsonw.h"

enum { PROGRESS_LOOPS_MAX = 160 }; /* 128 workers and a dozen loops */

struct pulse;

/* `name` is a literal. Lives as long as the process. */
struct pulse *progress_add(const char *name, unsigned silence_ms_max);
void progress_beat(struct pulse *pulse);
/* Nothing to do until the next beat, or the loop has ended. */
void progress_rest(struct pulse *pulse);
/* The name of a loop that is stuck, NULL when all turn. */
const char *progress_stuck(void);
/* "loops": [{name, silent_ms, silent_ms_max, stuck}] of those that do not rest. */
void progress_write(struct jsonw *w);

/* The decision: `last_ns` 0 is at rest. */
bool pulse_is_stuck(uint64_t last_ns, uint64_t now_ns, unsigned silence_ms_max);
