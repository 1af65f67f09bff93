#include "services/sandbox/sandbox.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "io/crypto.h"
#include "io/platform_wechat.h"
#include "schema/json.h"

enum {
    CODES_MAX = 65536, /* used log-in codes that are remembered; the oldest are forgotten */
    FACES_MAX = 16384,
    INBOX_MAX = 16384,
    TOKENS_MAX = 4,
    TOKEN_LIFE_MS = 7200 * 1000,
    FACE_LIFE_MS = 3600 * 1000,
    INBOX_SHOWN_MAX = 50,
    SIGNATURE_WINDOW_S = 300,
};

struct used_code {
    char text[128];
};
struct face {
    char verify_id[65];
    char out_seq_no[33];
    char openid[128];
    char cert_hash[65];
    int64_t verify_ret;
    int64_t expires_ms;
};
struct token {
    char text[65];
    int64_t expires_ms;
};
struct message {
    char phone[24];
    char code[16];
    char text[256];
    char template_id[32];
    int64_t time_ms;
};

struct sandbox {
    const struct sandbox_conf *conf;
    const struct sandbox_secrets *secrets;
    pthread_mutex_t lock;
    size_t code_count;
    struct used_code *codes; /* ring */
    size_t face_count;
    struct face *faces; /* ring */
    size_t message_count;
    struct message *messages; /* ring */
    size_t token_count;
    struct token tokens[TOKENS_MAX]; /* ring: the newest and the ones still valid beside it */
    int sent_fd;                     /* -1: only the inbox knows what was sent */
};

struct sandbox *
sandbox_new(const struct sandbox_conf *conf, const struct sandbox_secrets *secrets)
{
    struct sandbox *sandbox = mem_zalloc(sizeof *sandbox);
    sandbox->conf = conf;
    sandbox->secrets = secrets;
    sandbox->codes = mem_zalloc(CODES_MAX * sizeof *sandbox->codes);
    sandbox->faces = mem_zalloc(FACES_MAX * sizeof *sandbox->faces);
    sandbox->messages = mem_zalloc(INBOX_MAX * sizeof *sandbox->messages);
    (void)pthread_mutex_init(&sandbox->lock, NULL);
    sandbox->sent_fd = -1;
    return sandbox;
}

void
sandbox_free(struct sandbox *sandbox)
{
    if (sandbox == NULL)
        return;
    if (sandbox->sent_fd >= 0)
        (void)close(sandbox->sent_fd);
    free(sandbox->codes);
    free(sandbox->faces);
    free(sandbox->messages);
    (void)pthread_mutex_destroy(&sandbox->lock);
    free(sandbox);
}

enum err_code
sandbox_open_sent(struct sandbox *sandbox, struct err *err)
{
    const char *path = sandbox->conf->sent_log;
    if (path[0] == '\0')
        return ERR_OK;
    sandbox->sent_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return sandbox->sent_fd < 0 ? ERR(err, ERR_CONFIG, "cannot append to '%s'", path) : ERR_OK;
}

static unsigned
errcode(struct sandbox_call *call, int64_t code, const char *text)
{
    struct jsonw w = jsonw_on(call->out);
    jsonw_object_open(&w);
    jsonw_member_int(&w, "errcode", code);
    jsonw_member_text(&w, "errmsg", text);
    jsonw_object_close(&w);
    return 200;
}

static void
copy_text(char *out, size_t size, struct str text)
{
    (void)snprintf(out, size, "%.*s", STR_ARG(text));
}

