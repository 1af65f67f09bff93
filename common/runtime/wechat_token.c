/* The access token: one leader fetches it, the others find it in Redis. */
#include "runtime/wechat_token.h"

#include <inttypes.h>

#include "base/clock.h"

enum { TOKEN_LOCK_S = 5, TOKEN_WAIT_TURNS = 40, TOKEN_WAIT_MS = 50, TOKEN_EARLY_S = 300 };

static struct str
token_key(const struct wechat_token_ports *ports, const char *what)
{
    return arena_printf(ports->arena, "wx:%s:%s", what, ports->wechat->appid);
}

/* What Redis holds, unless it is the stale one; empty when there is none. */
static enum err_code
token_read(const struct wechat_token_ports *ports, struct str stale, struct str *ret_token,
           struct err *err)
{
    struct redis_value value;
    const struct redis_command get = REDIS_COMMAND(STR("GET"), token_key(ports, "token"));
    *ret_token = STR_NONE;
    enum err_code code = redis_call(ports->redis, &get, ports->arena, &value, err);
    if (code || value.type != REDIS_STR)
        return code;
    code = seal_open(ports->sealer, value.text, STR("wx-token"), ports->arena, ret_token, err);
    if (code == ERR_OK && crypto_equal(*ret_token, stale))
        *ret_token = STR_NONE;
    return code;
}

static enum err_code
token_fetch(const struct wechat_token_ports *ports, struct str stale, struct str *ret_token,
            struct err *err)
{
    struct redis_value value;
    int64_t expires_in_s = 0;
    struct wechat_answer answer = wechat_stable_token(ports->client, ports->wechat, stale.len > 0,
                                                      ports->arena, ret_token, &expires_in_s);
    if (answer.outcome != WECHAT_OK)
        return ERR(err, answer.outcome == WECHAT_BUSY ? ERR_UNAVAILABLE : ERR_CONFIG,
                   "stable_token answered %" PRId64 " (%s)", answer.errcode,
                   wechat_outcome_name(answer.outcome));
    int64_t keep_s = expires_in_s > 2 * TOKEN_EARLY_S ? expires_in_s - TOKEN_EARLY_S : 60;
    const struct redis_command set =
        REDIS_COMMAND(STR("SET"), token_key(ports, "token"),
                      seal_text(ports->sealer, *ret_token, STR("wx-token"), ports->arena),
                      STR("EX"), arena_printf(ports->arena, "%" PRId64, keep_s));
    return redis_call(ports->redis, &set, ports->arena, &value, err);
}

enum err_code
wechat_token_get(const struct wechat_token_ports *ports, struct str stale, struct str *ret_token,
                 struct err *err)
{
    struct redis_value value;
    const struct redis_command lock =
        REDIS_COMMAND(STR("SET"), token_key(ports, "lock"), STR("1"), STR("NX"), STR("EX"),
                      arena_printf(ports->arena, "%d", TOKEN_LOCK_S));
    for (int turn = 0; turn < TOKEN_WAIT_TURNS; turn++) {
        enum err_code code = token_read(ports, stale, ret_token, err);
        if (code || ret_token->len)
            return code;
        code = redis_call(ports->redis, &lock, ports->arena, &value, err);
        if (code)
            return code;
        if (value.type == REDIS_STR) {
            code = token_fetch(ports, stale, ret_token, err);
            struct err ignored = {0};
            const struct redis_command unlock = REDIS_COMMAND(STR("DEL"), token_key(ports, "lock"));
            (void)!redis_call(ports->redis, &unlock, ports->arena, &value, &ignored);
            return code;
        }
        clock_pause_ms(TOKEN_WAIT_MS);
    }
    return ERR(err, ERR_TIMEOUT, "another copy did not fetch the access token in time");
}
