/*
 * Counters and one-time codes in Redis, shared by all copies. Only plain commands (no scripts):
 * what must be atomic is a single INCR, or SET with NX.
 */
#pragma once

#include "io/redis.h"
#include "services/binding/domain.h"

/* Counts one and tells whether it is still within the limit; *ret_retry_s when it is not. */
enum err_code limit_take(struct redis *redis, struct str key, const struct limit *limit,
                         struct arena *arena, bool *ret_within, unsigned *ret_retry_s,
                         struct err *err) MUST_CHECK;
/* Whether the limit is used up already, without counting. */
enum err_code limit_used_up(struct redis *redis, struct str key, const struct limit *limit,
                            struct arena *arena, bool *ret_used_up, unsigned *ret_retry_s,
                            struct err *err) MUST_CHECK;
/* Takes back what was counted for what was no failure. */
enum err_code limit_give_back(struct redis *redis, struct str key, const struct limit *limit,
                              struct arena *arena, struct err *err) MUST_CHECK;

enum code_verdict { CODE_RIGHT, CODE_WRONG, CODE_TOO_MANY };
/* A code's hash as it is stored: never the code itself. */
enum err_code phone_code_put(struct redis *redis, struct str session_id, struct str phone_index,
                             struct str code_index, struct arena *arena,
                             struct err *err) MUST_CHECK;
/* Tries a code. Wrong ones count one by one, per session and phone; the limit's last one burns the
 * code. A right one stays until phone_code_use. */
enum err_code phone_code_try(struct redis *redis, struct str session_id, struct str phone_index,
                             struct str code_index, struct arena *arena,
                             enum code_verdict *ret_verdict, unsigned *ret_retry_s,
                             struct err *err) MUST_CHECK;
enum err_code phone_code_use(struct redis *redis, struct str session_id, struct str phone_index,
                             struct arena *arena, struct err *err) MUST_CHECK;
