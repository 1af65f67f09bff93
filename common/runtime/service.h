/*
 * The skeleton of a process: options, log, keys, signals, health and admin port, then the service's
 * own start, its loop if it has one, drain and stop. main() of every service is one call.
 */
#pragma once

#include "io/keyring.h"
#include "runtime/api.h"
#include "runtime/health.h"
#include "runtime/option.h"

struct runtime {
    const struct program *program;
    const struct runtime_conf *conf;
    struct keyring *keyring; /* NULL without NEED_KEYS */
    struct health *health;
};

struct service {
    const struct program *program;
    /* Every call it answers; printed by --print-routes. */
    const struct api_route *routes;
    size_t route_count;
    /* Makes the service; checks of readiness are added here. *ret_service is passed on. */
    enum err_code (*start)(struct runtime *runtime, const void *conf, void **ret_service,
                           struct err *err);
    /* Optional: the service's own loop on the main thread; returns when service_stopping(). A
     * failure ends the process with the exit status of its code. */
    enum err_code (*loop)(void *service, struct err *err);
    /* SIGTERM came: stop taking work, finish what is under way within `timeout_ms`. */
    void (*drain)(void *service, unsigned timeout_ms);
    void (*stop)(void *service);
};

/* True once SIGTERM or SIGINT arrived. */
bool service_stopping(void);
int service_main(const struct service *service, int argc, char **argv);

/* Ready-made checks of health with connections of their own (each ctx is the conf). */
enum err_code service_check_pg(void *conf, struct err *err);
enum err_code service_check_redis(void *conf, struct err *err);
enum err_code service_check_kafka(void *conf, struct err *err);
