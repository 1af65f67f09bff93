#include "runtime/api_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "io/crypto.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "schema/json.h"

enum { HEADERS_MAX = 8, STREAM_PENDING_MAX = 64 * 1024 };

struct api_call *
api_call_new(struct api *api, struct arena *arena, struct http_request *request)
{
    struct api_call *call = arena_alloc(arena, sizeof *call);
    call->arena = arena;
    call->owner = api;
    call->request = request;
    call->body = http_request_body(request);
    call->query = http_request_query(request);
    return call;
}

const struct session *
session_copy(const struct session *session, struct arena *arena)
{
    struct session *copy = arena_alloc(arena, sizeof *copy);
    struct str *const texts[] = {
        &copy->session_id,     &copy->account_id,  &copy->channel,     &copy->openid_sealed,
        &copy->document_index, &copy->student_id,  &copy->school_code, &copy->phone_index,
        &copy->phone_sealed,   &copy->card_sealed,
    };
    *copy = *session;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = arena_copy(arena, *texts[i]);
    return copy;
}

struct str
api_header(const struct api_call *call, const char *name)
{
    return http_request_header(call->request, name);
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static struct str
percent_decode(struct str text, struct arena *arena, bool *ret_malformed)
{
    struct str copy = arena_copy(arena, text);
    char *out = (char *)(uintptr_t)copy.ptr;
    size_t used = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                *ret_malformed = true;
                return STR_NONE;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        out[used++] = c;
    }
    struct str decoded = {out, used};
    if (memchr(out, '\0', used) || !utf8_valid(decoded))
        *ret_malformed = true;
    return decoded;
}

struct str
api_query(const struct api_call *call, const char *name, bool *ret_malformed)
{
    struct str rest = call->query;
    struct str found = STR_NONE;
    while (rest.len) {
        struct str value = str_cut(&rest, '&');
        struct str key = str_cut(&value, '=');
        if (!str_eq_text(key, name))
            continue;
        if (found.ptr)
            *ret_malformed = true;
        found = value.ptr ? percent_decode(value, call->arena, ret_malformed) : STR("");
    }
    return found;
}

/* Counts, answers, and ends the call. */
static void
reply(struct api_call *call, unsigned status, const struct http_header *headers, struct str body)
{
    struct http_request *request = call->request;
    const char *method = http_method_name(http_request_method(request));
    const char *route = call->route ? call->route->path : "-";
    char code[] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
                   (char)('0' + status % 10), '\0'};
    metric_count(METRIC_http_requests_total, method, route, code);
    metric_observe(METRIC_http_request_duration_seconds,
                   (double)(clock_mono_ns() - http_request_started_ns(request)) / 1e9, method,
                   route, NULL);
    http_reply(request, status, headers, body);
    api_call_closed(call);
}

/* The service's own header fields behind the ones every answer has. */
static void
reply_with(struct api_call *call, unsigned status, const char *content_type,
           const struct http_header *headers, struct str body)
{
    struct http_header all[HEADERS_MAX + 4] = {{"Cache-Control", "no-store"}};
    size_t count = 1;
    if (content_type)
        all[count++] = (struct http_header){"Content-Type", content_type};
    if (call->trace.parent[0])
        all[count++] = (struct http_header){"traceresponse", call->trace.parent};
    for (size_t i = 0; headers && headers[i].name && i < HEADERS_MAX; i++) {
        if (strcmp(headers[i].name, "Cache-Control") == 0)
            all[0] = headers[i];
        else
            all[count++] = headers[i];
    }
    reply(call, status, all, body);
}

void
api_reply_headers(struct api_call *call, unsigned status, const struct http_header *headers,
                  struct str body)
{
    reply_with(call, status, status == 204 ? NULL : "application/json", headers, body);
}

void
api_reply_json(struct api_call *call, unsigned status, struct str json)
{
    reply_with(call, status, "application/json", NULL, json);
}

void
api_reply_empty(struct api_call *call, unsigned status)
{
    reply_with(call, status, NULL, NULL, STR_NONE);
}

