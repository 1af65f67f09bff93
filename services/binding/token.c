/* The access token, for a call. */
#include "runtime/wechat_token.h"
#include "services/binding/service.h"

enum err_code
access_token_get(struct api_call *call, struct str stale, struct str *ret_token, struct err *err)
{
    const struct binding *binding = call->worker->service;
    const struct wechat_token_ports ports = {call->worker->redis, call->worker->sealer,
                                             call->worker->client, &binding->wechat, call->arena};
    return wechat_token_get(&ports, stale, ret_token, err);
}
