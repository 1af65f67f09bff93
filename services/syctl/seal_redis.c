/* Sealed values in Redis: sessions, and the platform's token. Both end by themselves in hours; a
 * key can be given up earlier. */
#include <string.h>

#include "runtime/session.h"
#include "runtime/staff.h"
#include "services/syctl/seal.h"

enum { SCAN_COUNT = 500, TRIES_MAX = 20 };

/* What is kept under which keys: records of sessions, or a sealed text. */
enum holding { HOLDS_SESSION, HOLDS_STAFF, HOLDS_TEXT };
static const struct {
    const char *prefix;
    const char *name;
    enum holding holds;
} kinds[] = {
    {"sess:", "session", HOLDS_SESSION},
    {"bound:", "bound", HOLDS_SESSION},
    {"staff:", "staff", HOLDS_STAFF},
    {"wx:token:", "wx-token", HOLDS_TEXT},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Seals again in place what is not under the current key. */
static void
value_again(struct seal_walk *walk, struct str *value, struct str context, bool *changed)
{
    struct str fresh;
    if (value->len == 0 || seal_is_current(walk->sealer, *value) ||
        !seal_walk_again(walk, STR("redis"), *value, context, &fresh))
        return;
    *value = fresh;
    *changed = true;
}

static struct str
staff_again(struct seal_walk *walk, struct str record)
{
    struct staff staff = {0};
    bool changed = false;
    if (!staff_decode(record, &staff))
        return STR_NONE;
    value_again(walk, &staff.who_sealed, staff_seal_context(staff.staff_id, walk->arena), &changed);
    return changed ? staff_encode(&staff, walk->arena) : STR_NONE;
}

/* The record as it should be; STR_NONE when it may stay. */
static struct str
record_again(struct seal_walk *walk, size_t kind, struct str record)
{
    struct session session;
    bool changed = false;
    if (kinds[kind].holds == HOLDS_TEXT) {
        value_again(walk, &record, STR("wx-token"), &changed);
        return changed ? record : STR_NONE;
    }
    if (kinds[kind].holds == HOLDS_STAFF)
        return staff_again(walk, record);
    if (!session_decode(record, &session))
        return STR_NONE;
    struct arena *arena = walk->arena;
    value_again(walk, &session.openid_sealed,
                arena_printf(arena, "openid/%.*s", STR_ARG(session.account_id)), &changed);
    value_again(walk, &session.phone_sealed,
                arena_printf(arena, "phone/%.*s", STR_ARG(session.phone_index)), &changed);
    value_again(walk, &session.card_sealed,
                arena_printf(arena, "card/%.*s", STR_ARG(session.account_id)), &changed);
    return changed ? session_encode(&session, arena) : STR_NONE;
}

/* One try. *ret_done: it is under the current key, or gone. */
static enum err_code
exchange(struct seal_walk *walk, size_t kind, struct str key, bool *ret_done, struct err *err)
{
    struct redis_value watched[2];
    struct redis_value done[3];
    const struct redis_command watch[] = {REDIS_COMMAND(STR("WATCH"), key),
                                          REDIS_COMMAND(STR("GET"), key)};
    enum err_code code = redis_pipeline(walk->redis, watch, 2, walk->arena, watched, err);
    if (code)
        return code;
    struct str fresh =
        watched[1].type == REDIS_STR ? record_again(walk, kind, watched[1].text) : STR_NONE;
    *ret_done = fresh.len == 0;
    if (*ret_done)
        return redis_call(walk->redis, &REDIS_COMMAND(STR("UNWATCH")), walk->arena, done, err);
    const struct redis_command put[] = {
        REDIS_COMMAND(STR("MULTI")),
        REDIS_COMMAND(STR("SET"), key, fresh, STR("XX"), STR("KEEPTTL")),
        REDIS_COMMAND(STR("EXEC")),
    };
    code = redis_pipeline(walk->redis, put, 3, walk->arena, done, err);
    if (code == ERR_OK && done[2].type == REDIS_ERROR)
        return ERR(err, ERR_CONFIG, "redis answered: %.*s", STR_ARG(done[2].text));
    *ret_done = code == ERR_OK && done[2].type == REDIS_ARRAY;
    walk->resealed += *ret_done;
    return code;
}

/* Somebody who uses the session at this moment has it: again. The connection must be the one that
 * watches, so it is held. */
static enum err_code
rotate_key(struct seal_walk *walk, size_t kind, struct str key, struct err *err)
{
    bool done = false;
    enum err_code code = ERR_OK;
    for (int try = 0; code == ERR_OK && !done && try < TRIES_MAX; try++) {
        redis_hold(walk->redis, true);
        code = exchange(walk, kind, key, &done, err);
        redis_hold(walk->redis, false);
    }
    return code;
}

static void
count_session(struct seal_walk *walk, const char *name, struct str record)
{
    struct session s;
    if (!session_decode(record, &s))
        return;
    const struct {
        const char *member;
        struct str value;
    } members[] = {{"openid", s.openid_sealed}, {"phone", s.phone_sealed}, {"card", s.card_sealed}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        seal_walk_count(walk, STR("redis"),
                        arena_printf(walk->arena, "%s.%s", name, members[i].member),
                        seal_key_id(members[i].value), 1);
}

static enum err_code
count_key(struct seal_walk *walk, size_t kind, struct str key, struct err *err)
{
    struct redis_value value;
    enum err_code code =
        redis_call(walk->redis, &REDIS_COMMAND(STR("GET"), key), walk->arena, &value, err);
    if (code || value.type != REDIS_STR)
        return code;
    struct staff staff = {0};
    if (kinds[kind].holds == HOLDS_SESSION)
        count_session(walk, kinds[kind].name, value.text);
    else if (kinds[kind].holds == HOLDS_STAFF && staff_decode(value.text, &staff))
        seal_walk_count(walk, STR("redis"), STR("staff.who"), seal_key_id(staff.who_sealed), 1);
    else if (kinds[kind].holds == HOLDS_TEXT)
        seal_walk_count(walk, STR("redis"), str_of(kinds[kind].name), seal_key_id(value.text), 1);
    return ERR_OK;
}

static enum err_code
walk_keys(struct seal_walk *walk, size_t kind,
          enum err_code (*each)(struct seal_walk *walk, size_t kind, struct str key,
                                struct err *err),
          struct err *err)
{
    char cursor[32] = "0";
    enum err_code code = ERR_OK;
    do {
        struct redis_value page;
        arena_reset(walk->arena);
        const struct redis_command scan =
            REDIS_COMMAND(STR("SCAN"), str_of(cursor), STR("MATCH"),
                          arena_printf(walk->arena, "%s*", kinds[kind].prefix), STR("COUNT"),
                          arena_printf(walk->arena, "%d", SCAN_COUNT));
        code = redis_call(walk->redis, &scan, walk->arena, &page, err);
        if (code)
            break;
        if (page.type != REDIS_ARRAY || page.count != 2 ||
            page.elements[0].text.len >= sizeof cursor)
            return ERR(err, ERR_INTERNAL, "redis answered SCAN with something else");
        memcpy(cursor, page.elements[0].text.ptr, page.elements[0].text.len + 1);
        for (size_t i = 0; code == ERR_OK && i < page.elements[1].count; i++)
            code = each(walk, kind, page.elements[1].elements[i].text, err);
    } while (code == ERR_OK && strcmp(cursor, "0") != 0);
    return code;
}

static enum err_code
walk_all(struct seal_walk *walk,
         enum err_code (*each)(struct seal_walk *walk, size_t kind, struct str key,
                               struct err *err),
         struct err *err)
{
    enum err_code code = ERR_OK;
    for (size_t kind = 0; code == ERR_OK && kind < KINDS; kind++)
        code = walk_keys(walk, kind, each, err);
    return code;
}

enum err_code
seal_redis_count(struct seal_walk *walk, struct err *err)
{
    return walk_all(walk, count_key, err);
}

enum err_code
seal_redis_rotate(struct seal_walk *walk, struct err *err)
{
    return walk_all(walk, rotate_key, err);
}
