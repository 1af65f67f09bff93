/*
 * What has to be looked for: windows that close soon (one copy at a time), notices whose sender
 * died before it could say what came of them, how many wait. Such a notice may have been sent or
 * not; it is not sent again, and listed as `unknown`.
 */
#include "base/clock.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/progress.h"
#include "services/notification/service.h"
#include "services/notification/store_pg.h"

enum {
    SCANNER_PERIOD_MS = 1000,
    /* A sender that lives has an answer, of each of two platforms, within 3 s, and a store that
     * answers within 5; one that is only slow is still believed when it tells. */
    SENDER_DEAD_S = 60,
    STATEMENT_TIMEOUT_MS = 30000,
    SILENCE_MS_MAX = 90000,
    ARENA_BYTES_MAX = 1024 * 1024,
};

struct scanner {
    struct notification *notification;
    struct pg *pg;
    struct arena *arena;
    struct pulse *pulse;
    uint64_t scanned_ns; /* 0: never */
};

static enum err_code
closing_scan(struct scanner *scanner, bool *ret_more, struct err *err)
{
    const struct notification *notification = scanner->notification;
    bool mine = false;
    *ret_more = false;
    enum err_code code = pg_begin(scanner->pg, err);
    if (code)
        return code;
    code = store_scan_lock(scanner->pg, &mine, err);
    for (size_t i = 0; code == ERR_OK && mine && i < notification->remind_count; i++) {
        bool last = i + 1 == notification->remind_count;
        uint64_t count = 0;
        unsigned less_days = last ? 0 : notification->remind_days[i + 1];
        int64_t due_ms = notice_due_ms(&notification->policy, last, clock_now_ms());
        code = store_closing_add(scanner->pg, notification->remind_days[i], less_days, last, due_ms,
                                 &count, err);
        *ret_more = *ret_more || count > 0;
    }
    if (code == ERR_OK && mine)
        code = store_budget_forget(scanner->pg, notice_day(clock_now_ms(), scanner->arena), err);
    if (code == ERR_OK)
        return pg_commit(scanner->pg, err);
    pg_rollback(scanner->pg);
    return code;
}

static enum err_code
sweep(struct scanner *scanner, struct err *err)
{
    uint64_t lost = 0;
    int64_t waiting = 0;
    int64_t oldest_s = 0;
    enum err_code code = store_notices_sweep(scanner->pg, SENDER_DEAD_S, &lost, err);
    if (code == ERR_OK)
        code = store_notices_waiting(scanner->pg, &waiting, &oldest_s, err);
    if (code)
        return code;
    if (lost) {
        log_event(LOG_WARN, "senders died: some notices may have been sent or not",
                  LOG_INT("notices", lost));
        metric_add(METRIC_sy_notices_total, (double)lost, "any", "unknown", "sender-died");
    }
    metric_set(METRIC_sy_notices_waiting, (double)waiting, NULL, NULL, NULL);
    metric_set(METRIC_sy_notices_oldest_seconds, (double)oldest_s, NULL, NULL, NULL);
    return ERR_OK;
}

static enum err_code
scanner_turn(struct scanner *scanner, struct err *err)
{
    uint64_t now_ns = clock_mono_ns();
    uint64_t period_ns = scanner->notification->conf->scan_period_s * 1000000000ULL;
    bool more = false;
    arena_reset(scanner->arena);
    enum err_code code = sweep(scanner, err);
    if (code || (scanner->scanned_ns && now_ns - scanner->scanned_ns < period_ns))
        return code;
    code = closing_scan(scanner, &more, err);
    if (code == ERR_OK && !more) /* what is more than one statement makes follows at once */
        scanner->scanned_ns = now_ns;
    return code;
}

void *
notice_scanner(void *arg)
{
    struct scanner scanner = {.notification = arg};
    const struct runtime_conf *conf = &scanner.notification->conf->runtime;
    bool failing = false;
    scanner.arena = arena_new(ARENA_BYTES_MAX);
    scanner.pulse = progress_add("looking for windows that close", SILENCE_MS_MAX);
    scanner.pg =
        pg_new(&(struct pg_conf){conf->pg_dsn, conf->instance, STATEMENT_TIMEOUT_MS, PG_ANY_WAY});
    while (!service_stopping()) {
        struct err err = {0};
        progress_beat(scanner.pulse);
        enum err_code code = scanner_turn(&scanner, &err);
        if (code && !failing)
            log_failure(LOG_WARN, "notices not looked through, trying again", &err);
        failing = code != ERR_OK;
        clock_pause_ms(SCANNER_PERIOD_MS);
    }
    progress_rest(scanner.pulse);
    pg_free(scanner.pg);
    arena_free(scanner.arena);
    return NULL;
}
