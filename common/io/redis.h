/*
 * Redis through hiredis: one connection, commands as argument vectors only, several in one round
 * trip. After any error or timeout the connection is thrown away, so that a late answer can never
 * be taken for another command's. Not thread-safe: one per thread.
 */
#pragma once

#include "base/buf.h"

struct redis;

/* Of whatever a request waits for, once or behind others. Health's look may take longer: who is
 * slow is still there. */
enum { REDIS_TIMEOUT_MS = 200 };
struct redis_conf {
    const char *url;           /* redis://user@host:port/0 */
    const char *password_file; /* NULL or "" when there is none */
    unsigned timeout_ms;       /* connect, and each round trip */
};

enum redis_type { REDIS_NIL, REDIS_STR, REDIS_INT, REDIS_ARRAY, REDIS_ERROR };
struct redis_value {
    enum redis_type type;
    struct str text; /* of a string or an error */
    int64_t integer;
    size_t count; /* of an array */
    struct redis_value *elements;
};

enum { REDIS_ARGS_MAX = 10, REDIS_PIPELINE_MAX = 512 };
struct redis_command {
    int argc;
    struct str argv[REDIS_ARGS_MAX];
};
/* REDIS_COMMAND(STR("GET"), key) */
#define REDIS_COMMAND(...)                                                                         \
    ((struct redis_command){.argc =                                                                \
                                (int)(sizeof((struct str[]){__VA_ARGS__}) / sizeof(struct str)),   \
                            .argv = {__VA_ARGS__}})

/* Checks the URL and reads the password; makes no connection yet. */
enum err_code redis_new(const struct redis_conf *conf, struct redis **ret_redis,
                        struct err *err) MUST_CHECK;
void redis_free(struct redis *redis);
/* Sends all commands, reads all answers (copied into the arena). A command's own error is a
 * REDIS_ERROR value, not a failure. ERR_UNAVAILABLE or ERR_TIMEOUT: nothing is known about what was
 * carried out. count <= REDIS_PIPELINE_MAX. */
enum err_code redis_pipeline(struct redis *redis, const struct redis_command *commands,
                             size_t count, struct arena *arena, struct redis_value *ret_values,
                             struct err *err) MUST_CHECK;
/* While held, a connection that has ended is not made again: the next call fails with
 * ERR_UNAVAILABLE. For what a connection itself remembers (WATCH). */
void redis_hold(struct redis *redis, bool held);
/* One command; a REDIS_ERROR answer is turned into ERR_UNAVAILABLE (loading, out of memory) or
 * ERR_CONFIG (no permission). */
enum err_code redis_call(struct redis *redis, const struct redis_command *command,
                         struct arena *arena, struct redis_value *ret_value,
                         struct err *err) MUST_CHECK;
