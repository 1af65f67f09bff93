/* WeChat: log-in codes, the access token, the face check. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "io/crypto.h"
#include "io/platform_wechat.h"
#include "services/sandbox/state.h"

enum { TOKEN_LIFE_MS = 7200 * 1000, FACE_LIFE_MS = 3600 * 1000 };

unsigned
wechat_errcode(struct sandbox_call *call, int64_t code, const char *text)
{
    struct jsonw w = jsonw_on(call->out);
    jsonw_object_open(&w);
    jsonw_member_int(&w, "errcode", code);
    jsonw_member_text(&w, "errmsg", text);
    jsonw_object_close(&w);
    return 200;
}

/* --- log-in codes --- */

/* demo-X or demo-X.N with digits N; *ret_x is X. */
static bool
demo_code(struct str code, struct str *ret_x)
{
    if (!str_starts(code, STR("demo-")) || code.len > 100)
        return false;
    struct str x = {code.ptr + 5, code.len - 5};
    for (size_t i = x.len; i > 0; i--) {
        if (x.ptr[i - 1] != '.')
            continue;
        if (str_is_digits((struct str){x.ptr + i, x.len - i}))
            x.len = i - 1;
        break;
    }
    *ret_x = x;
    return x.len > 0;
}

/* Each code string works once. False when it was used. Codes of the two channels are apart. */
static bool
code_use(struct sandbox *sandbox, const char *channel, struct str code)
{
    char text[128];
    bool used = false;
    (void)snprintf(text, sizeof text, "%s:%.*s", channel, STR_ARG(code));
    (void)pthread_mutex_lock(&sandbox->lock);
    size_t count = sandbox->code_count < CODES_MAX ? sandbox->code_count : CODES_MAX;
    for (size_t i = 0; i < count && !used; i++)
        used = strcmp(sandbox->codes[i].text, text) == 0;
    if (!used)
        memcpy(sandbox->codes[sandbox->code_count++ % CODES_MAX].text, text, sizeof text);
    (void)pthread_mutex_unlock(&sandbox->lock);
    return !used;
}

static unsigned
login_answer(struct sandbox_call *call, const char *channel, struct str code, bool h5)
{
    struct str x;
    if (code.len == 0)
        return wechat_errcode(call, 41008, "missing code");
    if (!demo_code(code, &x))
        return wechat_errcode(call, 40029, "invalid code");
    if (!code_use(call->sandbox, channel, code))
        return wechat_errcode(call, h5 ? 40163 : 40029, h5 ? "code been used" : "invalid code");
    struct jsonw w = jsonw_on(call->out);
    jsonw_object_open(&w);
    jsonw_member(&w, "openid", arena_printf(call->arena, "sandbox-%.*s", STR_ARG(x)));
    if (h5) {
        jsonw_member_text(&w, "access_token", "sandbox-user-token");
        jsonw_member_int(&w, "expires_in", 7200);
        jsonw_member_text(&w, "refresh_token", "sandbox-refresh-token");
        jsonw_member_text(&w, "scope", "snsapi_base");
    } else {
        jsonw_member_text(&w, "session_key", "c2FuZGJveC1zZXNzaW9uLWtleQ==");
    }
    jsonw_object_close(&w);
    return 200;
}

/* appid, secret and grant_type of a log-in call; 0 when they are right. */
static unsigned
login_refused(struct sandbox_call *call, const char *appid, const char *secret)
{
    if (http_request_method(call->request) != HTTP_GET)
        return wechat_errcode(call, 43001, "require GET method");
    if (sandbox_query(call, "appid").len == 0)
        return wechat_errcode(call, 41002, "appid missing");
    if (!str_eq_text(sandbox_query(call, "appid"), appid))
        return wechat_errcode(call, 40013, "invalid appid");
    if (sandbox_query(call, "secret").len == 0)
        return wechat_errcode(call, 41004, "appsecret missing");
    if (!str_eq_text(sandbox_query(call, "secret"), secret))
        return wechat_errcode(call, 40125, "invalid appsecret");
    if (!str_eq(sandbox_query(call, "grant_type"), STR("authorization_code")))
        return wechat_errcode(call, 40002, "invalid grant_type");
    return 0;
}

