#include "io/platform_wechat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/limits.h"
#include "io/crypto.h"
#include "schema/json.h"

enum { CALL_TIMEOUT_MS = 3000, LOGIN_TRIES = 2, URL_SIZE = 2048, NOTICE_BODY_MAX = 8192 };

struct errcode_row {
    int64_t errcode;
    enum wechat_outcome outcome;
};
/* clang-format off */
static const struct errcode_row errcodes[] = {
    {0,     WECHAT_OK},
    {-1,    WECHAT_BUSY},          /* system busy */
    {40001, WECHAT_TOKEN_STALE},   /* bad or outdated access token (or secret) */
    {40014, WECHAT_TOKEN_STALE},
    {42001, WECHAT_TOKEN_STALE},   /* token expired */
    {41001, WECHAT_TOKEN_STALE},   /* token missing */
    {40029, WECHAT_CODE_INVALID},  /* invalid code */
    {40163, WECHAT_CODE_INVALID},  /* code used */
    {42003, WECHAT_CODE_INVALID},  /* code expired */
    {41008, WECHAT_CODE_INVALID},  /* code missing */
    {40226, WECHAT_USER_REFUSED},  /* high-risk user */
    {50002, WECHAT_USER_REFUSED},  /* user limited */
    {45009, WECHAT_BUSY},          /* daily quota */
    {45011, WECHAT_BUSY},          /* minute quota */
    {40002, WECHAT_MISCONFIGURED}, /* grant type */
    {40013, WECHAT_MISCONFIGURED}, /* appid */
    {40125, WECHAT_MISCONFIGURED}, /* secret */
    {41002, WECHAT_MISCONFIGURED}, /* appid missing */
    {41004, WECHAT_MISCONFIGURED}, /* secret missing */
    {48001, WECHAT_MISCONFIGURED}, /* no permission */
    {43002, WECHAT_REQUEST},       /* POST wanted */
    {44002, WECHAT_REQUEST},       /* empty body */
    {47001, WECHAT_REQUEST},       /* bad JSON */
    {40003, WECHAT_REQUEST},       /* openid */
};
/* clang-format on */

enum wechat_outcome
wechat_errcode_outcome(int64_t errcode)
{
    for (size_t i = 0; i < sizeof errcodes / sizeof errcodes[0]; i++)
        if (errcodes[i].errcode == errcode)
            return errcodes[i].outcome;
    return WECHAT_BUSY;
}

const char *
wechat_outcome_name(enum wechat_outcome outcome)
{
    static const char *const names[] = {"ok",   "code-invalid", "user-refused", "token-stale",
                                        "busy", "request",      "misconfigured"};
    return names[outcome];
}

/* Percent-encodes everything but unreserved characters. */
static struct str
url_encode(struct str text, struct arena *arena)
{
    struct buf out;
    buf_init(&out, URL_SIZE);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("-_.~", c));
        if (plain)
            buf_add_char(&out, c);
        else
            buf_printf(&out, "%%%02X", (unsigned)(unsigned char)c);
    }
    struct str copy = arena_copy(arena, buf_str(&out));
    buf_done(&out);
    return copy;
}

/* One exchange: ERR_OK means *ret_doc is an object that the platform sent. */
static enum err_code
exchange(struct http_client *client, const char *method, struct str url, struct str body,
         struct json_doc **ret_doc, struct err *err)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    const struct http_client_request request = {
        .method = method,
        .url = url.ptr,
        .headers = headers,
        .body = body,
        .timeout_ms = CALL_TIMEOUT_MS,
        .answer_bytes_max = LIMIT_PLATFORM_ANSWER,
    };
    struct buf answer;
    unsigned status = 0;
    enum err_code code = http_client_call(client, &request, &status, &answer, err);
    if (code)
        return code;
    if (status != 200)
        code = ERR(err, ERR_UNAVAILABLE, "platform answered HTTP %u", status);
    else
        code = json_parse(buf_str(&answer), ret_doc, err);
    buf_done(&answer);
    return code;
}

static struct wechat_answer
no_answer(void)
{
    return (struct wechat_answer){WECHAT_BUSY, -1};
}

/* An object without errcode is success, as published; an errcode that is no number is no answer. */
static struct wechat_answer
answer_of(const struct json_doc *doc)
{
    const struct json *member = json_get(json_root(doc), "errcode");
    if (json_type(json_root(doc)) != JSON_OBJECT || (member && json_type(member) != JSON_INT))
        return no_answer();
    int64_t errcode = json_int(member, 0);
    return (struct wechat_answer){wechat_errcode_outcome(errcode), errcode};
}

