#include "runtime/api.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "runtime/api_call.h"
#include "runtime/api_route.h"
#include "runtime/api_session.h"
#include "runtime/lane.h"
#include "runtime/limiter.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/progress.h"

enum { GATHER_MS = 2 }; /* beside the 20 ms that a submission takes when 256 come at once */
enum {
    DRAIN_POLL_MS = 10,
    DRAIN_QUIET_MS = 300,
    ARENAS_KEPT = 512,
    SILENCE_MS_MAX = 60000,
    /* Blocking calls: what is let in is begun within a second at the pace of late; what was let in
     * and then waited for longer than anybody does (a part hangs) is not begun any more. */
    BLOCKING_ANSWER_MS_MAX = 1000,
    BLOCKING_OPEN_FREE = 64, /* a worker */
    QUEUED_MS_MAX = 3000,
    TOGETHER_START = 2, /* half of what is let in at first is let in always */
};

/* Two queues. Calls whose handler may block are shared out among several workers. Calls of routes
 * with `handle_many` never block on anything but Redis and gain from being many: one worker takes
 * all there are, so that the busier it is, the fewer round trips, wake-ups and Kafka requests each
 * costs. */
enum lane_id { LANE_SINGLE, LANE_TOGETHER, LANE_COUNT_ };

struct api {
    struct api_conf conf;
    struct http_server *server;
    struct lane lanes[LANE_COUNT_];
    struct limiter *limiter;   /* of sessions; NULL: no limit */
    struct arena_pool *arenas; /* of calls */
    atomic_size_t open_calls;
    _Atomic uint64_t last_call_ns; /* when the last one arrived */
    size_t worker_count;           /* of all lanes */
    size_t thread_count;           /* started */
    struct api_worker *workers;
    pthread_t *threads;
};

static struct lane *
lane_of(struct api *api, const struct api_route *route)
{
    return &api->lanes[route->handle_many ? LANE_TOGETHER : LANE_SINGLE];
}

/* --- receiving: on the HTTP library's threads --- */

static bool
media_type_json(struct str type)
{
    struct str rest = type;
    struct str media = str_cut(&rest, ';');
    while (media.len && media.ptr[media.len - 1] == ' ')
        media.len--;
    return media.len == strlen("application/json") &&
           strncasecmp(media.ptr, "application/json", media.len) == 0;
}

static void
on_request(struct http_request *request, void *ctx)
{
    struct api *api = ctx;
    enum problem_id problem;
    struct buf allow;
    struct api_call *call = api_call_new(api, arena_pool_take(api->arenas), request);
    atomic_fetch_add(&api->open_calls, 1);
    atomic_store(&api->last_call_ns, clock_mono_ns());
    buf_init(&allow, 64);
    call->route = api_route_find(api->conf.routes, api->conf.route_count, request, call->args,
                                 &problem, &allow);
    if (call->route == NULL) {
        const struct http_header headers[] = {{"Allow", allow.len ? allow.ptr : ""}, {NULL, NULL}};
        api_problem_headers(call, problem, NULL, problem == PROBLEM_METHOD ? headers : NULL);
        buf_done(&allow);
        return;
    }
    buf_done(&allow);
    unsigned retry_s = 0;
    if (!lane_put(lane_of(api, call->route), call, clock_mono_ns(), &retry_s)) {
        metric_count(METRIC_http_queue_rejected_total, "busy");
        api_problem_retry(call, PROBLEM_UNAVAILABLE, retry_s);
    }
}

static unsigned
on_refusal(enum http_refusal refusal, struct buf *body, void *ctx)
{
    (void)ctx;
    static const enum problem_id ids[] = {
        [HTTP_REFUSED_MALFORMED] = PROBLEM_MALFORMED,
        [HTTP_REFUSED_BODY_TOO_LARGE] = PROBLEM_TOO_LARGE,
        [HTTP_REFUSED_TARGET_TOO_LONG] = PROBLEM_TARGET_TOO_LONG,
        [HTTP_REFUSED_HEADERS_TOO_LARGE] = PROBLEM_HEADERS_TOO_LARGE,
        [HTTP_REFUSED_TOO_SLOW] = PROBLEM_TIMEOUT,
    };
    problem_write(body, ids[refusal], NULL, NULL, 0, STR_NONE);
    metric_count(METRIC_http_requests_total, "-", "-",
                 ids[refusal] == PROBLEM_MALFORMED ? "400" : "4xx");
    return problems[ids[refusal]].status;
}

/* --- workers --- */

static void
turn_run(struct api_call **calls, size_t count, struct pulse *pulse)
{
    struct api_call *together[API_TURN_MAX] UNINITIALIZED;
    for (size_t i = 0; i < count; i++) {
        if (calls[i] == NULL)
            continue;
        const struct api_route *route = calls[i]->route;
        if (route->handle_many == NULL) {
            progress_beat(pulse);
            log_trace_set(trace_id(&calls[i]->trace));
            route->handle(calls[i]);
            log_trace_set(STR_NONE);
            continue;
        }
        size_t together_count = 0;
        for (size_t k = i; k < count; k++) {
            if (calls[k] == NULL || calls[k]->route != route)
                continue;
            together[together_count++] = calls[k];
            calls[k] = NULL;
        }
        route->handle_many(together, together_count);
    }
}

