#include "runtime/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
enum { BUCKET_COUNT = 18, LABEL_SIZE = 64, METRIC_HOOKS_MAX = 8 };

/* Seconds from a tenth of a millisecond to 10 s; plain sizes (a batch) use the same bounds times
 * 1000, see bucket_scale. */
static const double bucket_bounds[BUCKET_COUNT] = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
    0.1,    0.2,     0.25,   0.5,   1,      2,     2.5,  5,     10,
};

struct metric_row {
    const char *name;
    enum metric_type type;
    const char *labels;
    const char *help;
};
static const struct metric_row rows[METRIC_COUNT_] = {
#define X(name, type, labels, help) {#name, METRIC_##type, labels, help},
#include "runtime/metrics.def"
#undef X
};

struct metric_child {
    char labels[METRIC_LABELS_MAX][LABEL_SIZE];
    _Atomic double value; /* of a counter or gauge; sum of a histogram */
    atomic_bool absent;   /* a gauge that was cleared */
    atomic_uint_fast64_t count;
    atomic_uint_fast64_t buckets[BUCKET_COUNT];
};

struct metric_family {
    pthread_mutex_t lock; /* for making children */
    atomic_size_t count;
    struct metric_child *_Atomic children[METRIC_CHILDREN_MAX];
};
static struct metric_family families[METRIC_COUNT_] = {
#define X(name, type, labels, help) {.lock = PTHREAD_MUTEX_INITIALIZER},
#include "runtime/metrics.def"
#undef X
};

static bool
child_is(const struct metric_child *child, const char *const values[METRIC_LABELS_MAX])
{
    for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
        if (strncmp(child->labels[i], values[i] ? values[i] : "", LABEL_SIZE - 1) != 0)
            return false;
    return true;
}

static struct metric_child *
family_find(struct metric_family *family, const char *const values[METRIC_LABELS_MAX])
{
    size_t count = atomic_load_explicit(&family->count, memory_order_acquire);
    for (size_t i = 0; i < count; i++) {
        struct metric_child *child = atomic_load(&family->children[i]);
        if (child_is(child, values))
            return child;
    }
    return NULL;
}

static struct metric_child *
family_child(enum metric_id id, const char *a, const char *b, const char *c)
{
    const char *const values[METRIC_LABELS_MAX] = {a, b, c};
    struct metric_family *family = &families[id];
    struct metric_child *child = family_find(family, values);
    if (child)
        return child;
    (void)pthread_mutex_lock(&family->lock);
    child = family_find(family, values);
    size_t count = atomic_load(&family->count);
    if (child == NULL && count == METRIC_CHILDREN_MAX)
        child = atomic_load(&family->children[count - 1]);
    if (child == NULL) {
        child = mem_zalloc(sizeof *child);
        bool last = count == METRIC_CHILDREN_MAX - 1;
        for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
            (void)snprintf(child->labels[i], LABEL_SIZE, "%s",
                           values[i] == NULL ? ""
                           : last            ? "other"
                                             : values[i]);
        atomic_store(&family->children[count], child);
        atomic_store_explicit(&family->count, count + 1, memory_order_release);
    }
    (void)pthread_mutex_unlock(&family->lock);
    return child;
}

static void
atomic_double_add(_Atomic double *target, double amount)
{
    double old = atomic_load_explicit(target, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(target, &old, old + amount))
        ;
}

void
metric_add(enum metric_id id, double amount, const char *a, const char *b, const char *c)
{
    atomic_double_add(&family_child(id, a, b, c)->value, amount);
}

void
metric_set(enum metric_id id, double value, const char *a, const char *b, const char *c)
{
    struct metric_child *child = family_child(id, a, b, c);
    atomic_store(&child->value, value);
    atomic_store(&child->absent, false);
}

void
metric_clear(enum metric_id id)
{
    size_t count = atomic_load_explicit(&families[id].count, memory_order_acquire);
    for (size_t i = 0; i < count; i++)
        atomic_store(&atomic_load(&families[id].children[i])->absent, true);
}

static double
bucket_scale(enum metric_id id)
{
    return strstr(rows[id].name, "_seconds") ? 1 : 1000;
}

void
metric_observe(enum metric_id id, double value, const char *a, const char *b, const char *c)
{
    struct metric_child *child = family_child(id, a, b, c);
    atomic_double_add(&child->value, value);
    atomic_fetch_add(&child->count, 1);
    double scale = bucket_scale(id);
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        if (value > bucket_bounds[i] * scale)
            continue;
        atomic_fetch_add(&child->buckets[i], 1);
        break;
    }
}

