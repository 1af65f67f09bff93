#include "runtime/api_session.h"

#include <assert.h>
#include <strings.h>

#include "base/clock.h"
#include "io/crypto.h"
#include "runtime/api_call.h"
#include "runtime/limiter.h"
#include "runtime/metrics.h"
#include "runtime/staff.h"

_Static_assert((int)API_TURN_MAX < (int)REDIS_PIPELINE_MAX,
               "a turn's sessions and the time in one go");

static struct str
bearer_token(const struct api_call *call)
{
    struct str value = http_request_header(call->request, "Authorization");
    if (value.len < 7 || strncasecmp(value.ptr, "Bearer ", 7) != 0 ||
        http_request_header_count(call->request, "Authorization") != 1)
        return STR_NONE;
    return (struct str){value.ptr + 7, value.len - 7};
}

static struct str
cookie_token(const struct api_call *call)
{
    if (http_request_header_count(call->request, "Cookie") != 1)
        return STR_NONE;
    return cookie_value(http_request_header(call->request, "Cookie"), STAFF_COOKIE);
}

/* Within what one session may send; answered otherwise. */
static bool
within_rate(struct api_call *call, struct limiter *limiter, struct str session_id)
{
    unsigned wait_ms = 0;
    if (limiter_take(limiter, session_id, clock_mono_ns(), &wait_ms))
        return true;
    metric_count(METRIC_http_limited_total, call->route->path);
    api_problem_retry(call, PROBLEM_TOO_MANY_REQUESTS, 1 + wait_ms / 1000);
    return false;
}

/* A page of somebody else's can make a browser send the cookie along, not this header. */
static bool
csrf_right(const struct api_call *call, struct str token)
{
    char wanted[STAFF_CSRF_SIZE];
    if (call->route->method == HTTP_GET)
        return true;
    if (http_request_header_count(call->request, STAFF_CSRF_HEADER) != 1)
        return false;
    staff_csrf(token, wanted);
    return crypto_equal(http_request_header(call->request, STAFF_CSRF_HEADER), str_of(wanted));
}

static bool
found_student(struct api_call *call, const struct session_look *look, int64_t now_ms)
{
    struct session session;
    if (!session_read(look, now_ms, &session))
        return false;
    call->session = session_copy(&session, call->arena);
    return true;
}

static bool
found_staff(struct api_call *call, const struct session_look *look, int64_t now_ms)
{
    struct staff staff;
    assert(call->worker->sealer);
    if (!staff_read(look, now_ms, call->worker->sealer, call->arena, &staff))
        return false;
    call->staff = staff_copy(&staff, call->arena);
    return true;
}

/* Whether the call goes on; else it is answered. */
static bool
admit(struct api_call *call, const struct session_look *look, int64_t now_ms,
      struct limiter *limiter)
{
    bool staff = look->kind == SESSION_STAFF;
    bool found = staff ? found_staff(call, look, now_ms) : found_student(call, look, now_ms);
    metric_count(METRIC_sy_session_lookups_total, found ? "found" : "missing");
    if (!found) {
        api_problem(call, PROBLEM_UNAUTHORIZED, NULL);
        return false;
    }
    if (staff && !csrf_right(call, look->token)) {
        api_problem(call, PROBLEM_CSRF, NULL);
        return false;
    }
    return within_rate(call, limiter, staff ? call->staff->session_id : call->session->session_id);
}

size_t
api_sessions_resolve(struct api_worker *worker, const struct runtime_conf *conf,
                     struct limiter *limiter, struct api_call **calls, size_t count,
                     struct arena *arena)
{
    struct session_look looks[API_TURN_MAX] UNINITIALIZED;
    size_t asking[API_TURN_MAX] = {0};
    size_t asked = 0;
    size_t kept = 0;
    int64_t now_ms = 0;
    const unsigned idle_s[SESSION_KIND_COUNT_] = {(unsigned)conf->session_idle_s,
                                                  (unsigned)conf->staff_idle_s};
    struct err err = {0};
    for (size_t i = 0; i < count; i++) {
        enum api_access access = calls[i]->route->access;
        if (access == API_PUBLIC)
            continue;
        looks[asked].kind = access == API_STAFF ? SESSION_STAFF : SESSION_STUDENT;
        looks[asked].token = access == API_STAFF ? cookie_token(calls[i]) : bearer_token(calls[i]);
        asking[asked++] = i;
    }
    enum err_code code = asked ? session_look_up(worker->redis, worker->touches, looks, asked,
                                                 idle_s, arena, &now_ms, &err)
                               : ERR_OK;
    for (size_t k = 0; k < asked; k++) {
        struct api_call *call = calls[asking[k]];
        if (code) {
            metric_count(METRIC_sy_session_lookups_total, "failed");
            api_problem_err(call, "session look-up", &err);
        }
        if (code || !admit(call, &looks[k], now_ms, limiter))
            calls[asking[k]] = NULL;
    }
    for (size_t i = 0; i < count; i++)
        if (calls[i])
            calls[kept++] = calls[i];
    return kept;
}
