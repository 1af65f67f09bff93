/*
 * The sandbox's state and its APIs. Everything is in memory and bounded; one lock, calls are short.
 * Strict where the real platforms are: a wrong secret, a used code, a missing field, a stale token
 * or a bad signature is refused with the published code.
 */
#pragma once

#include "base/buf.h"
#include "io/http_server.h"
#include "io/platform_sms.h"
#include "services/sandbox/config.h"

struct sandbox;

struct sandbox_secrets {
    char wechat[128];
    char h5[128];
    char sms[128];
};

struct sandbox *sandbox_new(const struct sandbox_conf *conf, const struct sandbox_secrets *secrets);
/* Opens the file of sent messages, if one is asked for. */
enum err_code sandbox_open_sent(struct sandbox *sandbox, struct err *err) MUST_CHECK;
void sandbox_free(struct sandbox *sandbox);

/* One call: its answer is written to *out, the HTTP status returned. `arena` lives for the call. */
struct sandbox_call {
    struct sandbox *sandbox;
    struct http_request *request;
    struct arena *arena;
    struct buf *out;
};

unsigned wechat_jscode2session(struct sandbox_call *call);
unsigned wechat_oauth2_access_token(struct sandbox_call *call);
unsigned wechat_stable_token_call(struct sandbox_call *call);
unsigned wechat_getverifyid(struct sandbox_call *call);
unsigned wechat_queryverifyinfo(struct sandbox_call *call);
unsigned wechat_subscribe_send(struct sandbox_call *call);
unsigned sms_send(struct sandbox_call *call);
unsigned inbox_get(struct sandbox_call *call);

/* Query parameter, percent-decoded; STR_NONE when absent. */
struct str sandbox_query(struct sandbox_call *call, const char *name);