unsigned
wechat_jscode2session(struct sandbox_call *call)
{
    const struct sandbox *sandbox = call->sandbox;
    unsigned refused = login_refused(call, sandbox->conf->wechat_appid, sandbox->secrets->wechat);
    return refused ? refused : login_answer(call, "mini", sandbox_query(call, "js_code"), false);
}

unsigned
wechat_oauth2_access_token(struct sandbox_call *call)
{
    const struct sandbox *sandbox = call->sandbox;
    unsigned refused = login_refused(call, sandbox->conf->wechat_h5_appid, sandbox->secrets->h5);
    return refused ? refused : login_answer(call, "h5", sandbox_query(call, "code"), true);
}

/* --- access token --- */

struct json_doc *
wechat_body(struct sandbox_call *call, unsigned *ret_status)
{
    struct err err = {0};
    struct json_doc *doc = NULL;
    struct str body = http_request_body(call->request);
    if (http_request_method(call->request) != HTTP_POST)
        *ret_status = wechat_errcode(call, 43002, "require POST method");
    else if (body.len == 0)
        *ret_status = wechat_errcode(call, 44002, "empty post data");
    else if (json_parse(body, &doc, &err) || json_type(json_root(doc)) != JSON_OBJECT)
        *ret_status = wechat_errcode(call, 47001, "data format error");
    else
        return doc;
    json_doc_free(doc);
    return NULL;
}

unsigned
wechat_stable_token_call(struct sandbox_call *call)
{
    struct sandbox *sandbox = call->sandbox;
    unsigned status = 0;
    CLEANUP(json_doc_free) struct json_doc *doc = wechat_body(call, &status);
    if (doc == NULL)
        return status;
    if (!str_eq(sandbox_member(doc, "grant_type"), STR("client_credential")))
        return wechat_errcode(call, 40002, "invalid grant_type");
    if (!str_eq_text(sandbox_member(doc, "appid"), sandbox->conf->wechat_appid))
        return wechat_errcode(call, 40013, "invalid appid");
    if (!str_eq_text(sandbox_member(doc, "secret"), sandbox->secrets->wechat))
        return wechat_errcode(call, 40125, "invalid appsecret");
    int64_t now_ms = clock_now_ms();
    (void)pthread_mutex_lock(&sandbox->lock);
    struct token *newest =
        sandbox->token_count ? &sandbox->tokens[(sandbox->token_count - 1) % TOKENS_MAX] : NULL;
    bool force = json_bool(json_get(json_root(doc), "force_refresh"));
    if (newest == NULL || force || newest->expires_ms - now_ms < 300 * 1000) {
        unsigned char random[32];
        crypto_random(random, sizeof random);
        newest = &sandbox->tokens[sandbox->token_count++ % TOKENS_MAX];
        hex_encode(random, sizeof random, newest->text);
        newest->expires_ms = now_ms + TOKEN_LIFE_MS;
    }
    struct jsonw w = jsonw_on(call->out);
    jsonw_object_open(&w);
    jsonw_member_text(&w, "access_token", newest->text);
    jsonw_member_int(&w, "expires_in", (newest->expires_ms - now_ms) / 1000);
    jsonw_object_close(&w);
    (void)pthread_mutex_unlock(&sandbox->lock);
    return 200;
}

unsigned
wechat_token_refused(struct sandbox_call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct str given = sandbox_query(call, "access_token");
    int64_t now_ms = clock_now_ms();
    bool known = false;
    bool alive = false;
    if (given.len == 0)
        return wechat_errcode(call, 41001, "access_token missing");
    (void)pthread_mutex_lock(&sandbox->lock);
    for (size_t i = 0; i < TOKENS_MAX; i++) {
        if (!str_eq_text(given, sandbox->tokens[i].text))
            continue;
        known = true;
        alive = now_ms < sandbox->tokens[i].expires_ms;
    }
    (void)pthread_mutex_unlock(&sandbox->lock);
    if (!known)
        return wechat_errcode(call, 40001,
                              "invalid credential, access_token is invalid or not latest");
    return alive ? 0 : wechat_errcode(call, 42001, "access_token expired");
}

/* --- face check --- */

static int64_t
verify_ret_of(struct str name)
{
    static const struct {
        const char *suffix;
        int64_t verify_ret;
    } rows[] = {{"不符", 10003}, {"超时", 10020}, {"取消", 90002}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (str_ends(name, str_of(rows[i].suffix)))
            return rows[i].verify_ret;
    return WECHAT_FACE_PASSED;
}

static bool
seq_no_valid(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '_' || c == '-'))
            return false;
    }
    return text.len >= 5 && text.len <= 32;
}

