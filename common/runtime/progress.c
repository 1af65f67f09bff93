#include "runtime/progress.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"

struct pulse {
    const char *name;
    unsigned silence_ms_max;
    _Atomic uint64_t last_ns;
};

static struct pulse pulses[PROGRESS_LOOPS_MAX];
static atomic_size_t pulse_count;
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;

bool
pulse_is_stuck(uint64_t last_ns, uint64_t now_ns, unsigned silence_ms_max)
{
    if (last_ns == 0 || now_ns < last_ns)
        return false;
    return now_ns - last_ns > (uint64_t)silence_ms_max * 1000000;
}

struct pulse *
progress_add(const char *name, unsigned silence_ms_max)
{
    (void)pthread_mutex_lock(&adding);
    size_t count = atomic_load(&pulse_count);
    if (count == PROGRESS_LOOPS_MAX)
        abort();
    struct pulse *pulse = &pulses[count];
    pulse->name = name;
    pulse->silence_ms_max = silence_ms_max;
    atomic_store(&pulse_count, count + 1);
    (void)pthread_mutex_unlock(&adding);
    return pulse;
}

void
progress_beat(struct pulse *pulse)
{
    atomic_store_explicit(&pulse->last_ns, clock_mono_ns(), memory_order_relaxed);
}

void
progress_rest(struct pulse *pulse)
{
    atomic_store_explicit(&pulse->last_ns, 0, memory_order_relaxed);
}

const char *
progress_stuck(void)
{
    size_t count = atomic_load(&pulse_count);
    for (size_t i = 0; i < count; i++) {
        uint64_t last_ns = atomic_load(&pulses[i].last_ns); /* before the clock: never in future */
        if (pulse_is_stuck(last_ns, clock_mono_ns(), pulses[i].silence_ms_max))
            return pulses[i].name;
    }
    return NULL;
}

void
progress_write(struct jsonw *w)
{
    size_t count = atomic_load(&pulse_count);
    jsonw_key(w, "loops");
    jsonw_array_open(w);
    for (size_t i = 0; i < count; i++) {
        uint64_t last_ns = atomic_load(&pulses[i].last_ns);
        uint64_t now_ns = clock_mono_ns();
        if (last_ns == 0)
            continue;
        jsonw_object_open(w);
        jsonw_member_text(w, "name", pulses[i].name);
        jsonw_member_int(w, "silent_ms", (int64_t)((now_ns - last_ns) / 1000000));
        jsonw_member_int(w, "silent_ms_max", pulses[i].silence_ms_max);
        jsonw_member_bool(w, "stuck", pulse_is_stuck(last_ns, now_ns, pulses[i].silence_ms_max));
        jsonw_object_close(w);
    }
    jsonw_array_close(w);
}
