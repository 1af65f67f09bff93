#include "services/binding/limits_redis.h"

#include "io/crypto.h"
#include "runtime/metrics.h"

static struct str
number(struct arena *arena, unsigned value)
{
    return arena_printf(arena, "%u", value);
}

static enum err_code
first_error(const struct redis_value *values, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (values[i].type == REDIS_ERROR)
            return ERR(err, ERR_UNAVAILABLE, "redis answered: %.*s", STR_ARG(values[i].text));
    return ERR_OK;
}

/* TTL's answer as a time to wait; a key without one counts as the whole window. */
static unsigned
retry_after(const struct redis_value *ttl, const struct limit *limit)
{
    return ttl->integer > 0 ? (unsigned)ttl->integer : limit->window_s;
}

enum err_code
limit_take(struct redis *redis, struct str key, const struct limit *limit, struct arena *arena,
           bool *ret_within, unsigned *ret_retry_s, struct err *err)
{
    struct redis_value values[3];
    const struct redis_command commands[] = {
        REDIS_COMMAND(STR("INCR"), key),
        REDIS_COMMAND(STR("EXPIRE"), key, number(arena, limit->window_s), STR("NX")),
        REDIS_COMMAND(STR("TTL"), key),
    };
    enum err_code code = redis_pipeline(redis, commands, 3, arena, values, err);
    if (code == ERR_OK)
        code = first_error(values, 3, err);
    if (code)
        return code;
    *ret_within = values[0].integer <= (int64_t)limit->count;
    if (!*ret_within)
        metric_count(METRIC_sy_limits_refused_total, limit->name);
    *ret_retry_s = retry_after(&values[2], limit);
    return ERR_OK;
}

enum err_code
limit_used_up(struct redis *redis, struct str key, const struct limit *limit, struct arena *arena,
              bool *ret_used_up, unsigned *ret_retry_s, struct err *err)
{
    struct redis_value values[2];
    uint64_t used = 0;
    const struct redis_command commands[] = {
        REDIS_COMMAND(STR("GET"), key),
        REDIS_COMMAND(STR("TTL"), key),
    };
    enum err_code code = redis_pipeline(redis, commands, 2, arena, values, err);
    if (code == ERR_OK)
        code = first_error(values, 2, err);
    if (code)
        return code;
    (void)str_to_u64(values[0].text, UINT32_MAX, &used);
    *ret_used_up = values[0].type == REDIS_STR && used >= limit->count;
    if (*ret_used_up)
        metric_count(METRIC_sy_limits_refused_total, limit->name);
    *ret_retry_s = retry_after(&values[1], limit);
    return ERR_OK;
}

enum err_code
limit_give_back(struct redis *redis, struct str key, const struct limit *limit, struct arena *arena,
                struct err *err)
{
    struct redis_value values[2];
    /* The window may have ended meanwhile: DECR makes the key anew, and it must have an end too. */
    const struct redis_command commands[] = {
        REDIS_COMMAND(STR("DECR"), key),
        REDIS_COMMAND(STR("EXPIRE"), key, number(arena, limit->window_s), STR("NX")),
    };
    enum err_code code = redis_pipeline(redis, commands, 2, arena, values, err);
    return code ? code : first_error(values, 2, err);
}

static struct str
code_key(struct str session_id, struct str phone_index, struct arena *arena)
{
    return arena_printf(arena, "otp:%.*s:%.*s", STR_ARG(session_id), STR_ARG(phone_index));
}

static struct str
tries_key(struct str session_id, struct str phone_index, struct arena *arena)
{
    return arena_printf(arena, "lim:code:%.*s:%.*s", STR_ARG(session_id), STR_ARG(phone_index));
}

enum err_code
phone_code_put(struct redis *redis, struct str session_id, struct str phone_index,
               struct str code_index, struct arena *arena, struct err *err)
{
    struct redis_value value;
    const struct redis_command set =
        REDIS_COMMAND(STR("SET"), code_key(session_id, phone_index, arena), code_index, STR("EX"),
                      number(arena, PHONE_CODE_LIFE_S));
    return redis_call(redis, &set, arena, &value, err);
}

enum err_code
phone_code_use(struct redis *redis, struct str session_id, struct str phone_index,
               struct arena *arena, struct err *err)
{
    struct redis_value value;
    const struct redis_command del =
        REDIS_COMMAND(STR("DEL"), code_key(session_id, phone_index, arena));
    return redis_call(redis, &del, arena, &value, err);
}

enum err_code
phone_code_try(struct redis *redis, struct str session_id, struct str phone_index,
               struct str code_index, struct arena *arena, enum code_verdict *ret_verdict,
               unsigned *ret_retry_s, struct err *err)
{
    struct redis_value stored;
    struct redis_value values[3];
    struct str key = code_key(session_id, phone_index, arena);
    struct str tries = tries_key(session_id, phone_index, arena);
    *ret_verdict = CODE_WRONG;
    enum err_code code = redis_call(redis, &REDIS_COMMAND(STR("GET"), key), arena, &stored, err);
    if (code || stored.type != REDIS_STR)
        return code; /* none, old, burnt, or another session's */
    const struct redis_command commands[] = {
        REDIS_COMMAND(STR("INCR"), tries),
        REDIS_COMMAND(STR("EXPIRE"), tries, number(arena, limit_code_tries.window_s), STR("NX")),
        REDIS_COMMAND(STR("TTL"), tries),
    };
    code = redis_pipeline(redis, commands, 3, arena, values, err);
    if (code == ERR_OK)
        code = first_error(values, 3, err);
    if (code)
        return code;
    if (values[0].integer > (int64_t)limit_code_tries.count) {
        metric_count(METRIC_sy_limits_refused_total, limit_code_tries.name);
        *ret_verdict = CODE_TOO_MANY;
        *ret_retry_s = retry_after(&values[2], &limit_code_tries);
        return ERR_OK;
    }
    if (crypto_equal(stored.text, code_index)) {
        *ret_verdict = CODE_RIGHT;
        return limit_give_back(redis, tries, &limit_code_tries, arena, err); /* no try */
    }
    if (values[0].integer == (int64_t)limit_code_tries.count)
        return phone_code_use(redis, session_id, phone_index, arena, err);
    return ERR_OK;
}
