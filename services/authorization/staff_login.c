/* POST /api/v1/staff/session: account, password and one-time code for a session in a cookie. */
#include <string.h>

#include "base/limits.h"
#include "io/password.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "schema/json.h"
#include "services/authorization/domain.h"
#include "services/authorization/service.h"
#include "services/authorization/staff_tries.h"
#include "services/authorization/store_staff.h"

enum { HASHING_MAX = 2, HASHING_STRANGERS = 1, HASHING_RETRY_S = 1 };

struct staff_body {
    struct str account;
    struct str password;
    struct str one_time_code;
};
static const struct json_row staff_rows[] = {
    JSON_ROW(struct staff_body, account, JSON_KIND_STR, true),
    JSON_ROW(struct staff_body, password, JSON_KIND_STR, true),
    JSON_ROW(struct staff_body, one_time_code, JSON_KIND_STR, true),
};

static struct authorization *
authorization_of(const struct api_call *call)
{
    return call->worker->service;
}

bool
staff_hashing_begin(struct api_call *call, bool stranger)
{
    struct authorization *authorization = authorization_of(call);
    unsigned most = stranger ? HASHING_STRANGERS : HASHING_MAX;
    if (atomic_fetch_add(&authorization->hashing, 1) < most)
        return true;
    atomic_fetch_sub(&authorization->hashing, 1);
    api_problem_retry(call, PROBLEM_UNAVAILABLE, HASHING_RETRY_S);
    return false;
}

void
staff_hashing_end(struct api_call *call)
{
    atomic_fetch_sub(&authorization_of(call)->hashing, 1);
}

static struct str
sealed_of(struct api_call *call, const char *kind, struct str staff_id, struct str sealed,
          struct err *err)
{
    struct str plain = STR_NONE;
    if (seal_open(call->worker->sealer, sealed,
                  arena_printf(call->arena, "%s/%.*s", kind, STR_ARG(staff_id)), call->arena,
                  &plain, err))
        return STR_NONE;
    return plain;
}

/* Whether password and code are this account's; the step of the code. Of an account that does not
 * exist the same is looked at, and takes as long. */
static enum err_code
identify(struct api_call *call, const struct staff_body *body, const struct staff_account *account,
         bool *ret_right, uint64_t *ret_step, struct err *err)
{
    unsigned char secret[TOTP_SECRET_SIZE] = {0};
    struct str verifier = str_of(password_of_nobody);
    int64_t now_s = account->staff_id.len ? account->now_s : call->now_ms / 1000;
    if (account->staff_id.len) {
        struct str kept =
            sealed_of(call, "staff-totp", account->staff_id, account->totp_sealed, err);
        verifier =
            sealed_of(call, "staff-password", account->staff_id, account->password_sealed, err);
        if (verifier.ptr == NULL || !hex_decode(kept, secret, sizeof secret))
            return ERR(err, ERR_CRYPTO, "an account of staff cannot be opened: %s", err->text);
    }
    bool password = password_check(body->password, verifier);
    *ret_step = totp_step_of(secret, body->one_time_code, now_s, account->totp_step);
    crypto_wipe(secret, sizeof secret);
    *ret_right = password && *ret_step && account->active;
    return ERR_OK;
}

/* One answer for all that is wrong, whatever it is. */
static void
refuse(struct api_call *call, const struct staff_body *body, const struct staff_account *account)
{
    struct err err = {0};
    char index[INDEX_HEX_SIZE];
    keyring_index(authorization_of(call)->runtime->keyring, "staff-account", body->account, index);
    const struct audit_row audit = {
        .action = "staff.login.refused",
        /* What was typed may be a password: of no account only its hash is kept. */
        .subject = account->staff_id.len ? account->staff_id : str_of(index),
        .detail = account->staff_id.len ? "{\"known\": true}" : "{\"known\": false}",
        .traceparent = trace_parent(&call->trace),
    };
    if (store_staff_failed(call->worker->pg, body->account, &audit, &err)) {
        api_problem_err(call, "a refused log-in was not noted", &err);
        return;
    }
    api_problem(call, PROBLEM_STAFF_LOGIN, NULL);
}

static void
close_account(struct api_call *call, const struct staff_tries *tries)
{
    struct err err = {0};
    const struct audit_row audit = {
        .action = "staff.login.limited",
        .subject = tries->key, /* a keyed hash */
        .detail = tries->known_device ? "{\"device\": \"known\"}" : "{\"device\": \"unknown\"}",
        .traceparent = trace_parent(&call->trace),
    };
    if (tries->first_beyond && store_audit(call->worker->pg, &audit, &err))
        log_failure(LOG_WARN, "a limit was not noted", &err);
    api_problem_retry(call, PROBLEM_TOO_MANY_TRIES, tries->retry_s);
}

