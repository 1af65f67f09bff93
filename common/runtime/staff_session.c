/* Opening and ending staff sessions in Redis (staff.h). */
#include <inttypes.h>
#include <string.h>

#include "io/crypto.h"
#include "runtime/staff.h"

static struct str
staff_key(struct str staff_id, struct arena *arena)
{
    return arena_printf(arena, "staffs:%.*s", STR_ARG(staff_id));
}

/* Ends some: those whose hashes `found` lists, but `keep`. */
static enum err_code
end_listed(struct redis *redis, struct str staff_id, const struct redis_value *found,
           const char *keep, struct arena *arena, size_t *ret_ended, struct err *err)
{
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < found->count; i++) {
        struct str hash = found->elements[i].text;
        if (hash.len != SESSION_HASH_SIZE - 1 || (keep && crypto_equal(hash, str_of(keep))))
            continue;
        code = staff_session_close(redis, staff_id, hash.ptr, arena, err);
        *ret_ended += code == ERR_OK;
    }
    return code;
}

enum err_code
staff_session_open(struct redis *redis, struct sealer *sealer, struct staff *staff, unsigned idle_s,
                   unsigned absolute_s, struct arena *arena, char ret_token[SESSION_TOKEN_SIZE],
                   struct err *err)
{
    char token[SESSION_TOKEN_SIZE];
    char session_id[SUBMISSION_ID_SIZE];
    int64_t now_ms = 0;
    struct redis_value oldest;
    size_t ended = 0;
    enum err_code code = session_time(redis, arena, &now_ms, err);
    if (code)
        return code;
    uuid_random(session_id);
    session_token_new(token, staff->hash);
    staff->session_id = arena_copy(arena, str_of(session_id));
    staff->opened_at_ms = now_ms;
    staff->expires_at_ms = now_ms + (int64_t)absolute_s * 1000;
    staff->who_sealed = seal_text(
        sealer, arena_printf(arena, "%.*s\t%.*s", STR_ARG(staff->account), STR_ARG(staff->name)),
        staff_seal_context(staff->staff_id, arena), arena);
    struct str key = staff_key(staff->staff_id, arena);
    const struct redis_command commands[] = {
        REDIS_COMMAND(STR("SET"), session_key(SESSION_STAFF, staff->hash, arena),
                      staff_encode(staff, arena), STR("EX"), arena_printf(arena, "%u", idle_s)),
        REDIS_COMMAND(STR("ZADD"), key, arena_printf(arena, "%" PRId64, now_ms),
                      str_of(staff->hash)),
        REDIS_COMMAND(STR("EXPIRE"), key, arena_printf(arena, "%u", absolute_s)),
    };
    code = session_transaction(redis, commands, 3, arena, err);
    const struct redis_command beyond = REDIS_COMMAND(
        STR("ZRANGE"), key, STR("0"), arena_printf(arena, "-%d", STAFF_SESSIONS_MAX + 1));
    if (code == ERR_OK)
        code = redis_call(redis, &beyond, arena, &oldest, err);
    if (code == ERR_OK)
        code = end_listed(redis, staff->staff_id, &oldest, NULL, arena, &ended, err);
    if (code == ERR_OK)
        memcpy(ret_token, token, sizeof token);
    crypto_wipe(token, sizeof token);
    return code;
}

enum err_code
staff_session_close(struct redis *redis, struct str staff_id, const char *hash, struct arena *arena,
                    struct err *err)
{
    const struct redis_command commands[] = {
        REDIS_COMMAND(STR("DEL"), session_key(SESSION_STAFF, hash, arena)),
        REDIS_COMMAND(STR("ZREM"), staff_key(staff_id, arena), {hash, SESSION_HASH_SIZE - 1}),
    };
    return session_transaction(redis, commands, 2, arena, err);
}

enum err_code
staff_sessions_end(struct redis *redis, struct str staff_id, const char *keep, struct arena *arena,
                   size_t *ret_ended, struct err *err)
{
    struct redis_value found;
    const struct redis_command all =
        REDIS_COMMAND(STR("ZRANGE"), staff_key(staff_id, arena), STR("0"), STR("-1"));
    *ret_ended = 0;
    enum err_code code = redis_call(redis, &all, arena, &found, err);
    return code ? code : end_listed(redis, staff_id, &found, keep, arena, ret_ended, err);
}
