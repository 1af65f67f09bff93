/* What is tortured: small programs that know what they may promise when anything fails. */
#pragma once

#include "base/buf.h"

enum torture_kind {
    KIND_NONE,
    KIND_MEMORY,
    KIND_INPUT,
    KIND_OUTPUT,
    KIND_CONNECT,
    KIND_PART,
    KIND_OWN,
};

struct scenario {
    const char *name;
    void *(*open)(void);             /* not tortured; may be NULL */
    const char *(*run)(void *world); /* NULL, or the promise that was broken */
    void (*close)(void *world);      /* not tortured; may be NULL */
    bool may_abort;                  /* without memory, and without a word */
};
extern const struct scenario scenario_redis;
extern const struct scenario scenario_pg;
extern const struct scenario scenario_kafka;
/* NULL when there is none. */
const struct scenario *scenario_find(const char *name);