/* Answered here when it is: who sent it has given up, and others are behind it. */
static bool
waited_too_long(struct api_call *call, uint64_t now_ns)
{
    uint64_t since_ns = http_request_started_ns(call->request);
    if (now_ns < since_ns || now_ns - since_ns <= (uint64_t)QUEUED_MS_MAX * 1000000)
        return false;
    metric_count(METRIC_http_queue_rejected_total, "late");
    api_problem_unavailable(call);
    return true;
}

static void *
worker_thread(void *arg)
{
    struct api_worker *worker = arg;
    struct api_call *calls[API_TURN_MAX];
    struct arena *arena = arena_new(LIMIT_REQUEST_ARENA);
    struct pulse *pulse = progress_add("carrying out requests", SILENCE_MS_MAX);
    size_t count;
    while ((count = lane_take(worker->lane, calls, API_TURN_MAX))) {
        progress_beat(pulse);
        int64_t now_ms = clock_now_ms();
        uint64_t now_ns = clock_mono_ns();
        size_t kept = 0;
        for (size_t i = 0; i < count; i++) {
            if (waited_too_long(calls[i], now_ns))
                continue;
            calls[i]->worker = worker;
            calls[i]->now_ms = now_ms;
            trace_begin(&calls[i]->trace, http_request_header(calls[i]->request, "traceparent"));
            if (calls[i]->route->json_body &&
                !media_type_json(http_request_header(calls[i]->request, "Content-Type")))
                calls[i]->wrong_media = true;
            calls[kept++] = calls[i];
        }
        kept = api_sessions_resolve(worker, worker->api->conf.runtime, worker->api->limiter, calls,
                                    kept, arena);
        for (size_t i = 0; i < kept; i++) {
            if (!calls[i]->wrong_media)
                continue;
            api_problem(calls[i], PROBLEM_MEDIA_TYPE, NULL);
            calls[i] = NULL;
        }
        turn_run(calls, kept, pulse);
        arena_reset(arena);
        progress_rest(pulse);
        lane_rest(worker->lane);
    }
    arena_free(arena);
    return NULL;
}

static enum err_code
worker_open(struct api *api, unsigned index, struct err *err)
{
    struct api_worker *worker = &api->workers[index];
    const struct runtime_conf *runtime = api->conf.runtime;
    worker->api = api;
    worker->index = index;
    worker->service = api->conf.service;
    if (api->conf.needs & NEED_PG)
        worker->pg = pg_new(&(struct pg_conf){runtime->pg_dsn, runtime->instance,
                                              api->conf.pg_statement_timeout_ms, PG_BY_KEY});
    if (api->conf.needs & NEED_REDIS)
        worker->touches = session_touches_new();
    if (api->conf.keyring)
        worker->sealer = sealer_new(api->conf.keyring);
    enum err_code code = http_client_new(&worker->client, err);
    if (code == ERR_OK && (api->conf.needs & NEED_REDIS))
        code = redis_new(&(struct redis_conf){runtime->redis_url, runtime->redis_password_file,
                                              REDIS_TIMEOUT_MS},
                         &worker->redis, err);
    return code;
}

static void
worker_close(struct api_worker *worker)
{
    http_client_free(worker->client);
    sealer_free(worker->sealer);
    redis_free(worker->redis);
    session_touches_free(worker->touches);
    pg_free(worker->pg);
}

/* On a server thread, by the head alone. */
static bool
takes_large_body(const struct http_request *request, void *ctx)
{
    const struct api *api = ctx;
    struct str args[API_PATH_ARGS_MAX];
    enum problem_id problem;
    struct buf allow;
    buf_init(&allow, 64);
    const struct api_route *route =
        api_route_find(api->conf.routes, api->conf.route_count, request, args, &problem, &allow);
    buf_done(&allow);
    return route && strcmp(route->path, api->conf.large_body_path) == 0;
}

static enum err_code
server_open(struct api *api, struct err *err)
{
    const struct runtime_conf *runtime = api->conf.runtime;
    struct http_server_conf conf = {
        .listen = runtime->listen,
        .thread_count = (unsigned)runtime->http_threads,
        .connections_max = LIMIT_HTTP_CONNECTIONS,
        .body_bytes_max = LIMIT_HTTP_BODY,
        .target_bytes_max = LIMIT_HTTP_TARGET,
        .header_bytes_max = LIMIT_HTTP_HEADERS,
        .header_count_max = LIMIT_HTTP_HEADER_COUNT,
        .idle_timeout_s = 75,
        .body_deadline_ms = LIMIT_HTTP_BODY_DEADLINE_MS,
        .large_body_bytes_max = api->conf.large_body_bytes_max,
        .takes_large_body = takes_large_body,
        .ctx = api,
        .on_request = on_request,
        .on_refusal = on_refusal,
    };
    return http_server_open(&conf, &api->server, err);
}

