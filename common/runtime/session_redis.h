/*
 * What sessions of students and of staff have in common in Redis: tokens, the look-up of a whole
 * turn's in one round trip, Redis' time, transactions. Knows nothing of what the records say.
 *
 * A token is 256 random bits in hex and stored nowhere; its record is under `sess:` or `staff:` and
 * the token's SHA-256. Functions are as thread-safe as the connection they are given.
 */
#pragma once

#include "io/redis.h"
#include "runtime/session.h"

enum session_kind { SESSION_STUDENT, SESSION_STAFF, SESSION_KIND_COUNT_ };

struct session_look {
    enum session_kind kind;
    struct str token; /* as it came */
    /* The answer: */
    char hash[SESSION_HASH_SIZE];
    struct str record; /* STR_NONE: there is none, or the token cannot be one */
};

/* Fills `looks` and tells Redis' time when anything was asked; touches what is due. idle_s is by
 * kind. count is less than REDIS_PIPELINE_MAX. */
enum err_code session_look_up(struct redis *redis, struct session_touches *touches,
                              struct session_look *looks, size_t count,
                              const unsigned idle_s[SESSION_KIND_COUNT_], struct arena *arena,
                              int64_t *ret_now_ms, struct err *err) MUST_CHECK;

struct str session_key(enum session_kind kind, const char *hash, struct arena *arena);
void session_token_new(char ret_token[SESSION_TOKEN_SIZE], char ret_hash[SESSION_HASH_SIZE]);
enum err_code session_time(struct redis *redis, struct arena *arena, int64_t *ret_now_ms,
                           struct err *err) MUST_CHECK;
enum { SESSION_TRANSACTION_MAX = 14 };
/* Runs commands between MULTI and EXEC and looks at EXEC's answer only. ERR_CONFLICT: another has
 * changed a key that was watched, nothing was done. count <= SESSION_TRANSACTION_MAX. */
enum err_code session_transaction(struct redis *redis, const struct redis_command *commands,
                                  size_t count, struct arena *arena, struct err *err) MUST_CHECK;
