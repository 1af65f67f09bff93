#include "runtime/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/crypto.h"
#include "runtime/session_redis.h"

enum { SWEEP_BATCH = 128, SWEEPS_MAX = 64 };
enum { ROTATE_TRIES = 8 };
#define LIVE_KEY STR("acct:live") /* see session_count; no account is called so */

static struct str
account_key(struct str account_id, struct arena *arena)
{
    return arena_printf(arena, "acct:%.*s", STR_ARG(account_id));
}

/* Until when a session lives for sure, in milliseconds: nobody needs to use it. */
static struct str
sure_until(const struct session *session, int64_t idle_ms, int64_t now_ms, struct arena *arena)
{
    int64_t idle_end_ms = now_ms + idle_ms;
    return arena_printf(arena, "%" PRId64,
                        idle_end_ms < session->expires_at_ms ? idle_end_ms
                                                             : session->expires_at_ms);
}

bool
session_read(const struct session_look *look, int64_t now_ms, struct session *ret_session)
{
    struct session session = {.seen_at_ms = now_ms};
    if (!session_decode(look->record, &session) || now_ms >= session.expires_at_ms)
        return false;
    memcpy(session.hash, look->hash, sizeof session.hash);
    *ret_session = session;
    return true;
}

int64_t
session_left_s(const struct session *session)
{
    int64_t left_s = (session->expires_at_ms - session->seen_at_ms) / 1000;
    return left_s > 1 ? left_s : 1;
}

/* Live seconds of the set of sessions: the absolute end of its newest member. */
static struct str
account_ttl(const struct session *session, struct arena *arena)
{
    return arena_printf(arena, "%" PRId64, session_left_s(session));
}

static enum err_code
evict_oldest(struct redis *redis, struct str account, struct arena *arena, size_t *ret_evicted,
             struct err *err)
{
    struct redis_value oldest;
    struct redis_command command = REDIS_COMMAND(
        STR("ZRANGE"), account, STR("0"), arena_printf(arena, "-%d", SESSIONS_PER_ACCOUNT + 1));
    enum err_code code = redis_call(redis, &command, arena, &oldest, err);
    *ret_evicted = 0;
    for (size_t i = 0; code == ERR_OK && i < oldest.count; i++) {
        struct str hash = oldest.elements[i].text;
        struct redis_command commands[] = {
            REDIS_COMMAND(STR("DEL"), arena_printf(arena, "sess:%.*s", STR_ARG(hash))),
            REDIS_COMMAND(STR("ZREM"), account, hash),
            REDIS_COMMAND(STR("ZREM"), LIVE_KEY, hash),
        };
        code = session_transaction(redis, commands, 3, arena, err);
        *ret_evicted += code == ERR_OK;
    }
    return code;
}

static struct redis_command
live_add(const struct session *session, const char *hash, unsigned idle_s, struct arena *arena)
{
    struct str until = sure_until(session, (int64_t)idle_s * 1000, session->seen_at_ms, arena);
    return REDIS_COMMAND(STR("ZADD"), LIVE_KEY, until, str_of(hash));
}

enum err_code
session_open(struct redis *redis, struct session *session, unsigned idle_s, unsigned absolute_s,
             struct arena *arena, char ret_token[SESSION_TOKEN_SIZE], size_t *ret_evicted,
             struct err *err)
{
    char token[SESSION_TOKEN_SIZE];
    char hash[SESSION_HASH_SIZE];
    int64_t now_ms = 0;
    enum err_code code = session_time(redis, arena, &now_ms, err);
    if (code)
        return code;
    session->seen_at_ms = session->opened_at_ms = now_ms;
    session->expires_at_ms = now_ms + (int64_t)absolute_s * 1000;
    session_token_new(token, hash);
    struct str account = account_key(session->account_id, arena);
    struct redis_command commands[] = {
        REDIS_COMMAND(STR("SET"), session_key(SESSION_STUDENT, hash, arena),
                      session_encode(session, arena), STR("EX"), arena_printf(arena, "%u", idle_s)),
        REDIS_COMMAND(STR("ZADD"), account, arena_printf(arena, "%" PRId64, session->opened_at_ms),
                      str_of(hash)),
        REDIS_COMMAND(STR("EXPIRE"), account, account_ttl(session, arena)),
        live_add(session, hash, idle_s, arena),
    };
    code = session_transaction(redis, commands, 4, arena, err);
    if (code == ERR_OK)
        code = evict_oldest(redis, account, arena, ret_evicted, err);
    if (code == ERR_OK)
        memcpy(ret_token, token, sizeof token);
    crypto_wipe(token, sizeof token);
    return code;
}