static bool
has_together(const struct api_conf *conf)
{
    for (size_t i = 0; i < conf->route_count; i++)
        if (conf->routes[i].handle_many)
            return true;
    return false;
}

static enum err_code
workers_open(struct api *api, struct err *err)
{
    enum err_code code = ERR_OK;
    api->workers = mem_zalloc(api->worker_count * sizeof *api->workers);
    api->threads = mem_zalloc(api->worker_count * sizeof *api->threads);
    for (unsigned i = 0; i < api->worker_count && code == ERR_OK; i++) {
        bool single = i < api->lanes[LANE_SINGLE].worker_count;
        api->workers[i].lane = &api->lanes[single ? LANE_SINGLE : LANE_TOGETHER];
        code = worker_open(api, i, err);
    }
    return code;
}

/* At each scrape. */
static void
tell_lanes(void *ctx)
{
    struct api *api = ctx;
    for (size_t i = 0; i < LANE_COUNT_; i++)
        if (api->lanes[i].worker_count)
            lane_tell(&api->lanes[i]);
}

enum err_code
api_open(const struct api_conf *conf, struct api **ret_api, struct err *err)
{
    struct api *api = mem_zalloc(sizeof *api);
    api->conf = *conf;
    api->arenas = arena_pool_new(LIMIT_REQUEST_ARENA, ARENAS_KEPT);
    const struct admission_policy blocking = {
        .open_free = BLOCKING_OPEN_FREE * conf->runtime->http_workers,
        .open_start = BLOCKING_OPEN_FREE * conf->runtime->http_workers,
        .open_max = LIMIT_HTTP_QUEUE,
        .answer_ms_max = BLOCKING_ANSWER_MS_MAX,
    };
    const struct admission_policy together = {
        .open_free = conf->runtime->admit_open / TOGETHER_START,
        .open_start = conf->runtime->admit_open,
        .open_max = LIMIT_HTTP_QUEUE,
        .answer_ms_max = (unsigned)conf->runtime->admit_ms,
    };
    lane_init(&api->lanes[LANE_SINGLE], "single", conf->runtime->http_workers, &blocking);
    lane_init(&api->lanes[LANE_TOGETHER], "together", has_together(conf), &together);
    api->lanes[LANE_TOGETHER].gather_ms = GATHER_MS;
    if (conf->runtime->session_rate)
        api->limiter = limiter_new((unsigned)conf->runtime->session_rate,
                                   (unsigned)conf->runtime->session_ahead);
    for (size_t i = 0; i < LANE_COUNT_; i++)
        api->worker_count += api->lanes[i].worker_count;
    enum err_code code = workers_open(api, err);
    if (code == ERR_OK)
        code = server_open(api, err);
    if (code) {
        api_close(api);
        return code;
    }
    for (unsigned i = 0; i < api->worker_count; i++, api->thread_count++)
        if (pthread_create(&api->threads[i], NULL, worker_thread, &api->workers[i]) != 0)
            abort();
    metrics_hook(tell_lanes, api);
    *ret_api = api;
    return ERR_OK;
}

unsigned
api_port(const struct api *api)
{
    return http_server_port(api->server);
}

void
api_call_closed(struct api_call *call)
{
    struct api *api = call->owner;
    if (call->lane)
        lane_answered(call->lane);
    arena_pool_put(api->arenas, call->arena);
    atomic_fetch_sub(&api->open_calls, 1);
}

void
api_drain(struct api *api, unsigned timeout_ms)
{
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)timeout_ms * 1000000;
    http_server_quiesce(api->server);
    /* Callers with kept connections learn from "Connection: close" in their next answer that they
     * have to go elsewhere: connections are cut only after nobody has called for a while. */
    atomic_store(&api->last_call_ns, clock_mono_ns());
    for (;;) {
        uint64_t now_ns = clock_mono_ns();
        bool quiet = now_ns - atomic_load(&api->last_call_ns) > (uint64_t)DRAIN_QUIET_MS * 1000000;
        if (now_ns > deadline_ns || (quiet && atomic_load(&api->open_calls) == 0))
            return;
        clock_pause_ms(DRAIN_POLL_MS);
    }
}

void
api_stop(struct api *api)
{
    if (api == NULL)
        return;
    for (size_t i = 0; i < LANE_COUNT_; i++)
        lane_stop(&api->lanes[i]);
    while (api->thread_count)
        (void)pthread_join(api->threads[--api->thread_count], NULL);
}

void
api_close(struct api *api)
{
    if (api == NULL)
        return;
    metrics_unhook(api);
    api_stop(api);
    http_server_close(api->server);
    for (size_t i = 0; i < api->worker_count; i++)
        worker_close(&api->workers[i]);
    free(api->workers);
    free(api->threads);
    for (size_t i = 0; i < LANE_COUNT_; i++)
        lane_done(&api->lanes[i]);
    limiter_free(api->limiter);
    arena_pool_free(api->arenas);
    free(api);
}
