#include "runtime/session_redis.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "io/crypto.h"

enum { TOKEN_BYTES = 32 };
#define ASK_TIME REDIS_COMMAND(STR("TIME"))

struct str
session_key(enum session_kind kind, const char *hash, struct arena *arena)
{
    return ARENA_JOIN(arena, kind == SESSION_STAFF ? STR("staff:") : STR("sess:"),
                      {hash, SESSION_HASH_SIZE - 1});
}

static bool
time_read(const struct redis_value *value, int64_t *ret_ms)
{
    uint64_t seconds = 0;
    uint64_t micros = 0;
    bool good = value->type == REDIS_ARRAY && value->count == 2 &&
                str_to_u64(value->elements[0].text, INT64_MAX / 1000 - 1, &seconds) &&
                str_to_u64(value->elements[1].text, 999999, &micros);
    *ret_ms = (int64_t)(seconds * 1000 + micros / 1000);
    return good;
}

static enum err_code
time_unknown(const struct redis_value *value, struct err *err)
{
    return ERR(err, ERR_UNAVAILABLE, "redis does not tell the time: %.*s", STR_ARG(value->text));
}

enum err_code
session_time(struct redis *redis, struct arena *arena, int64_t *ret_now_ms, struct err *err)
{
    struct redis_value value;
    const struct redis_command command = ASK_TIME;
    enum err_code code = redis_call(redis, &command, arena, &value, err);
    return code || time_read(&value, ret_now_ms) ? code : time_unknown(&value, err);
}

void
session_token_new(char ret_token[SESSION_TOKEN_SIZE], char ret_hash[SESSION_HASH_SIZE])
{
    unsigned char bytes[TOKEN_BYTES];
    crypto_random(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, ret_token);
    crypto_wipe(bytes, sizeof bytes);
    crypto_sha256_hex(str_of(ret_token), ret_hash);
}

static bool
token_plausible(struct str token)
{
    unsigned char bytes[TOKEN_BYTES];
    return hex_decode(token, bytes, sizeof bytes);
}

enum err_code
session_look_up(struct redis *redis, struct session_touches *touches, struct session_look *looks,
                size_t count, const unsigned idle_s[SESSION_KIND_COUNT_], struct arena *arena,
                int64_t *ret_now_ms, struct err *err)
{
    int64_t mono_ms = (int64_t)(clock_mono_ns() / 1000000);
    bool touch[REDIS_PIPELINE_MAX] UNINITIALIZED;
    struct redis_command commands[REDIS_PIPELINE_MAX] UNINITIALIZED;
    struct redis_value values[REDIS_PIPELINE_MAX] UNINITIALIZED;
    struct session_look *asked[REDIS_PIPELINE_MAX] UNINITIALIZED;
    size_t asked_count = 0;
    assert(count < REDIS_PIPELINE_MAX);
    for (size_t i = 0; i < count; i++) {
        struct session_look *look = &looks[i];
        look->record = STR_NONE;
        if (!token_plausible(look->token))
            continue;
        crypto_sha256_hex(look->token, look->hash);
        struct str key = session_key(look->kind, look->hash, arena);
        touch[asked_count] = session_touch_due(touches, look->hash, mono_ms);
        commands[asked_count] = touch[asked_count]
                                    ? REDIS_COMMAND(STR("GETEX"), key, STR("EX"),
                                                    arena_printf(arena, "%u", idle_s[look->kind]))
                                    : REDIS_COMMAND(STR("GET"), key);
        asked[asked_count++] = look;
    }
    if (asked_count == 0)
        return ERR_OK;
    commands[asked_count] = ASK_TIME;
    enum err_code code = redis_pipeline(redis, commands, asked_count + 1, arena, values, err);
    if (code)
        return code;
    if (!time_read(&values[asked_count], ret_now_ms))
        return time_unknown(&values[asked_count], err);
    for (size_t k = 0; k < asked_count; k++) {
        if (values[k].type == REDIS_ERROR)
            return ERR(err, ERR_UNAVAILABLE, "redis answered: %.*s", STR_ARG(values[k].text));
        if (values[k].type != REDIS_STR)
            continue;
        asked[k]->record = values[k].text;
        if (touch[k])
            session_touched(touches, asked[k]->hash, mono_ms, idle_s[asked[k]->kind]);
    }
    return ERR_OK;
}

enum err_code
session_transaction(struct redis *redis, const struct redis_command *commands, size_t count,
                    struct arena *arena, struct err *err)
{
    struct redis_command all[SESSION_TRANSACTION_MAX + 2];
    struct redis_value values[SESSION_TRANSACTION_MAX + 2];
    all[0] = REDIS_COMMAND(STR("MULTI"));
    memcpy(all + 1, commands, count * sizeof *commands);
    all[count + 1] = REDIS_COMMAND(STR("EXEC"));
    enum err_code code = redis_pipeline(redis, all, count + 2, arena, values, err);
    if (code)
        return code;
    const struct redis_value *done = &values[count + 1];
    if (done->type == REDIS_NIL)
        return ERR(err, ERR_CONFLICT, "what was watched has changed");
    if (done->type != REDIS_ARRAY)
        return ERR(err, ERR_UNAVAILABLE, "redis refused a transaction: %.*s", STR_ARG(done->text));
    for (size_t i = 0; i < done->count; i++)
        if (done->elements[i].type == REDIS_ERROR)
            return ERR(err, ERR_UNAVAILABLE, "redis answered: %.*s",
                       STR_ARG(done->elements[i].text));
    return ERR_OK;
}
