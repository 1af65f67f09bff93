#include "runtime/work.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"

static struct {
    pthread_mutex_t lock;
    struct work_range ranges[WORK_RANGES_MAX];
    size_t range_count;
    uint64_t since_ns; /* 0: no batch */
    unsigned tries;    /* that failed */
    const char *stage;
    struct err err;
    uint64_t next_ns;
} work = {.lock = PTHREAD_MUTEX_INITIALIZER};

void
work_begin(const struct work_range *ranges, size_t count)
{
    (void)pthread_mutex_lock(&work.lock);
    work.range_count = count < WORK_RANGES_MAX ? count : WORK_RANGES_MAX;
    memcpy(work.ranges, ranges, work.range_count * sizeof *ranges);
    work.since_ns = clock_mono_ns();
    work.tries = 0;
    (void)pthread_mutex_unlock(&work.lock);
}

void
work_retry(const char *stage, const struct err *err, unsigned next_ms)
{
    (void)pthread_mutex_lock(&work.lock);
    work.tries++;
    work.stage = stage;
    work.err = *err;
    work.next_ns = clock_mono_ns() + (uint64_t)next_ms * 1000000;
    (void)pthread_mutex_unlock(&work.lock);
}

void
work_end(void)
{
    (void)pthread_mutex_lock(&work.lock);
    work.since_ns = 0;
    (void)pthread_mutex_unlock(&work.lock);
}

static void
write_trouble(struct jsonw *w, uint64_t now_ns)
{
    if (work.tries == 0)
        return;
    jsonw_member_text(w, "stage", work.stage);
    jsonw_member_text(w, "error", err_name(work.err.code));
    jsonw_member_text(w, "class", err_class_name(err_class(work.err.code)));
    jsonw_member(w, "text",
                 utf8_valid(str_of(work.err.text)) ? str_of(work.err.text) : STR("(not UTF-8)"));
    jsonw_member_int(w, "next_ms",
                     work.next_ns > now_ns ? (int64_t)((work.next_ns - now_ns) / 1000000) : 0);
}

void
work_write(struct jsonw *w)
{
    (void)pthread_mutex_lock(&work.lock);
    uint64_t now_ns = clock_mono_ns();
    jsonw_key(w, "work");
    if (work.since_ns == 0) {
        jsonw_null(w);
        (void)pthread_mutex_unlock(&work.lock);
        return;
    }
    jsonw_object_open(w);
    jsonw_member_int(w, "since_ms", (int64_t)((now_ns - work.since_ns) / 1000000));
    jsonw_member_int(w, "tries", work.tries);
    write_trouble(w, now_ns);
    jsonw_key(w, "ranges");
    jsonw_array_open(w);
    for (size_t i = 0; i < work.range_count; i++) {
        jsonw_object_open(w);
        jsonw_member_text(w, "topic", work.ranges[i].topic);
        jsonw_member_int(w, "partition", work.ranges[i].partition);
        jsonw_member_int(w, "first", work.ranges[i].first);
        jsonw_member_int(w, "last", work.ranges[i].last);
        jsonw_object_close(w);
    }
    jsonw_array_close(w);
    jsonw_object_close(w);
    (void)pthread_mutex_unlock(&work.lock);
}

size_t
work_range_add(struct work_range ranges[WORK_RANGES_MAX], size_t count, const char *topic,
               int32_t partition, int64_t offset)
{
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].partition != partition || strcmp(ranges[i].topic, topic) != 0)
            continue;
        if (offset < ranges[i].first)
            ranges[i].first = offset;
        if (offset > ranges[i].last)
            ranges[i].last = offset;
        return count;
    }
    if (count == WORK_RANGES_MAX)
        return count;
    ranges[count] = (struct work_range){topic, partition, offset, offset};
    return count + 1;
}