static struct face *
face_find(struct sandbox *sandbox, struct str key, bool by_seq_no)
{
    size_t count = sandbox->face_count < FACES_MAX ? sandbox->face_count : FACES_MAX;
    for (size_t i = 0; i < count; i++)
        if (str_eq_text(key,
                        by_seq_no ? sandbox->faces[i].out_seq_no : sandbox->faces[i].verify_id))
            return &sandbox->faces[i];
    return NULL;
}

unsigned
wechat_getverifyid(struct sandbox_call *call)
{
    struct sandbox *sandbox = call->sandbox;
    unsigned char random[32];
    unsigned status = wechat_token_refused(call);
    if (status)
        return status;
    CLEANUP(json_doc_free) struct json_doc *doc = wechat_body(call, &status);
    if (doc == NULL)
        return status;
    const struct json *cert = json_get(json_root(doc), "cert_info");
    struct str seq_no = sandbox_member(doc, "out_seq_no");
    struct str openid = sandbox_member(doc, "openid");
    struct str name = json_str(json_get(cert, "cert_name"));
    struct str number = json_str(json_get(cert, "cert_no"));
    if (!seq_no_valid(seq_no) || openid.len == 0 || openid.len > 120 || name.len == 0 ||
        number.len != 18 || !str_eq(json_str(json_get(cert, "cert_type")), STR("IDENTITY_CARD")))
        return wechat_errcode(call, 40097, "invalid args");
    crypto_random(random, sizeof random);
    (void)pthread_mutex_lock(&sandbox->lock);
    if (face_find(sandbox, seq_no, true)) {
        (void)pthread_mutex_unlock(&sandbox->lock);
        return wechat_errcode(call, 40097, "out_seq_no was used");
    }
    struct face *face = &sandbox->faces[sandbox->face_count++ % FACES_MAX];
    *face = (struct face){.verify_ret = verify_ret_of(name),
                          .expires_ms = clock_now_ms() + FACE_LIFE_MS};
    hex_encode(random, sizeof random, face->verify_id);
    sandbox_copy(face->out_seq_no, sizeof face->out_seq_no, seq_no);
    sandbox_copy(face->openid, sizeof face->openid, openid);
    wechat_cert_hash(name, number, face->cert_hash);
    struct jsonw w = jsonw_on(call->out);
    jsonw_object_open(&w);
    jsonw_member_int(&w, "errcode", 0);
    jsonw_member_text(&w, "errmsg", "ok");
    jsonw_member_text(&w, "verify_id", face->verify_id);
    jsonw_member_int(&w, "expires_in", FACE_LIFE_MS / 1000);
    jsonw_object_close(&w);
    (void)pthread_mutex_unlock(&sandbox->lock);
    return 200;
}

unsigned
wechat_queryverifyinfo(struct sandbox_call *call)
{
    struct sandbox *sandbox = call->sandbox;
    unsigned status = wechat_token_refused(call);
    if (status)
        return status;
    CLEANUP(json_doc_free) struct json_doc *doc = wechat_body(call, &status);
    if (doc == NULL)
        return status;
    (void)pthread_mutex_lock(&sandbox->lock);
    const struct face *found = face_find(sandbox, sandbox_member(doc, "verify_id"), false);
    struct face face = found ? *found : (struct face){0};
    (void)pthread_mutex_unlock(&sandbox->lock);
    if (found == NULL || clock_now_ms() > face.expires_ms)
        return wechat_errcode(call, 40097, "verify_id is unknown or expired");
    if (!str_eq_text(sandbox_member(doc, "out_seq_no"), face.out_seq_no) ||
        !str_eq_text(sandbox_member(doc, "openid"), face.openid) ||
        !str_eq_text(sandbox_member(doc, "cert_hash"), face.cert_hash))
        return wechat_errcode(call, 40097, "out_seq_no, openid or cert_hash differs");
    struct jsonw w = jsonw_on(call->out);
    jsonw_object_open(&w);
    jsonw_member_int(&w, "errcode", 0);
    jsonw_member_text(&w, "errmsg", "ok");
    jsonw_member_int(&w, "verify_ret", face.verify_ret);
    jsonw_object_close(&w);
    return 200;
}
