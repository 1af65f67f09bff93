/* Options of intake: one row each in config.c. */
#pragma once

#include "runtime/option.h"

struct intake_conf {
    struct runtime_conf runtime; /* first */
    uint64_t linger_ms;
    uint64_t delivery_timeout_ms;
    uint64_t producer_queue;
    uint64_t streams_max;
    uint64_t new_a_day;
};

extern const struct program intake_program;
