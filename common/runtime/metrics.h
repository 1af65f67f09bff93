/*
 * Metrics in Prometheus' text form. The list is metrics.def; a metric with labels has one child per
 * combination of values, made on first use and kept (bounded: more than METRIC_CHILDREN_MAX are
 * counted in the last one, labelled "other"). Thread-safe; updating takes no lock once a child
 * exists.
 */
#pragma once

#include "base/buf.h"

enum metric_id {
#define X(name, type, labels, help) METRIC_##name,
#include "runtime/metrics.def"
#undef X
    METRIC_COUNT_
};

enum { METRIC_CHILDREN_MAX = 256, METRIC_LABELS_MAX = 3 };

/* Label values in the order of the table, missing ones NULL. They are copied when a child is made.
 */
void metric_add(enum metric_id id, double amount, const char *a, const char *b, const char *c);
void metric_set(enum metric_id id, double value, const char *a, const char *b, const char *c);
void metric_observe(enum metric_id id, double value, const char *a, const char *b, const char *c);
/* All children of a gauge are no longer told, until each is set again. */
void metric_clear(enum metric_id id);
#define metric_count(id, ...)                                                                      \
    metric_add((id), 1, metric_args_(__VA_ARGS__ __VA_OPT__(, ) NULL, NULL, NULL))
#define metric_args_(a, b, c, ...) (a), (b), (c)

/* Called before each exposition, for gauges that are worth setting only then. At most a few. When
 * metrics_unhook returns, `ctx` may go. */
void metrics_hook(void (*tell)(void *ctx), void *ctx);
void metrics_unhook(void *ctx);
/* The whole exposition, with the process' own numbers taken now. */
void metrics_write(struct buf *out);
void metrics_write_docs(struct buf *out);
