#include "runtime/service.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "build_id.h"
#include "io/kafka.h"
#include "io/pg.h"
#include "io/redis.h"
#include "runtime/crash.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/notify.h"
#include "runtime/preflight.h"
#include "runtime/secrecy.h"

enum { CHECK_TIMEOUT_MS = 1000 };

static atomic_bool stopping;
static int stop_pipe[2] = {-1, -1};

bool
service_stopping(void)
{
    return atomic_load(&stopping);
}

static void
on_stop_signal(int number)
{
    (void)number;
    atomic_store(&stopping, true);
    ssize_t written = write(stop_pipe[1], "x", 1);
    (void)written;
}

static void
signals_install(void)
{
    struct sigaction stop = {.sa_handler = on_stop_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        abort();
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

static void
wait_for_stop(void)
{
    struct pollfd pipe_end = {.fd = stop_pipe[0], .events = POLLIN};
    while (!service_stopping())
        (void)poll(&pipe_end, 1, -1);
}

static int
fail(const char *what, const struct err *err)
{
    log_failure(LOG_ERROR, what, err);
    return err_exit_status(err->code);
}

/* What could not be asked at the start, because a server was away, is asked until it was: not ready
 * until then, and ended if it turns out to be unfit. */
static struct preflight preflight;
static bool preflight_pending;
static atomic_bool preflight_refused;

static enum err_code
check_preflight(void *ctx, struct err *err)
{
    static bool passed;
    (void)ctx;
    enum err_code code = passed ? ERR_OK : preflight_run(&preflight, true, err);
    passed = code == ERR_OK;
    if (code == ERR_CONFIG && !atomic_exchange(&preflight_refused, true)) {
        log_failure(LOG_ERROR, "not fit to go on", err);
        on_stop_signal(0);
    }
    return code;
}

/* ERR_OK also when something could not be asked yet. */
static enum err_code
preflight_start(const struct runtime *runtime, struct err *err)
{
    bool production = strcmp(runtime->conf->profile, "production") == 0;
    preflight_add_program(&preflight, runtime->program, runtime->conf);
    enum err_code code = preflight_run(&preflight, production, err);
    preflight_pending = code && err_class(code) == ERR_CLASS_RETRY;
    if (preflight_pending)
        log_failure(LOG_WARN, "starting unready", err);
    return preflight_pending ? ERR_OK : code;
}

static int
run(const struct service *service, struct runtime *runtime, const void *conf)
{
    struct err err = {0};
    void *state = NULL;
    int status = 0;
    uint64_t start_ns = clock_mono_ns();
    if (service->start(runtime, conf, &state, &err))
        return fail("cannot start", &err);
    if (preflight_pending)
        health_add(runtime->health, "preflight", check_preflight, NULL);
    health_start(runtime->health);
    log_event(LOG_INFO, "started", LOG_TEXT("version", SY_VERSION), LOG_TEXT("commit", SY_COMMIT),
              LOG_INT("start_ms", (clock_mono_ns() - start_ns) / 1000000));
    if (service->loop) {
        if (service->loop(state, &err))
            status = fail("loop ended", &err);
    } else {
        wait_for_stop();
    }
    if (atomic_load(&preflight_refused))
        status = err_exit_status(ERR_CONFIG);
    log_event(LOG_INFO, "stopping", LOG_INT("drain_timeout_ms", runtime->conf->drain_timeout_ms));
    health_drain(runtime->health);
    if (service->drain)
        service->drain(state, (unsigned)runtime->conf->drain_timeout_ms);
    health_rest(runtime->health);
    service->stop(state);
    log_event(LOG_INFO, "stopped", LOG_INT("exit_status", status));
    return status;
}

static int
run_with_keys(const struct service *service, struct runtime *runtime, const void *conf)
{
    struct err err = {0};
    if ((service->program->needs & NEED_KAFKA) && *runtime->conf->kafka_security_file &&
        kafka_security_load(runtime->conf->kafka_security_file, &err))
        return fail("cannot reach Kafka as asked", &err);
    if (preflight_start(runtime, &err))
        return fail("cannot start", &err);
    if ((service->program->needs & NEED_KEYS) &&
        keyring_load(runtime->conf->keys_file, &runtime->keyring, &err))
        return fail("cannot load keys", &err);
    int status = 0;
    if (health_open(runtime->conf->admin_listen, &runtime->health, &err))
        status = fail("cannot open the admin port", &err);
    else
        status = run(service, runtime, conf);
    health_close(runtime->health);
    keyring_free(runtime->keyring);
    kafka_security_forget();
    return status;
}

/* One line a call: method, path, who may call it. */
static int
print_routes(const struct service *service)
{
    static const char *const access[] = {
        [API_PUBLIC] = "public", [API_SESSION] = "session", [API_STAFF] = "staff"};
    for (size_t i = 0; i < service->route_count; i++) {
        const struct api_route *route = &service->routes[i];
        printf("%s %s %s\n", http_method_name(route->method), route->path, access[route->access]);
    }
    return 0;
}

int
service_main(const struct service *service, int argc, char **argv)
{
    int status = 0;
    if (argc == 2 && strcmp(argv[1], "--print-routes") == 0)
        return print_routes(service);
    secrecy_begin();
    void *conf = mem_zalloc(service->program->conf_size);
    struct runtime runtime = {.program = service->program, .conf = conf};
    if (options_load(service->program, argc, argv, conf, &status) == OPTIONS_RUN) {
        const char *name = service->program->name;
        name += strncmp(name, "sy-", 3) == 0 ? 3 : 0;
        log_open(name, runtime.conf->instance, runtime.conf->log_level, runtime.conf->log_format);
        metric_set(METRIC_process_start_time_seconds, (double)clock_now_ms() / 1000, NULL, NULL,
                   NULL);
        metric_set(METRIC_sy_build_info, 1, name, SY_VERSION, SY_COMMIT);
        signals_install();
        notify_open();
        struct err err = {0};
        status = crash_arm(runtime.conf->crash_point, runtime.conf->profile, &err)
                     ? fail("cannot start", &err)
                     : run_with_keys(service, &runtime, conf);
    }
    free(conf);
    secrecy_end();
    if (kafka_left_behind())
        _Exit(status);
    return status;
}

/* Each check keeps its connection; they run on the one health thread of the process. */
enum err_code
service_check_pg(void *conf, struct err *err)
{
    static struct pg *pg;
    const struct runtime_conf *runtime = conf;
    if (pg == NULL)
        pg = pg_new(&(struct pg_conf){runtime->pg_dsn, "health", CHECK_TIMEOUT_MS, PG_ANY_WAY});
    return pg_script(pg, "SELECT 1", err);
}

/* A line "name:123" of an INFO answer; 0 when there is none. */
static uint64_t
info_number(struct str info, struct str name)
{
    uint64_t value = 0;
    while (info.ptr) {
        struct str line = str_cut(&info, '\n');
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (str_eq(str_cut(&line, ':'), name) && line.ptr && str_to_u64(line, INT64_MAX, &value))
            return value;
    }
    return 0;
}

/* Full, Redis takes no session and no submission: told while there is time. Without a limit of its
 * own it has the machine's. */
static void
tell_redis_memory(struct str info)
{
    uint64_t max = info_number(info, STR("maxmemory"));
    if (max == 0)
        max = info_number(info, STR("total_system_memory"));
    metric_set(METRIC_sy_redis_memory_bytes, (double)info_number(info, STR("used_memory")), NULL,
               NULL, NULL);
    metric_set(METRIC_sy_redis_memory_max_bytes, (double)max, NULL, NULL, NULL);
}

enum err_code
service_check_redis(void *conf, struct err *err)
{
    static struct redis *redis;
    static struct arena *arena;
    const struct runtime_conf *runtime = conf;
    struct redis_value values[2];
    if (redis == NULL) {
        arena = arena_new(64 * 1024);
        enum err_code code =
            redis_new(&(struct redis_conf){runtime->redis_url, runtime->redis_password_file, 500},
                      &redis, err);
        if (code)
            return code;
    }
    arena_reset(arena);
    const struct redis_command commands[] = {REDIS_COMMAND(STR("PING")),
                                             REDIS_COMMAND(STR("INFO"), STR("memory"))};
    enum err_code code = redis_pipeline(redis, commands, 2, arena, values, err);
    if (code)
        return code;
    if (values[0].type == REDIS_ERROR)
        return ERR(err, ERR_UNAVAILABLE, "redis answered: %.*s", STR_ARG(values[0].text));
    if (values[1].type == REDIS_STR) /* an older list of permissions has no INFO */
        tell_redis_memory(values[1].text);
    return ERR_OK;
}

enum err_code
service_check_kafka(void *conf, struct err *err)
{
    static struct kafka_probe *probe;
    const struct runtime_conf *runtime = conf;
    if (probe == NULL) {
        enum err_code code = kafka_probe_open(runtime->kafka_bootstrap, &probe, err);
        if (code)
            return code;
    }
    return kafka_probe_ask(probe, CHECK_TIMEOUT_MS, err);
}
