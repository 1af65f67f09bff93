#include "runtime/health.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "build_id.h"
#include "io/http_server.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/notify.h"
#include "runtime/progress.h"
#include "runtime/work.h"

enum {
    HEALTH_CHECKS_MAX = 8,
    HEALTH_PERIOD_MS = 1000,
    HEALTH_GIVE_BACK_MS = 60000, /* memory freed since a burst or a fault */
    HEALTH_PATIENCE_S = 30,      /* asked of systemd at each turn that something is still away */
    HEALTH_STATUS_SIZE = 256,
};

enum check_state { CHECK_UNKNOWN, CHECK_OK, CHECK_FAILED };

struct health_row {
    const char *name;
    health_check check;
    void *ctx;
    _Atomic enum check_state state;
};

struct health {
    struct http_server *server;
    atomic_size_t count; /* of whole rows: they are added while the port is open */
    struct health_row rows[HEALTH_CHECKS_MAX];
    atomic_bool complete; /* all rows are there: before, there may be none that could fail */
    atomic_bool draining;
    bool told_ready; /* the service manager knows */
    bool started;
    bool stop; /* under lock */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
};

bool
health_ready(struct health *health)
{
    if (!atomic_load(&health->complete) || atomic_load(&health->draining))
        return false;
    for (size_t i = 0; i < atomic_load(&health->count); i++)
        if (atomic_load(&health->rows[i].state) != CHECK_OK)
            return false;
    return true;
}

static void
answer_readyz(struct health *health, struct http_request *request)
{
    static const struct http_header plain[] = {{"Content-Type", "text/plain; charset=utf-8"},
                                               {NULL, NULL}};
    struct buf text;
    buf_init(&text, LIMIT_LOG_LINE);
    for (size_t i = 0; i < atomic_load(&health->count); i++) {
        bool ok = atomic_load(&health->rows[i].state) == CHECK_OK;
        buf_printf(&text, "[%c]%s %s\n", ok ? '+' : '-', health->rows[i].name,
                   ok ? "ok" : "failed");
    }
    if (!atomic_load(&health->complete))
        buf_add_text(&text, "[-]starting\n");
    if (atomic_load(&health->draining))
        buf_add_text(&text, "[-]draining\n");
    bool ready = health_ready(health);
    buf_add_text(&text, ready ? "ready\n" : "not ready\n");
    http_reply(request, ready ? 200 : 503, plain, buf_str(&text));
    buf_done(&text);
}