/* The code is used up, the session is there. *ret_entered is false when another used the code, or
 * the account was disabled at this moment: who disables ends the sessions he finds, and this looks
 * again after its own is there to be found. */
static enum err_code
enter(struct api_call *call, struct staff *staff, uint64_t step, char token[SESSION_TOKEN_SIZE],
      bool *ret_entered, struct err *err)
{
    const struct authorization_conf *conf = authorization_of(call)->conf;
    const struct audit_row audit = {
        .actor = staff->staff_id,
        .action = "staff.login",
        .subject = staff->staff_id,
        .detail = "{}",
        .traceparent = trace_parent(&call->trace),
    };
    enum err_code code =
        store_staff_enter(call->worker->pg, staff->staff_id, step, &audit, ret_entered, err);
    if (code || !*ret_entered)
        return code;
    code = staff_session_open(call->worker->redis, call->worker->sealer, staff,
                              (unsigned)conf->runtime.staff_idle_s,
                              (unsigned)conf->staff_absolute_s, call->arena, token, err);
    if (code == ERR_OK)
        code = store_staff_active(call->worker->pg, staff->staff_id, ret_entered, err);
    if (code == ERR_OK && !*ret_entered)
        code = staff_session_close(call->worker->redis, staff->staff_id, staff->hash, call->arena,
                                   err);
    return code;
}

/* The account is there, the password is its, the code is good: in. */
static void
log_in(struct api_call *call, const struct staff_body *body, const struct staff_account *account,
       uint64_t step, const struct staff_tries *tries)
{
    struct err err = {0};
    bool entered = false;
    char token[SESSION_TOKEN_SIZE];
    char device[STAFF_DEVICE_SIZE] = "";
    struct staff staff = {
        .staff_id = account->staff_id,
        .account = body->account,
        .name = account->name,
        .school_code = account->school_code,
        .college = account->college,
    };
    enum err_code code = staff_role_parse(account->role, &staff.role)
                             ? enter(call, &staff, step, token, &entered, &err)
                             : ERR(&err, ERR_INTERNAL, "a role that is none");
    if (code == ERR_OK && entered)
        code = staff_tries_forget(call->worker->redis, tries, call->arena, &err);
    if (code) {
        api_problem_err(call, "staff session not opened", &err);
        return;
    }
    if (!entered) {
        refuse(call, body, account);
        return;
    }
    if (!tries->known_device)
        staff_device_new(authorization_of(call)->runtime->keyring, body->account, device);
    metric_count(METRIC_sy_sessions_opened_total, "staff");
    log_event(LOG_INFO, "staff session opened", LOG_STR("session_id", staff.session_id));
    staff_answer(call, 201, &staff, token, device);
    crypto_wipe(token, sizeof token);
}

static struct str
device_of(const struct api_call *call)
{
    return cookie_value(api_header(call, "Cookie"), STAFF_DEVICE_COOKIE);
}

void
staff_session_post(struct api_call *call)
{
    struct staff_body body = {0};
    struct problem_field errors[3];
    struct staff_tries tries = {0};
    struct staff_account account = {0};
    struct err err = {0};
    bool right = false;
    uint64_t step = 0;
    if (!api_read_body(call, staff_rows, sizeof staff_rows / sizeof staff_rows[0], &body))
        return;
    size_t wrong = staff_login_check(body.account, body.password, body.one_time_code, errors);
    if (wrong) {
        api_problem_fields(call, PROBLEM_INVALID_VALUE, errors, wrong);
        return;
    }
    const struct keyring *keyring = authorization_of(call)->runtime->keyring;
    if (!staff_hashing_begin(call, !staff_device_known(keyring, body.account, device_of(call))))
        return;
    enum err_code code = staff_tries_take(call->worker->redis, keyring, body.account,
                                          device_of(call), call->arena, &tries, &err);
    if (code == ERR_OK && tries.within)
        code = store_staff_get(call->worker->pg, body.account, call->arena, &account, &err);
    if (code == ERR_OK && tries.within)
        code = identify(call, &body, &account, &right, &step, &err);
    staff_hashing_end(call);
    if (code) {
        struct err left = {0};
        if (tries.key.len && /* nobody has looked at it */
            staff_tries_give_back(call->worker->redis, &tries, call->arena, &left))
            log_failure(LOG_WARN, "a try stays counted", &left);
        api_problem_err(call, "a log-in of staff was not looked at", &err);
    } else if (!tries.within) {
        close_account(call, &tries);
    } else if (right) {
        log_in(call, &body, &account, step, &tries);
    } else {
        refuse(call, &body, &account);
    }
}
