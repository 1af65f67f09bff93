/* GET and DELETE /api/v1/staff/session, PUT /api/v1/staff/password. */
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "io/password.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "schema/json.h"
#include "schema/staff_account.h"
#include "services/authorization/service.h"
#include "services/authorization/staff_tries.h"
#include "services/authorization/store_staff.h"

enum { DEVICE_AGE_S = 180 * 86400 };

struct password_body {
    struct str password;
    struct str new_password;
};
static const struct json_row password_rows[] = {
    JSON_ROW(struct password_body, password, JSON_KIND_STR, true),
    JSON_ROW(struct password_body, new_password, JSON_KIND_STR, true),
};

static struct authorization *
authorization_of(const struct api_call *call)
{
    return call->worker->service;
}

/* Sent back over TLS only, unless this is a demonstration on one machine. */
static const char *
cookie_secure(const struct api_call *call)
{
    const struct authorization_conf *conf = authorization_of(call)->conf;
    bool demo = strcmp(conf->runtime.profile, "demo") == 0;
    return demo && strcmp(conf->staff_cookie_secure, "no") == 0 ? "" : "; Secure";
}

static void
body_write(struct buf *out, const struct staff *staff, struct str token)
{
    char expires[CLOCK_RFC3339_SIZE];
    char csrf[STAFF_CSRF_SIZE];
    staff_csrf(token, csrf);
    struct jsonw w = jsonw_on(out);
    jsonw_object_open(&w);
    jsonw_member(&w, "account", staff->account);
    jsonw_member(&w, "name", staff->name);
    jsonw_member_text(&w, "role", staff_role_name(staff->role));
    jsonw_key(&w, "scope");
    jsonw_object_open(&w);
    jsonw_member(&w, "school_code", staff->school_code);
    jsonw_member(&w, "college", staff->college);
    jsonw_object_close(&w);
    jsonw_member_text(&w, "csrf_token", csrf);
    jsonw_member_text(&w, "expires_at", clock_format_rfc3339(staff->expires_at_ms, expires));
    jsonw_object_close(&w);
}

void
staff_answer(struct api_call *call, unsigned status, const struct staff *staff, const char *token,
             const char *device)
{
    struct http_header headers[3] = {{NULL, NULL}};
    size_t count = 0;
    struct buf body;
    if (token)
        headers[count++] = (struct http_header){
            "Set-Cookie",
            arena_printf(call->arena, STAFF_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict%s",
                         token, cookie_secure(call))
                .ptr};
    if (device && *device)
        headers[count++] = (struct http_header){
            "Set-Cookie",
            arena_printf(call->arena,
                         STAFF_DEVICE_COOKIE
                         "=%s; Path=/api/v1/staff/session; Max-Age=%d; HttpOnly; SameSite=Strict%s",
                         device, DEVICE_AGE_S, cookie_secure(call))
                .ptr};
    buf_init(&body, LIMIT_HTTP_ANSWER);
    body_write(&body, staff,
               token ? str_of(token) : cookie_value(api_header(call, "Cookie"), STAFF_COOKIE));
    api_reply_headers(call, status, headers, buf_str(&body));
    buf_done(&body);
}

void
staff_session_get(struct api_call *call)
{
    staff_answer(call, 200, call->staff, NULL, NULL);
}

void
staff_session_delete(struct api_call *call)
{
    struct err err = {0};
    const struct audit_row audit = {
        .actor = call->staff->staff_id,
        .action = "staff.logout",
        .subject = call->staff->staff_id,
        .detail = "{}",
        .traceparent = trace_parent(&call->trace),
    };
    const struct http_header headers[] = {
        {"Set-Cookie", arena_printf(call->arena,
                                    STAFF_COOKIE "=; Path=/; Max-Age=0; HttpOnly; "
                                                 "SameSite=Strict%s",
                                    cookie_secure(call))
                           .ptr},
        {NULL, NULL}};
    if (staff_session_close(call->worker->redis, call->staff->staff_id, call->staff->hash,
                            call->arena, &err)) {
        api_problem_err(call, "staff session not closed", &err);
        return;
    }
    /* The session is over, whether that can be noted or not. */
    if (store_audit(call->worker->pg, &audit, &err))
        log_failure(LOG_WARN, "a log-out was not noted", &err);
    metric_count(METRIC_sy_sessions_revoked_total, "logout");
    api_reply_headers(call, 204, headers, STR_NONE);
}

/* --- the password --- */

/* The verifier in its place, if `old` fits it. *ret_right is false otherwise; *ret_sealed is what
 * was looked at. */