static struct str
member_copy(const struct json_doc *doc, const char *name, struct arena *arena)
{
    return arena_copy(arena, json_str(json_get(json_root(doc), name)));
}

static struct wechat_answer
login_once(struct http_client *client, struct str url, struct arena *arena, struct str *ret_openid)
{
    struct err err = {0};
    CLEANUP(json_doc_free) struct json_doc *doc = NULL;
    if (exchange(client, "GET", url, STR_NONE, &doc, &err))
        return no_answer();
    struct wechat_answer answer = answer_of(doc);
    if (answer.outcome != WECHAT_OK)
        return answer;
    *ret_openid = member_copy(doc, "openid", arena);
    return ret_openid->len ? answer : no_answer();
}

struct wechat_answer
wechat_login(struct http_client *client, const struct wechat_conf *conf, bool h5, struct str code,
             struct arena *arena, struct str *ret_openid)
{
    struct str encoded = url_encode(code, arena);
    struct str url =
        h5 ? arena_printf(arena,
                          "%s/sns/oauth2/access_token?appid=%s&secret=%s&code=%.*s"
                          "&grant_type=authorization_code",
                          conf->base_url, conf->h5_appid, conf->h5_secret, STR_ARG(encoded))
           : arena_printf(arena,
                          "%s/sns/jscode2session?appid=%s&secret=%s&js_code=%.*s"
                          "&grant_type=authorization_code",
                          conf->base_url, conf->appid, conf->secret, STR_ARG(encoded));
    struct wechat_answer answer = no_answer();
    /* A code that was used by an exchange whose answer got lost comes back as invalid: the user
     * authorises again, which is one tap. */
    for (int i = 0; i < LOGIN_TRIES && answer.outcome == WECHAT_BUSY; i++)
        answer = login_once(client, url, arena, ret_openid);
    /* At log-in a stale "token" can only mean the secret: there is no token in this call. */
    if (answer.outcome == WECHAT_TOKEN_STALE)
        answer.outcome = WECHAT_MISCONFIGURED;
    return answer;
}

struct wechat_answer
wechat_stable_token(struct http_client *client, const struct wechat_conf *conf, bool force,
                    struct arena *arena, struct str *ret_token, int64_t *ret_expires_in_s)
{
    struct err err = {0};
    struct buf body;
    CLEANUP(json_doc_free) struct json_doc *doc = NULL;
    buf_init(&body, URL_SIZE);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_member_text(&w, "grant_type", "client_credential");
    jsonw_member_text(&w, "appid", conf->appid);
    jsonw_member_text(&w, "secret", conf->secret);
    jsonw_member_bool(&w, "force_refresh", force);
    jsonw_object_close(&w);
    struct str url = arena_printf(arena, "%s/cgi-bin/stable_token", conf->base_url);
    enum err_code code = exchange(client, "POST", url, buf_str(&body), &doc, &err);
    buf_done(&body);
    if (code)
        return no_answer();
    struct wechat_answer answer = answer_of(doc);
    if (answer.outcome == WECHAT_TOKEN_STALE)
        answer.outcome = WECHAT_MISCONFIGURED;
    if (answer.outcome != WECHAT_OK)
        return answer;
    *ret_token = member_copy(doc, "access_token", arena);
    *ret_expires_in_s = json_int(json_get(json_root(doc), "expires_in"), 0);
    return ret_token->len ? answer : no_answer();
}

void
wechat_cert_hash(struct str name, struct str number, char out[65])
{
    struct buf text;
    buf_init(&text, URL_SIZE);
    buf_add_text(&text, "cert_type=");
    base64_encode(&text, STR("IDENTITY_CARD"));
    buf_add_text(&text, "&cert_name=");
    base64_encode(&text, name);
    buf_add_text(&text, "&cert_no=");
    base64_encode(&text, number);
    crypto_sha256_hex(buf_str(&text), out);
    buf_done(&text);
}

