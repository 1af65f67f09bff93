/*
 * The gauge of live sessions. A thread of its own, so that neither Kafka nor PostgreSQL can make
 * the number an old one; when Redis does not answer there is no number.
 */
#include "base/clock.h"
#include "base/limits.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/progress.h"
#include "services/authorization/service.h"

enum { COUNT_EVERY_MS = 2000, STEP_MS = 100, SILENCE_MS_MAX = 60000 };

static void
count_and_tell(struct redis *redis, struct arena *arena, bool *failed)
{
    uint64_t count = 0;
    struct err err = {0};
    enum err_code code = session_count(redis, arena, &count, &err);
    if (code == ERR_OK)
        metric_set(METRIC_sy_sessions_live, (double)count, NULL, NULL, NULL);
    else
        metric_clear(METRIC_sy_sessions_live);
    if (code && !*failed)
        log_failure(LOG_WARN, "sessions cannot be counted now", &err);
    *failed = code != ERR_OK;
}

void *
session_counter(void *arg)
{
    const struct authorization *authorization = arg;
    const struct runtime_conf *conf = &authorization->conf->runtime;
    struct arena *arena = arena_new(LIMIT_BATCH_ARENA);
    struct pulse *pulse = progress_add("counting sessions", SILENCE_MS_MAX);
    struct redis *redis = NULL;
    struct err err = {0};
    bool failed = false;
    if (redis_new(
            &(struct redis_conf){conf->redis_url, conf->redis_password_file, REDIS_TIMEOUT_MS},
            &redis, &err))
        log_failure(LOG_ERROR, "sessions are not counted", &err);
    for (unsigned waited_ms = COUNT_EVERY_MS; redis && !service_stopping(); waited_ms += STEP_MS) {
        progress_beat(pulse);
        if (waited_ms >= COUNT_EVERY_MS) {
            count_and_tell(redis, arena, &failed);
            waited_ms = 0;
        }
        clock_pause_ms(STEP_MS);
    }
    progress_rest(pulse);
    redis_free(redis);
    arena_free(arena);
    return NULL;
}
