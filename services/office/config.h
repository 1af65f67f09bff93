/* Options of office: the common ones. */
#pragma once

#include "runtime/option.h"

struct office_conf {
    struct runtime_conf runtime; /* first */
};

extern const struct program office_program;