struct wechat_answer
wechat_face_start(struct http_client *client, const struct wechat_conf *conf, struct str token,
                  const struct wechat_face *face, struct arena *arena, struct str *ret_verify_id,
                  int64_t *ret_expires_in_s)
{
    struct err err = {0};
    struct buf body;
    CLEANUP(json_doc_free) struct json_doc *doc = NULL;
    buf_init(&body, URL_SIZE);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_member(&w, "out_seq_no", face->out_seq_no);
    jsonw_key(&w, "cert_info");
    jsonw_object_open(&w);
    jsonw_member_text(&w, "cert_type", "IDENTITY_CARD");
    jsonw_member(&w, "cert_name", face->name);
    jsonw_member(&w, "cert_no", face->number);
    jsonw_object_close(&w);
    jsonw_member(&w, "openid", face->openid);
    jsonw_object_close(&w);
    struct str url =
        arena_printf(arena, "%s/cityservice/face/identify/getverifyid?access_token=%.*s",
                     conf->base_url, STR_ARG(url_encode(token, arena)));
    enum err_code code = exchange(client, "POST", url, buf_str(&body), &doc, &err);
    buf_done(&body);
    if (code)
        return no_answer();
    struct wechat_answer answer = answer_of(doc);
    if (answer.outcome != WECHAT_OK)
        return answer;
    *ret_verify_id = member_copy(doc, "verify_id", arena);
    *ret_expires_in_s = json_int(json_get(json_root(doc), "expires_in"), 3600);
    return ret_verify_id->len ? answer : no_answer();
}

struct wechat_answer
wechat_face_result(struct http_client *client, const struct wechat_conf *conf, struct str token,
                   const struct wechat_face *face, struct arena *arena, int64_t *ret_verify_ret)
{
    struct err err = {0};
    struct buf body;
    char cert_hash[65];
    CLEANUP(json_doc_free) struct json_doc *doc = NULL;
    wechat_cert_hash(face->name, face->number, cert_hash);
    buf_init(&body, URL_SIZE);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_member(&w, "verify_id", face->verify_id);
    jsonw_member(&w, "out_seq_no", face->out_seq_no);
    jsonw_member_text(&w, "cert_hash", cert_hash);
    jsonw_member(&w, "openid", face->openid);
    jsonw_object_close(&w);
    struct str url =
        arena_printf(arena, "%s/cityservice/face/identify/queryverifyinfo?access_token=%.*s",
                     conf->base_url, STR_ARG(url_encode(token, arena)));
    enum err_code code = exchange(client, "POST", url, buf_str(&body), &doc, &err);
    buf_done(&body);
    if (code)
        return no_answer();
    /* No verify_ret is no result, whatever errcode says. */
    *ret_verify_ret = json_int(json_get(json_root(doc), "verify_ret"), 0);
    return answer_of(doc);
}

static void
notice_write(const struct wechat_notice *notice, struct buf *body)
{
    struct jsonw w = jsonw_on(body);
    jsonw_object_open(&w);
    jsonw_member(&w, "touser", notice->openid);
    jsonw_member_text(&w, "template_id", notice->template_id);
    jsonw_member_text(&w, "page", notice->page);
    jsonw_member_text(&w, "miniprogram_state", "formal");
    jsonw_member_text(&w, "lang", "zh_CN");
    jsonw_key(&w, "data");
    jsonw_object_open(&w);
    for (size_t i = 0; i < notice->field_count; i++) {
        jsonw_key(&w, notice->fields[i].name);
        jsonw_object_open(&w);
        jsonw_member(&w, "value", notice->fields[i].value);
        jsonw_object_close(&w);
    }
    jsonw_object_close(&w);
    jsonw_object_close(&w);
}

enum wechat_delivery
wechat_notice_send(struct http_client *client, const struct wechat_conf *conf, struct str token,
                   const struct wechat_notice *notice, struct arena *arena, int64_t *ret_errcode)
{
    struct err err = {0};
    struct buf body;
    CLEANUP(json_doc_free) struct json_doc *doc = NULL;
    buf_init(&body, NOTICE_BODY_MAX);
    notice_write(notice, &body);
    struct str url = arena_printf(arena, "%s/cgi-bin/message/subscribe/send?access_token=%.*s",
                                  conf->base_url, STR_ARG(url_encode(token, arena)));
    enum err_code code = exchange(client, "POST", url, buf_str(&body), &doc, &err);
    buf_done(&body);
    if (code)
        return http_client_reached(client) ? WECHAT_MAYBE_SENT : WECHAT_NOT_SENT;
    const struct json *errcode = json_get(json_root(doc), "errcode");
    if (json_type(json_root(doc)) != JSON_OBJECT || json_type(errcode) != JSON_INT)
        return WECHAT_MAYBE_SENT;
    *ret_errcode = json_int(errcode, 0);
    return WECHAT_ANSWERED;
}