struct str
sandbox_query(struct sandbox_call *call, const char *name)
{
    struct str rest = http_request_query(call->request);
    while (rest.len) {
        struct str value = str_cut(&rest, '&');
        struct str key = str_cut(&value, '=');
        if (!str_eq_text(key, name))
            continue;
        struct str copy = arena_copy(call->arena, value);
        char *out = (char *)(uintptr_t)copy.ptr;
        size_t used = 0;
        for (size_t i = 0; i < value.len; i++) {
            unsigned char byte;
            bool escaped = value.ptr[i] == '%' && i + 2 < value.len &&
                           hex_decode((struct str){value.ptr + i + 1, 2}, &byte, 1);
            out[used++] = escaped ? (char)byte : value.ptr[i];
            i += escaped ? 2 : 0;
        }
        return (struct str){out, used};
    }
    return STR_NONE;
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
        return errcode(call, 41008, "missing code");
    if (!demo_code(code, &x))
        return errcode(call, 40029, "invalid code");
    if (!code_use(call->sandbox, channel, code))
        return errcode(call, h5 ? 40163 : 40029, h5 ? "code been used" : "invalid code");
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
        return errcode(call, 43001, "require GET method");
    if (sandbox_query(call, "appid").len == 0)
        return errcode(call, 41002, "appid missing");
    if (!str_eq_text(sandbox_query(call, "appid"), appid))
        return errcode(call, 40013, "invalid appid");
    if (sandbox_query(call, "secret").len == 0)
        return errcode(call, 41004, "appsecret missing");
    if (!str_eq_text(sandbox_query(call, "secret"), secret))
        return errcode(call, 40125, "invalid appsecret");
    if (!str_eq(sandbox_query(call, "grant_type"), STR("authorization_code")))
        return errcode(call, 40002, "invalid grant_type");
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

/* The body as an object, or an errcode answered. */
static struct json_doc *
body_object(struct sandbox_call *call, unsigned *ret_status)
{
    struct err err = {0};
    struct json_doc *doc = NULL;
    struct str body = http_request_body(call->request);
    if (http_request_method(call->request) != HTTP_POST)
        *ret_status = errcode(call, 43002, "require POST method");
    else if (body.len == 0)
        *ret_status = errcode(call, 44002, "empty post data");
    else if (json_parse(body, &doc, &err) || json_type(json_root(doc)) != JSON_OBJECT)
        *ret_status = errcode(call, 47001, "data format error");
    else
        return doc;
    json_doc_free(doc);
    return NULL;
}

static struct str
member(const struct json_doc *doc, const char *name)
{
    return json_str(json_get(json_root(doc), name));
}

unsigned
wechat_stable_token_call(struct sandbox_call *call)
{
    struct sandbox *sandbox = call->sandbox;
    unsigned status = 0;
    CLEANUP(json_doc_free) struct json_doc *doc = body_object(call, &status);
    if (doc == NULL)
        return status;
    if (!str_eq(member(doc, "grant_type"), STR("client_credential")))
        return errcode(call, 40002, "invalid grant_type");
    if (!str_eq_text(member(doc, "appid"), sandbox->conf->wechat_appid))
        return errcode(call, 40013, "invalid appid");
    if (!str_eq_text(member(doc, "secret"), sandbox->secrets->wechat))
        return errcode(call, 40125, "invalid appsecret");
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

/* 0 when the call's access_token is one of ours. */
static unsigned
token_refused(struct sandbox_call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct str given = sandbox_query(call, "access_token");
    int64_t now_ms = clock_now_ms();
    bool known = false;
    bool alive = false;
    if (given.len == 0)
        return errcode(call, 41001, "access_token missing");
    (void)pthread_mutex_lock(&sandbox->lock);
    for (size_t i = 0; i < TOKENS_MAX; i++) {
        if (!str_eq_text(given, sandbox->tokens[i].text))
            continue;
        known = true;
        alive = now_ms < sandbox->tokens[i].expires_ms;
    }
    (void)pthread_mutex_unlock(&sandbox->lock);
    if (!known)
        return errcode(call, 40001, "invalid credential, access_token is invalid or not latest");
    return alive ? 0 : errcode(call, 42001, "access_token expired");
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
    unsigned status = token_refused(call);
    if (status)
        return status;
    CLEANUP(json_doc_free) struct json_doc *doc = body_object(call, &status);
    if (doc == NULL)
        return status;
    const struct json *cert = json_get(json_root(doc), "cert_info");
    struct str seq_no = member(doc, "out_seq_no");
    struct str openid = member(doc, "openid");
    struct str name = json_str(json_get(cert, "cert_name"));
    struct str number = json_str(json_get(cert, "cert_no"));
    if (!seq_no_valid(seq_no) || openid.len == 0 || openid.len > 120 || name.len == 0 ||
        number.len != 18 || !str_eq(json_str(json_get(cert, "cert_type")), STR("IDENTITY_CARD")))
        return errcode(call, 40097, "invalid args");
    crypto_random(random, sizeof random);
    (void)pthread_mutex_lock(&sandbox->lock);
    if (face_find(sandbox, seq_no, true)) {
        (void)pthread_mutex_unlock(&sandbox->lock);
        return errcode(call, 40097, "out_seq_no was used");
    }
    struct face *face = &sandbox->faces[sandbox->face_count++ % FACES_MAX];
    *face = (struct face){.verify_ret = verify_ret_of(name),
                          .expires_ms = clock_now_ms() + FACE_LIFE_MS};
    hex_encode(random, sizeof random, face->verify_id);
    copy_text(face->out_seq_no, sizeof face->out_seq_no, seq_no);
    copy_text(face->openid, sizeof face->openid, openid);
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
    unsigned status = token_refused(call);
    if (status)
        return status;
    CLEANUP(json_doc_free) struct json_doc *doc = body_object(call, &status);
    if (doc == NULL)
        return status;
    (void)pthread_mutex_lock(&sandbox->lock);
    const struct face *found = face_find(sandbox, member(doc, "verify_id"), false);
    struct face face = found ? *found : (struct face){0};
    (void)pthread_mutex_unlock(&sandbox->lock);
    if (found == NULL || clock_now_ms() > face.expires_ms)
        return errcode(call, 40097, "verify_id is unknown or expired");
    if (!str_eq_text(member(doc, "out_seq_no"), face.out_seq_no) ||
        !str_eq_text(member(doc, "openid"), face.openid) ||
        !str_eq_text(member(doc, "cert_hash"), face.cert_hash))
        return errcode(call, 40097, "out_seq_no, openid or cert_hash differs");
    struct jsonw w = jsonw_on(call->out);
    jsonw_object_open(&w);
    jsonw_member_int(&w, "errcode", 0);
    jsonw_member_text(&w, "errmsg", "ok");
    jsonw_member_int(&w, "verify_ret", face.verify_ret);
    jsonw_object_close(&w);
    return 200;
}

/* --- SMS --- */

static unsigned
sms_error(struct sandbox_call *call, const char *code, const char *text)
{
    struct jsonw w = jsonw_on(call->out);
    jsonw_object_open(&w);
    jsonw_key(&w, "Response");
    jsonw_object_open(&w);
    jsonw_key(&w, "Error");
    jsonw_object_open(&w);
    jsonw_member_text(&w, "Code", code);
    jsonw_member_text(&w, "Message", text);
    jsonw_object_close(&w);
    jsonw_member_text(&w, "RequestId", "sandbox");
    jsonw_object_close(&w);
    jsonw_object_close(&w);
    return 200;
}

/* 0 when signature, time, action and version are right. */
static unsigned
sms_refused(struct sandbox_call *call)
{
    const struct sandbox *sandbox = call->sandbox;
    uint64_t timestamp = 0;
    if (!str_eq(http_request_header(call->request, "X-TC-Action"), STR("SendSms")))
        return sms_error(call, "InvalidAction", "action is not SendSms");
    if (!str_eq(http_request_header(call->request, "X-TC-Version"), STR("2021-01-11")))
        return sms_error(call, "NoSuchVersion", "version is not 2021-01-11");
    if (http_request_header(call->request, "X-TC-Region").len == 0)
        return sms_error(call, "MissingParameter", "region is missing");
    if (!str_to_u64(http_request_header(call->request, "X-TC-Timestamp"), INT64_MAX, &timestamp))
        return sms_error(call, "AuthFailure.SignatureFailure", "timestamp is missing");
    int64_t age_s = clock_now_ms() / 1000 - (int64_t)timestamp;
    if (age_s > SIGNATURE_WINDOW_S || age_s < -SIGNATURE_WINDOW_S)
        return sms_error(call, "AuthFailure.SignatureExpire", "timestamp is too far away");
    struct str host = http_request_header(call->request, "Host");
    struct str type = http_request_header(call->request, "Content-Type");
    const struct tc3_request tc3 = {"sms", arena_copy(call->arena, host).ptr,
                                    arena_copy(call->arena, type).ptr,
                                    http_request_body(call->request), (int64_t)timestamp};
    struct str expected =
        tc3_authorization(sandbox->conf->sms_secret_id, sandbox->secrets->sms, &tc3, call->arena);
    if (!crypto_equal(expected, http_request_header(call->request, "Authorization")))
        return sms_error(call, "AuthFailure.SignatureFailure", "signature does not match");
    return 0;
}

static const char *
number_status(struct str number)
{
    if (number.len != 14 || !str_starts(number, STR("+861")) ||
        !str_is_digits((struct str){number.ptr + 1, number.len - 1}))
        return "InvalidParameterValue.IncorrectPhoneNumber";
    return "Ok";
}

/* Before the sender is answered: what was answered is in the file, whatever happens to us. */
static void
message_note(const struct sandbox *sandbox, const struct message *message)
{
    char time[CLOCK_RFC3339_SIZE];
    struct buf line;
    if (sandbox->sent_fd < 0)
        return;
    buf_init(&line, LIMIT_MESSAGE);
    struct jsonw w = jsonw_on(&line);
    jsonw_object_open(&w);
    jsonw_member_text(&w, "time", clock_format_rfc3339(message->time_ms, time));
    jsonw_member_text(&w, "phone", message->phone);
    jsonw_member_text(&w, "code", message->code);
    jsonw_object_close(&w);
    buf_add_text(&line, "\n");
    struct str text = buf_str(&line);
    if (write(sandbox->sent_fd, text.ptr, text.len) != (ssize_t)text.len)
        abort(); /* a record that lacks messages is worse than none */
    buf_done(&line);
}

static void
message_keep(struct sandbox *sandbox, struct str number, struct str code, struct str template_id)
{
    (void)pthread_mutex_lock(&sandbox->lock);
    struct message *message = &sandbox->messages[sandbox->message_count++ % INBOX_MAX];
    *message = (struct message){.time_ms = clock_now_ms()};
    copy_text(message->phone, sizeof message->phone, (struct str){number.ptr + 3, number.len - 3});
    copy_text(message->code, sizeof message->code, code);
    copy_text(message->template_id, sizeof message->template_id, template_id);
    (void)snprintf(message->text, sizeof message->text,
                   "【%s】验证码 %s，5 分钟内有效，请勿告诉他人。", sandbox->conf->sms_sign_name,
                   message->code);
    message_note(sandbox, message);
    (void)pthread_mutex_unlock(&sandbox->lock);
}

unsigned
sms_send(struct sandbox_call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct err err = {0};
    CLEANUP(json_doc_free) struct json_doc *doc = NULL;
    if (http_request_method(call->request) != HTTP_POST)
        return 405;
    unsigned refused = sms_refused(call);
    if (refused)
        return refused;
    if (json_parse(http_request_body(call->request), &doc, &err))
        return sms_error(call, "InvalidParameter", "body is not JSON");
    const struct json *numbers = json_get(json_root(doc), "PhoneNumberSet");
    const struct json *params = json_get(json_root(doc), "TemplateParamSet");
    struct str code = json_str(json_first(params));
    if (json_first(numbers) == NULL)
        return sms_error(call, "MissingParameter", "PhoneNumberSet is missing");
    if (!str_eq_text(member(doc, "SmsSdkAppId"), sandbox->conf->sms_sdk_app_id))
        return sms_error(call, "UnauthorizedOperation.SmsSdkAppIdVerifyFail", "SmsSdkAppId");
    if (!str_eq_text(member(doc, "SignName"), sandbox->conf->sms_sign_name))
        return sms_error(call, "FailedOperation.SignatureIncorrectOrUnapproved", "SignName");
    if (!str_eq_text(member(doc, "TemplateId"), sandbox->conf->sms_template_id) || code.len > 6 ||
        !str_is_digits(code))
        return sms_error(call, "FailedOperation.TemplateIncorrectOrUnapproved", "TemplateId");
    struct jsonw w = jsonw_on(call->out);
    jsonw_object_open(&w);
    jsonw_key(&w, "Response");
    jsonw_object_open(&w);
    jsonw_key(&w, "SendStatusSet");
    jsonw_array_open(&w);
    size_t count = 0;
    for (const struct json *n = json_first(numbers); n && count < 200; n = json_next(n), count++) {
        const char *status = number_status(json_str(n));
        if (strcmp(status, "Ok") == 0)
            message_keep(sandbox, json_str(n), code, member(doc, "TemplateId"));
        jsonw_object_open(&w);
        jsonw_member_text(&w, "SerialNo", "sandbox");
        jsonw_member(&w, "PhoneNumber", json_str(n));
        jsonw_member_int(&w, "Fee", 1);
        jsonw_member_text(&w, "SessionContext", "");
        jsonw_member_text(&w, "Code", status);
        jsonw_member_text(&w, "Message", "send success");
        jsonw_member_text(&w, "IsoCode", "CN");
        jsonw_object_close(&w);
    }
    jsonw_array_close(&w);
    jsonw_member_text(&w, "RequestId", "sandbox");
    jsonw_object_close(&w);
    jsonw_object_close(&w);
    return 200;
}

/* --- the inbox --- */

unsigned
inbox_get(struct sandbox_call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct str phone = sandbox_query(call, "phone");
    char time[CLOCK_RFC3339_SIZE];
    size_t shown = 0;
    struct jsonw w = jsonw_on(call->out);
    jsonw_object_open(&w);
    jsonw_key(&w, "messages");
    jsonw_array_open(&w);
    (void)pthread_mutex_lock(&sandbox->lock);
    size_t oldest = sandbox->message_count > INBOX_MAX ? sandbox->message_count - INBOX_MAX : 0;
    for (size_t i = sandbox->message_count; i > oldest && shown < INBOX_SHOWN_MAX; i--) {
        const struct message *message = &sandbox->messages[(i - 1) % INBOX_MAX];
        if (phone.len && !str_eq_text(phone, message->phone))
            continue;
        shown++;
        jsonw_object_open(&w);
        jsonw_member_text(&w, "time", clock_format_rfc3339(message->time_ms, time));
        jsonw_member_text(&w, "channel", "sms");
        jsonw_member_text(&w, "phone", message->phone);
        jsonw_member_text(&w, "template", message->template_id);
        jsonw_member_text(&w, "text", message->text);
        jsonw_member_text(&w, "code", message->code);
        jsonw_object_close(&w);
    }
    (void)pthread_mutex_unlock(&sandbox->lock);
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    return 200;
}
