/* Options of validation: one row each in config.c. */
#pragma once

#include "runtime/option.h"

struct validation_conf {
    struct runtime_conf runtime; /* first */
    const char *group;
    uint64_t batch_max;
    uint64_t batch_fill_ms;
    uint64_t max_poll_interval_ms;
    uint64_t session_timeout_ms;
};

extern const struct program validation_program;
