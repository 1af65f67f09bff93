/*
 * Health: which parts this process depends on, asked about once a second by a thread of its own,
 * with connections of its own. /livez asks nobody: it says whether every loop turns (progress.h);
 * /readyz tells the last answers; /status what the process is doing (work.h). Serves the admin port
 * and tells the service manager. Checks run one after the other on one thread.
 */
#pragma once

#include "base/buf.h"

struct health;

typedef enum err_code (*health_check)(void *ctx, struct err *err);

/* Serves /livez, /readyz, /metrics, /status on `listen`. */
enum err_code health_open(const char *listen, struct health **ret_health,
                          struct err *err) MUST_CHECK;
/* Before health_start only. `name` is a literal. */
void health_add(struct health *health, const char *name, health_check check, void *ctx);
void health_start(struct health *health);
/* A draining process is not ready. */
void health_drain(struct health *health);
/* No check runs any more when this returns: what they look at may be freed. */
void health_rest(struct health *health);
/* health_start was called, and every check passed the last time it was asked. */
bool health_ready(struct health *health);
void health_close(struct health *health);