static enum err_code
password_look(struct api_call *call, struct str old, bool *ret_right, struct str *ret_sealed,
              struct err *err)
{
    struct str verifier = STR_NONE;
    struct str staff_id = call->staff->staff_id;
    enum err_code code =
        store_staff_verifier(call->worker->pg, staff_id, call->arena, ret_sealed, err);
    *ret_right = false;
    if (code || ret_sealed->len == 0)
        return code;
    code = seal_open(call->worker->sealer, *ret_sealed,
                     arena_printf(call->arena, "staff-password/%.*s", STR_ARG(staff_id)),
                     call->arena, &verifier, err);
    if (code == ERR_OK)
        *ret_right = password_check(old, verifier);
    return code;
}

static void
answer_wrong(struct api_call *call, const char *field, const char *rule, const char *message)
{
    const struct problem_field error = {field, rule, str_of(message)};
    api_problem_fields(call, PROBLEM_INVALID_VALUE, &error, 1);
}

/* The new one is stored; the person's other sessions end, and this one goes on under a new token.
 */
static enum err_code
password_replace(struct api_call *call, struct str sealed, struct str fresh, struct staff *staff,
                 char token[SESSION_TOKEN_SIZE], bool *ret_changed, struct err *err)
{
    char verifier[PASSWORD_VERIFIER_SIZE];
    size_t ended = 0;
    const struct authorization_conf *conf = authorization_of(call)->conf;
    const struct audit_row audit = {
        .actor = staff->staff_id,
        .action = "staff.password",
        .subject = staff->staff_id,
        .detail = "{}",
        .traceparent = trace_parent(&call->trace),
    };
    password_verifier(fresh, verifier);
    struct str fresh_sealed = seal_text(
        call->worker->sealer, str_of(verifier),
        arena_printf(call->arena, "staff-password/%.*s", STR_ARG(staff->staff_id)), call->arena);
    crypto_wipe(verifier, sizeof verifier);
    enum err_code code = store_staff_password(call->worker->pg, staff->staff_id, sealed,
                                              fresh_sealed, &audit, ret_changed, err);
    if (code || !*ret_changed)
        return code;
    code = staff_session_open(call->worker->redis, call->worker->sealer, staff,
                              (unsigned)conf->runtime.staff_idle_s,
                              (unsigned)conf->staff_absolute_s, call->arena, token, err);
    return code ? code
                : staff_sessions_end(call->worker->redis, staff->staff_id, staff->hash, call->arena,
                                     &ended, err);
}

/* Both passwords are what they have to be, and it is this one's turn. */
static void
password_change(struct api_call *call, const struct password_body *body,
                const struct staff_tries *tries)
{
    struct err err = {0};
    struct staff staff = *call->staff;
    struct str sealed = STR_NONE;
    char token[SESSION_TOKEN_SIZE];
    bool right = false;
    bool changed = false;
    enum err_code code = password_look(call, body->password, &right, &sealed, &err);
    if (code == ERR_OK && right)
        code = password_replace(call, sealed, body->new_password, &staff, token, &changed, &err);
    if (code == ERR_OK && changed)
        code = staff_tries_forget(call->worker->redis, tries, call->arena, &err);
    if (code)
        api_problem_err(call, "password not changed", &err);
    else if (!right)
        answer_wrong(call, "password", "wrong", "原密码不正确，请重新输入");
    else if (!changed)
        api_problem(call, PROBLEM_UNAUTHORIZED, NULL); /* changed or disabled at this moment */
    else
        staff_answer(call, 200, &staff, token, NULL);
    crypto_wipe(token, sizeof token);
}

void
staff_password_put(struct api_call *call)
{
    struct password_body body = {0};
    struct staff_tries tries = {0};
    struct err err = {0};
    if (!api_read_body(call, password_rows, sizeof password_rows / sizeof password_rows[0], &body))
        return;
    const char *refusal = staff_password_refusal(body.new_password, call->staff->account);
    if (body.password.len == 0 || body.password.len > STAFF_PASSWORD_MAX) {
        answer_wrong(call, "password", "length", "请填写原密码，不超过 128 个字符");
        return;
    }
    if (refusal || crypto_equal(body.password, body.new_password)) {
        answer_wrong(call, "new_password", "policy",
                     refusal ? refusal : "新密码与原密码相同，请换一个");
        return;
    }
    if (!staff_hashing_begin(call, false))
        return;
    /* A stolen session is not to be used for guessing: as many tries as a known device has. */
    if (staff_tries_of_session(call->worker->redis, call->staff->staff_id, call->arena, &tries,
                               &err))
        api_problem_err(call, "tries not counted", &err);
    else if (!tries.within)
        api_problem_retry(call, PROBLEM_TOO_MANY_TRIES, tries.retry_s);
    else
        password_change(call, &body, &tries);
    staff_hashing_end(call);
}
