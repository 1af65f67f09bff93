/*
 * WeChat's access token, shared by all copies of all services through Redis (sealed there). Whoever
 * needs one that is not there fetches it; the others wait for a moment. As thread-safe as the
 * connections it is given.
 */
#pragma once

#include "io/platform_wechat.h"
#include "io/redis.h"
#include "io/seal.h"

struct wechat_token_ports {
    struct redis *redis;
    struct sealer *sealer;
    struct http_client *client;
    const struct wechat_conf *wechat;
    struct arena *arena;
};

/* `stale`: the one that was refused, if any; it is replaced. */
enum err_code wechat_token_get(const struct wechat_token_ports *ports, struct str stale,
                               struct str *ret_token, struct err *err) MUST_CHECK;