static void
answer_metrics(struct http_request *request)
{
    static const struct http_header exposition[] = {
        {"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}, {NULL, NULL}};
    struct buf text;
    buf_init(&text, LIMIT_METRICS_TEXT);
    metrics_write(&text);
    http_reply(request, 200, exposition, buf_str(&text));
    buf_done(&text);
}

static void
answer_livez(struct http_request *request)
{
    static const struct http_header plain[] = {{"Content-Type", "text/plain; charset=utf-8"},
                                               {NULL, NULL}};
    const char *stuck = progress_stuck();
    struct buf text;
    buf_init(&text, LIMIT_LOG_LINE);
    if (stuck)
        buf_printf(&text, "stuck: %s\n", stuck);
    else
        buf_add_text(&text, "live\n");
    http_reply(request, stuck ? 503 : 200, plain, buf_str(&text));
    buf_done(&text);
}

static void
answer_status(struct health *health, struct http_request *request)
{
    static const struct http_header json[] = {{"Content-Type", "application/json"}, {NULL, NULL}};
    struct buf text;
    buf_init(&text, LIMIT_METRICS_TEXT);
    struct jsonw w = jsonw_on(&text);
    jsonw_object_open(&w);
    jsonw_member_text(&w, "version", SY_VERSION);
    jsonw_member_text(&w, "commit", SY_COMMIT);
    jsonw_member_bool(&w, "ready", health_ready(health));
    jsonw_member_bool(&w, "draining", atomic_load(&health->draining));
    work_write(&w);
    progress_write(&w);
    jsonw_object_close(&w);
    http_reply(request, 200, json, buf_str(&text));
    buf_done(&text);
}

static void
on_request(struct http_request *request, void *ctx)
{
    static const struct http_header plain[] = {{"Content-Type", "text/plain; charset=utf-8"},
                                               {NULL, NULL}};
    struct str path = http_request_path(request);
    enum http_method method = http_request_method(request);
    if (method != HTTP_GET && method != HTTP_HEAD)
        http_reply(request, 405, plain, STR("only GET\n"));
    else if (str_eq(path, STR("/livez")))
        answer_livez(request);
    else if (str_eq(path, STR("/readyz")))
        answer_readyz(ctx, request);
    else if (str_eq(path, STR("/metrics")))
        answer_metrics(request);
    else if (str_eq(path, STR("/status")))
        answer_status(ctx, request);
    else
        http_reply(request, 404, plain, STR("/livez, /readyz, /metrics, /status\n"));
}

static unsigned
on_refusal(enum http_refusal refusal, struct buf *body, void *ctx)
{
    (void)ctx;
    static const unsigned statuses[] = {400, 413, 414, 431, 408};
    buf_add_text(body, "refused\n");
    return statuses[refusal];
}

enum err_code
health_open(const char *listen, struct health **ret_health, struct err *err)
{
    struct health *health = mem_zalloc(sizeof *health);
    (void)pthread_mutex_init(&health->lock, NULL);
    clock_cond_init(&health->wake);
    struct http_server_conf conf = {
        .listen = listen,
        .thread_count = 1,
        .connections_max = 64,
        .body_bytes_max = 1024,
        .target_bytes_max = LIMIT_HTTP_TARGET,
        .header_bytes_max = LIMIT_HTTP_HEADERS,
        .header_count_max = LIMIT_HTTP_HEADER_COUNT,
        .idle_timeout_s = 30,
        .body_deadline_ms = 5000,
        .ctx = health,
        .on_request = on_request,
        .on_refusal = on_refusal,
    };
    enum err_code code = http_server_open(&conf, &health->server, err);
    if (code) {
        free(health);
        return code;
    }
    *ret_health = health;
    return ERR_OK;
}

void
health_add(struct health *health, const char *name, health_check check, void *ctx)
{
    size_t count = atomic_load(&health->count);
    if (count == HEALTH_CHECKS_MAX)
        abort();
    struct health_row *row = &health->rows[count];
    row->name = name;
    row->check = check;
    row->ctx = ctx;
    atomic_store(&health->count, count + 1); /* /readyz may be asked already: whole rows only */
}

static void
health_ask(struct health_row *row)
{
    struct err err = {0};
    enum err_code code = row->check(row->ctx, &err);
    enum check_state state = code ? CHECK_FAILED : CHECK_OK;
    enum check_state before = atomic_exchange(&row->state, state);
    metric_set(METRIC_sy_dependency_up, code ? 0 : 1, row->name, NULL, NULL);
    if (state == before)
        return;
    if (code)
        log_failure(LOG_WARN, row->name, &err);
    else
        log_event(LOG_INFO, "dependency answers", LOG_TEXT("dependency", row->name));
}

/* The service manager hears when we are ready, what we wait for until then, and that every loop
 * turns. */
static void
tell_manager(struct health *health)
{
    char state[HEALTH_STATUS_SIZE];
    const char *stuck = progress_stuck();
    metric_set(METRIC_sy_loop_stuck, stuck ? 1 : 0, NULL, NULL, NULL);
    if (stuck) {
        log_event(LOG_ERROR, "a loop does not turn any more", LOG_TEXT("loop", stuck));
        return;
    }
    notify_send("WATCHDOG=1");
    if (health->told_ready || atomic_load(&health->draining))
        return;
    if (health_ready(health)) {
        health->told_ready = true;
        notify_send("READY=1\nSTATUS=ready");
        return;
    }
    int length = snprintf(state, sizeof state, "EXTEND_TIMEOUT_USEC=%d000000\nSTATUS=waiting for",
                          HEALTH_PATIENCE_S);
    for (size_t i = 0; i < atomic_load(&health->count) && length < (int)sizeof state; i++)
        if (atomic_load(&health->rows[i].state) != CHECK_OK)
            length += snprintf(state + length, sizeof state - (size_t)length, " %s",
                               health->rows[i].name);
    notify_send(state);
}

static void *
health_thread(void *arg)
{
    struct health *health = arg;
    uint64_t gave_back_ns = clock_mono_ns();
    bool giving = false;
    (void)pthread_mutex_lock(&health->lock);
    while (!health->stop) {
        (void)pthread_mutex_unlock(&health->lock);
        for (size_t i = 0; i < atomic_load(&health->count); i++)
            health_ask(&health->rows[i]);
        tell_manager(health);
        bool due = clock_mono_ns() - gave_back_ns > HEALTH_GIVE_BACK_MS * UINT64_C(1000000);
        if (due || giving) { /* for the time between two turns */
            mem_give_back(due);
            gave_back_ns = due ? clock_mono_ns() : gave_back_ns;
            giving = due;
        }
        /* A process that is not ready yet asks more often: it is waited for. */
        unsigned period_ms = health_ready(health) ? HEALTH_PERIOD_MS : HEALTH_PERIOD_MS / 10;
        (void)pthread_mutex_lock(&health->lock);
        if (!health->stop)
            (void)clock_cond_wait(&health->wake, &health->lock, period_ms);
    }
    (void)pthread_mutex_unlock(&health->lock);
    return NULL;
}

void
health_start(struct health *health)
{
    atomic_store(&health->complete, true);
    if (pthread_create(&health->thread, NULL, health_thread, health) != 0)
        abort();
    health->started = true;
}

void
health_drain(struct health *health)
{
    atomic_store(&health->draining, true);
    notify_send("STOPPING=1\nSTATUS=finishing what is under way");
}

void
health_rest(struct health *health)
{
    if (!health->started)
        return;
    (void)pthread_mutex_lock(&health->lock);
    health->stop = true;
    (void)pthread_cond_signal(&health->wake);
    (void)pthread_mutex_unlock(&health->lock);
    (void)pthread_join(health->thread, NULL);
    health->started = false;
}

void
health_close(struct health *health)
{
    if (health == NULL)
        return;
    health_rest(health);
    http_server_quiesce(health->server);
    http_server_close(health->server);
    (void)pthread_cond_destroy(&health->wake);
    (void)pthread_mutex_destroy(&health->lock);
    free(health);
}