/* The set of the account's sessions is watched: who logs out or is evicted from here on leaves it,
 * and the transaction is not done. (The session's own key is touched by whoever uses it.) */
static enum err_code
watch_living(struct redis *redis, const struct session *session, struct str account,
             struct arena *arena, struct err *err)
{
    struct redis_value values[2];
    const struct redis_command commands[] = {
        REDIS_COMMAND(STR("WATCH"), account),
        REDIS_COMMAND(STR("GET"), session_key(SESSION_STUDENT, session->hash, arena)),
    };
    enum err_code code = redis_pipeline(redis, commands, 2, arena, values, err);
    if (code)
        return code;
    if (values[0].type == REDIS_ERROR)
        return ERR(err, ERR_UNAVAILABLE, "redis does not watch: %.*s", STR_ARG(values[0].text));
    if (values[1].type == REDIS_STR)
        return ERR_OK;
    /* Nothing stays watched: the next transaction on this connection is another call's. */
    struct redis_value done;
    const struct redis_command unwatch = REDIS_COMMAND(STR("UNWATCH"));
    code = redis_call(redis, &unwatch, arena, &done, err);
    if (code)
        return code;
    return values[1].type == REDIS_NIL
               ? ERR(err, ERR_NOT_FOUND, "the session has ended meanwhile")
               : ERR(err, ERR_UNAVAILABLE, "redis answered: %.*s", STR_ARG(values[1].text));
}

static enum err_code
rotate_once(struct redis *redis, const struct session *session, const char *hash, unsigned idle_s,
            struct arena *arena, struct err *err)
{
    struct str account = account_key(session->account_id, arena);
    const struct redis_command commands[] = {
        REDIS_COMMAND(STR("DEL"), session_key(SESSION_STUDENT, session->hash, arena)),
        REDIS_COMMAND(STR("SET"), session_key(SESSION_STUDENT, hash, arena),
                      session_encode(session, arena), STR("EX"), arena_printf(arena, "%u", idle_s)),
        REDIS_COMMAND(STR("ZREM"), account, str_of(session->hash)),
        REDIS_COMMAND(STR("ZADD"), account, arena_printf(arena, "%" PRId64, session->opened_at_ms),
                      str_of(hash)),
        REDIS_COMMAND(STR("EXPIRE"), account, account_ttl(session, arena)),
        REDIS_COMMAND(STR("ZREM"), LIVE_KEY, str_of(session->hash)),
        live_add(session, hash, idle_s, arena),
    };
    enum err_code code = watch_living(redis, session, account, arena, err);
    return code ? code : session_transaction(redis, commands, 7, arena, err);
}

enum err_code
session_rotate(struct redis *redis, const struct session *session, unsigned idle_s,
               struct arena *arena, char ret_token[SESSION_TOKEN_SIZE], struct err *err)
{
    char token[SESSION_TOKEN_SIZE];
    char hash[SESSION_HASH_SIZE];
    enum err_code code = ERR_CONFLICT;
    session_token_new(token, hash);
    for (unsigned tries = 0; code == ERR_CONFLICT && tries < ROTATE_TRIES; tries++)
        code = rotate_once(redis, session, hash, idle_s, arena, err);
    if (code == ERR_OK)
        memcpy(ret_token, token, sizeof token);
    crypto_wipe(token, sizeof token);
    return code;
}

enum err_code
session_close(struct redis *redis, const struct session *session, struct arena *arena,
              struct err *err)
{
    struct redis_command commands[] = {
        REDIS_COMMAND(STR("DEL"), session_key(SESSION_STUDENT, session->hash, arena)),
        REDIS_COMMAND(STR("ZREM"), account_key(session->account_id, arena), str_of(session->hash)),
        REDIS_COMMAND(STR("ZREM"), LIVE_KEY, str_of(session->hash)),
    };
    return session_transaction(redis, commands, 3, arena, err);
}

