/* Applying the school's decision: one transaction for state, binding, notices and news; then Redis.
 */
#pragma once

#include "services/binding/appeal.h"

/* What a thread that applies decisions owns. */
struct applier {
    struct binding *binding;
    struct pg *pg;
    struct redis *redis;
    struct sealer *sealer;
    struct arena *arena;
};

/* As often as it comes, it has its effect once. ERR_NOT_FOUND: no such application, or not this
 * account's or of this kind. */
enum err_code appeal_apply(struct applier *applier, const struct appeal_decided *decided,
                           struct str traceparent, struct err *err) MUST_CHECK;