/* {route="/x",le="0.1"}; nothing when there are no labels. */
static void
write_labels(struct buf *out, const struct metric_row *row, const struct metric_child *child,
             const char *le)
{
    struct str names = str_of(row->labels);
    char separator = '{';
    for (size_t i = 0; names.len; i++) {
        struct str name = str_cut(&names, ',');
        buf_printf(out, "%c%.*s=\"", separator, STR_ARG(name));
        for (const char *c = child->labels[i]; *c; c++) {
            if (*c == '"' || *c == '\\')
                buf_add_char(out, '\\');
            buf_add_char(out, *c == '\n' ? ' ' : *c);
        }
        buf_add_char(out, '"');
        separator = ',';
    }
    if (le)
        buf_printf(out, "%cle=\"%s\"", separator, le);
    if (le || separator == ',')
        buf_add_char(out, '}');
}

static void
write_histogram(struct buf *out, enum metric_id id, struct metric_child *child)
{
    char le[32];
    uint64_t below = 0;
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        below += atomic_load(&child->buckets[i]);
        (void)snprintf(le, sizeof le, "%g", bucket_bounds[i] * bucket_scale(id));
        buf_printf(out, "%s_bucket", rows[id].name);
        write_labels(out, &rows[id], child, le);
        buf_printf(out, " %" PRIu64 "\n", below);
    }
    uint64_t count = atomic_load(&child->count);
    buf_printf(out, "%s_bucket", rows[id].name);
    write_labels(out, &rows[id], child, "+Inf");
    buf_printf(out, " %" PRIu64 "\n%s_sum", count < below ? below : count, rows[id].name);
    write_labels(out, &rows[id], child, NULL);
    buf_printf(out, " %g\n%s_count", atomic_load(&child->value), rows[id].name);
    write_labels(out, &rows[id], child, NULL);
    buf_printf(out, " %" PRIu64 "\n", count < below ? below : count);
}

static double
open_fds(void)
{
    double count = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return 0;
    while (readdir(dir))
        count++;
    (void)closedir(dir);
    return count - 3; /* ".", ".." and the directory itself */
}

static double
resident_bytes(void)
{
    unsigned long total = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, /* NOLINT(cert-err34-c): the kernel writes numbers that fit */
               "%lu %lu", &total, &resident) != 2)
        resident = 0;
    (void)fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void
process_numbers(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        double cpu = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
                     ((double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec) / 1e6;
        metric_set(METRIC_process_cpu_seconds_total, cpu, NULL, NULL, NULL);
    }
    metric_set(METRIC_process_open_fds, open_fds(), NULL, NULL, NULL);
    metric_set(METRIC_process_resident_memory_bytes, resident_bytes(), NULL, NULL, NULL);
}

static struct {
    pthread_mutex_t lock; /* held while they are called */
    struct {
        void (*tell)(void *ctx);
        void *ctx;
    } rows[METRIC_HOOKS_MAX];
} hooks = {.lock = PTHREAD_MUTEX_INITIALIZER};

void
metrics_hook(void (*tell)(void *ctx), void *ctx)
{
    (void)pthread_mutex_lock(&hooks.lock);
    size_t i = 0;
    while (i < METRIC_HOOKS_MAX && hooks.rows[i].tell)
        i++;
    if (i == METRIC_HOOKS_MAX)
        abort();
    hooks.rows[i].tell = tell;
    hooks.rows[i].ctx = ctx;
    (void)pthread_mutex_unlock(&hooks.lock);
}

void
metrics_unhook(void *ctx)
{
    (void)pthread_mutex_lock(&hooks.lock);
    for (size_t i = 0; i < METRIC_HOOKS_MAX; i++)
        if (hooks.rows[i].ctx == ctx)
            hooks.rows[i].tell = NULL;
    (void)pthread_mutex_unlock(&hooks.lock);
}

static void
hooks_call(void)
{
    (void)pthread_mutex_lock(&hooks.lock);
    for (size_t i = 0; i < METRIC_HOOKS_MAX; i++)
        if (hooks.rows[i].tell)
            hooks.rows[i].tell(hooks.rows[i].ctx);
    (void)pthread_mutex_unlock(&hooks.lock);
}

void
metrics_write(struct buf *out)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    hooks_call();
    process_numbers();
    for (unsigned id = 0; id < METRIC_COUNT_; id++) {
        size_t count = atomic_load_explicit(&families[id].count, memory_order_acquire);
        if (count == 0)
            continue;
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", rows[id].name, rows[id].help, rows[id].name,
                   types[rows[id].type]);
        for (size_t i = 0; i < count; i++) {
            struct metric_child *child = atomic_load(&families[id].children[i]);
            if (rows[id].type == METRIC_HISTOGRAM) {
                write_histogram(out, (enum metric_id)id, child);
                continue;
            }
            if (atomic_load(&child->absent))
                continue;
            buf_add_text(out, rows[id].name);
            write_labels(out, &rows[id], child, NULL);
            buf_printf(out, " %.15g\n", atomic_load(&child->value));
        }
    }
}

void
metrics_write_docs(struct buf *out)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    buf_add_text(out, "| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for (unsigned id = 0; id < METRIC_COUNT_; id++)
        buf_printf(out, "| `%s` | %s | %s | %s |\n", rows[id].name, types[rows[id].type],
                   *rows[id].labels ? rows[id].labels : "-", rows[id].help);
}