enum err_code
session_list(struct redis *redis, struct str account_id, struct arena *arena,
             struct session *ret_sessions, size_t max, size_t *ret_count, struct err *err)
{
    struct redis_value hashes;
    struct redis_command range =
        REDIS_COMMAND(STR("ZRANGE"), account_key(account_id, arena), STR("0"), STR("-1"));
    *ret_count = 0;
    enum err_code code = redis_call(redis, &range, arena, &hashes, err);
    for (size_t i = 0; code == ERR_OK && i < hashes.count && *ret_count < max; i++) {
        struct redis_value value;
        struct session *session = &ret_sessions[*ret_count];
        struct str hash = hashes.elements[i].text;
        if (hash.len != SESSION_HASH_SIZE - 1)
            continue;
        *session = (struct session){0};
        memcpy(session->hash, hash.ptr, hash.len);
        struct redis_command get =
            REDIS_COMMAND(STR("GET"), session_key(SESSION_STUDENT, session->hash, arena));
        code = redis_call(redis, &get, arena, &value, err);
        if (code == ERR_OK && value.type == REDIS_STR && session_decode(value.text, session))
            (*ret_count)++;
    }
    return code;
}

/* What to do with a member whose sure time is over: tell anew until when it lives, or forget it. */
static struct redis_command
live_again(struct str hash, const struct redis_value *record, const struct redis_value *ttl,
           int64_t now_ms, struct arena *arena)
{
    struct session session = {0};
    if (record->type != REDIS_STR || !session_decode(record->text, &session) ||
        session.expires_at_ms <= now_ms)
        return REDIS_COMMAND(STR("ZREM"), LIVE_KEY, hash);
    int64_t idle_ms = ttl->integer > 0 ? ttl->integer * 1000 : 1000;
    /* XX: who logged out in between stays out. */
    return REDIS_COMMAND(STR("ZADD"), LIVE_KEY, STR("XX"),
                         sure_until(&session, idle_ms, now_ms, arena), hash);
}

/* Looks at up to SWEEP_BATCH sessions whose sure time is over. */
static enum err_code
sweep(struct redis *redis, int64_t now_ms, struct arena *arena, size_t *ret_looked_at,
      struct err *err)
{
    struct redis_value due;
    struct redis_value values[2 * SWEEP_BATCH];
    struct redis_command commands[2 * SWEEP_BATCH];
    struct redis_command range = REDIS_COMMAND(
        STR("ZRANGE"), LIVE_KEY, STR("-inf"), arena_printf(arena, "%" PRId64, now_ms),
        STR("BYSCORE"), STR("LIMIT"), STR("0"), arena_printf(arena, "%d", SWEEP_BATCH));
    enum err_code code = redis_call(redis, &range, arena, &due, err);
    *ret_looked_at = code ? 0 : due.count;
    if (*ret_looked_at == 0)
        return code;
    for (size_t i = 0; i < due.count; i++) {
        struct str key = ARENA_JOIN(arena, STR("sess:"), due.elements[i].text);
        commands[2 * i] = REDIS_COMMAND(STR("GET"), key);
        commands[2 * i + 1] = REDIS_COMMAND(STR("TTL"), key);
    }
    code = redis_pipeline(redis, commands, 2 * due.count, arena, values, err);
    for (size_t i = 0; code == ERR_OK && i < due.count; i++) {
        if (values[2 * i].type == REDIS_ERROR || values[2 * i + 1].type == REDIS_ERROR)
            return ERR(err, ERR_UNAVAILABLE, "redis does not tell a session");
        commands[i] =
            live_again(due.elements[i].text, &values[2 * i], &values[2 * i + 1], now_ms, arena);
    }
    if (code == ERR_OK)
        code = redis_pipeline(redis, commands, due.count, arena, values, err);
    for (size_t i = 0; code == ERR_OK && i < due.count; i++)
        if (values[i].type == REDIS_ERROR) /* it would be overdue again at once, and for ever */
            return ERR(err, ERR_UNAVAILABLE, "redis does not take when a session lives: %.*s",
                       STR_ARG(values[i].text));
    return code;
}

enum err_code
session_count(struct redis *redis, struct arena *arena, uint64_t *ret_count, struct err *err)
{
    int64_t now_ms = 0;
    size_t looked_at = SWEEP_BATCH;
    enum err_code code = session_time(redis, arena, &now_ms, err);
    /* What was looked at is gone or later than now; the rest of very many is for the next time. */
    for (size_t i = 0; code == ERR_OK && looked_at == SWEEP_BATCH && i < SWEEPS_MAX; i++) {
        arena_reset(arena);
        code = sweep(redis, now_ms, arena, &looked_at, err);
    }
    if (code)
        return code;
    struct redis_value count;
    struct redis_command command = REDIS_COMMAND(
        STR("ZCOUNT"), LIVE_KEY, arena_printf(arena, "(%" PRId64, now_ms), STR("+inf"));
    code = redis_call(redis, &command, arena, &count, err);
    if (code == ERR_OK)
        *ret_count = (uint64_t)count.integer;
    return code;
}