static void
problem_reply(struct api_call *call, enum problem_id id, const char *detail,
              const struct http_header *headers, const struct problem_field *fields, size_t count)
{
    struct buf body;
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct str trace = call->trace.parent[0] ? trace_id(&call->trace) : STR_NONE;
    problem_write(&body, id, detail, fields, count, trace);
    reply_with(call, problems[id].status, "application/problem+json", headers, buf_str(&body));
    buf_done(&body);
}

void
api_problem_headers(struct api_call *call, enum problem_id id, const char *detail,
                    const struct http_header *headers)
{
    problem_reply(call, id, detail, headers, NULL, 0);
}

void
api_problem(struct api_call *call, enum problem_id id, const char *detail)
{
    bool staff = id == PROBLEM_STAFF_LOGIN || (call->route && call->route->access == API_STAFF);
    const struct http_header challenge[] = {
        {"WWW-Authenticate", staff ? "Cookie cookie-name=" STAFF_COOKIE : "Bearer"}, {NULL, NULL}};
    problem_reply(call, id, detail, problems[id].status == 401 ? challenge : NULL, NULL, 0);
}

void
api_problem_fields(struct api_call *call, enum problem_id id, const struct problem_field *fields,
                   size_t count)
{
    problem_reply(call, id, NULL, NULL, fields, count);
}

void
api_problem_retry(struct api_call *call, enum problem_id id, unsigned retry_after_s)
{
    api_problem_retry_detail(call, id, NULL, retry_after_s);
}

void
api_problem_retry_detail(struct api_call *call, enum problem_id id, const char *detail,
                         unsigned retry_after_s)
{
    char seconds[16];
    (void)snprintf(seconds, sizeof seconds, "%u", retry_after_s ? retry_after_s : 1);
    const struct http_header headers[] = {{"Retry-After", seconds}, {NULL, NULL}};
    problem_reply(call, id, detail, headers, NULL, 0);
}

void
api_problem_unavailable(struct api_call *call)
{
    /* Spread over three seconds, so that those turned away do not come back together. */
    unsigned char random;
    crypto_random(&random, 1);
    api_problem_retry(call, PROBLEM_UNAVAILABLE, 1u + random % 3u);
}

void
api_problem_err(struct api_call *call, const char *what, const struct err *err)
{
    enum log_level level = err_class(err->code) == ERR_CLASS_RETRY ? LOG_WARN : LOG_ERROR;
    log_trace_set(call->trace.parent[0] ? trace_id(&call->trace) : STR_NONE);
    log_failure(level, what, err);
    log_trace_set(STR_NONE);
    api_problem_unavailable(call);
}

bool
api_read_body(struct api_call *call, const struct json_row *rows, size_t row_count, void *into)
{
    struct err err = {0};
    char member[64] = "";
    const struct json *root = NULL;
    enum err_code code = json_parse_in(call->arena, call->body, &root, &err);
    if (code == ERR_OK)
        code = json_read(root, rows, row_count, true, into, member, &err);
    if (code == ERR_OK)
        return true;
    enum problem_id id = code == ERR_UNKNOWN_MEMBER   ? PROBLEM_UNKNOWN_MEMBER
                         : code == ERR_MISSING_MEMBER ? PROBLEM_MISSING_MEMBER
                                                      : PROBLEM_MALFORMED;
    /* The scanner's text speaks of bytes and grammar only; a member's name is the caller's own. */
    struct str detail = member[0]
                            ? arena_printf(call->arena, "%s：%s", problems[id].title, member)
                            : arena_printf(call->arena, "%s（%s）", problems[id].title, err.text);
    api_problem(call, id, detail.ptr);
    return false;
}

struct http_stream *
api_reply_events(struct api_call *call)
{
    static const struct http_header headers[] = {{"Content-Type", "text/event-stream"},
                                                 {"Cache-Control", "no-store"},
                                                 {"X-Accel-Buffering", "no"},
                                                 {NULL, NULL}};
    metric_count(METRIC_http_requests_total, "GET", call->route->path, "200");
    struct http_stream *stream = http_reply_stream(call->request, 200, headers, STREAM_PENDING_MAX);
    api_call_closed(call);
    return stream;
}
