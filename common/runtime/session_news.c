#include "runtime/session_news.h"

enum { SESSIONS_MAX = 2 * SESSIONS_PER_ACCOUNT, UPDATE_TRIES = 16 };

bool
session_take_news(struct session *session, const struct identity_changed *news)
{
    if (session->identity_sequence >= news->sequence)
        return false;
    session->identity_sequence = news->sequence;
    bool verified_only = str_eq(news->kind, STR("verified"));
    if (!verified_only || !session_is_bound(session))
        session->document_index = news->document_index;
    if (verified_only)
        return true;
    session->student_id = news->student_id;
    session->school_code = news->school_code;
    session->phone_index = news->phone_index;
    session->phone_sealed = news->phone_sealed;
    session->card_sealed = news->card_sealed;
    return true;
}

/* The record as it is now is watched while it is looked at. ERR_CONFLICT: somebody wrote or touched
 * it meanwhile. */
static enum err_code
update_once(struct redis *redis, const struct session *session, struct str key, struct arena *arena,
            struct err *err)
{
    struct redis_value values[3];
    struct session known = {0};
    const struct redis_command look[] = {REDIS_COMMAND(STR("WATCH"), key),
                                         REDIS_COMMAND(STR("GET"), key)};
    enum err_code code = redis_pipeline(redis, look, 2, arena, values, err);
    if (code)
        return code;
    if (values[0].type == REDIS_ERROR || values[1].type == REDIS_ERROR)
        return ERR(err, ERR_UNAVAILABLE, "redis does not watch: %.*s", STR_ARG(values[0].text));
    if (values[1].type != REDIS_STR || !session_decode(values[1].text, &known) ||
        known.identity_sequence > session->identity_sequence) {
        const struct redis_command unwatch = REDIS_COMMAND(STR("UNWATCH"));
        return redis_call(redis, &unwatch, arena, &values[0], err);
    }
    const struct redis_command write[] = {
        REDIS_COMMAND(STR("MULTI")),
        REDIS_COMMAND(STR("SET"), key, session_encode(session, arena), STR("XX"), STR("KEEPTTL")),
        REDIS_COMMAND(STR("EXEC")),
    };
    code = redis_pipeline(redis, write, 3, arena, values, err);
    if (code)
        return code;
    if (values[2].type == REDIS_NIL)
        return ERR(err, ERR_CONFLICT, "the session was used meanwhile");
    return values[2].type == REDIS_ARRAY
               ? ERR_OK
               : ERR(err, ERR_UNAVAILABLE, "redis answered: %.*s", STR_ARG(values[2].text));
}

enum err_code
session_update(struct redis *redis, const struct session *session, struct arena *arena,
               struct err *err)
{
    enum err_code code = ERR_CONFLICT;
    struct str key = arena_printf(arena, "sess:%s", session->hash);
    for (unsigned tries = 0; code == ERR_CONFLICT && tries < UPDATE_TRIES; tries++)
        code = update_once(redis, session, key, arena, err);
    return code;
}

enum err_code
session_tell_news(struct redis *redis, const struct identity_changed *news, struct arena *arena,
                  struct err *err)
{
    struct session sessions[SESSIONS_MAX];
    size_t count = 0;
    enum err_code code =
        session_list(redis, news->account_id, arena, sessions, SESSIONS_MAX, &count, err);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        if (!session_take_news(&sessions[i], news))
            continue;
        code = session_update(redis, &sessions[i], arena, err);
    }
    return code;
}
