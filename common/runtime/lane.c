#include "runtime/lane.h"

#include <time.h>

#include "base/clock.h"
#include "io/crypto.h"
#include "runtime/metrics.h"

enum { PACE_EVERY_MS = 20, REFUSED_HALF_MS = 200 };
enum { GATHER_FROM = 4, GATHER_ENOUGH = 64 }; /* calls */

void
lane_init(struct lane *lane, const char *name, size_t worker_count,
          const struct admission_policy *policy)
{
    lane->name = name;
    lane->policy = *policy;
    lane->capacity_per_s = admission_start(policy);
    lane->paced_ns = clock_mono_ns();
    lane->last = &lane->first;
    lane->worker_count = worker_count;
    (void)pthread_mutex_init(&lane->lock, NULL);
    (void)pthread_cond_init(&lane->wake, NULL);
    clock_cond_init(&lane->enough);
}

/* With the lock. */
static void
lane_pace(struct lane *lane, uint64_t now_ns)
{
    /* Who looked at the clock first may be here last: that is no time at all, not ages. */
    if (now_ns < lane->paced_ns + (uint64_t)PACE_EVERY_MS * 1000000)
        return;
    uint64_t elapsed_ns = now_ns - lane->paced_ns;
    uint64_t answered = atomic_load_explicit(&lane->answered, memory_order_relaxed);
    lane->capacity_per_s =
        admission_capacity(&lane->policy, lane->capacity_per_s, atomic_load(&lane->open),
                           answered - lane->answered_before, elapsed_ns);
    lane->refused_per_s =
        admission_rate(lane->refused_per_s, lane->refused, elapsed_ns, REFUSED_HALF_MS);
    lane->answered_before = answered;
    lane->refused = 0;
    lane->paced_ns = now_ns;
}

bool
lane_put(struct lane *lane, struct api_call *call, uint64_t now_ns, unsigned *ret_retry_s)
{
    double refused_per_s = 0;
    double capacity_per_s = 0;
    (void)pthread_mutex_lock(&lane->lock);
    lane_pace(lane, now_ns);
    bool admitted = !lane->stop && atomic_load(&lane->open) <
                                       admission_open_max(&lane->policy, lane->capacity_per_s);
    if (admitted) {
        call->lane = lane;
        call->next = NULL;
        *lane->last = call;
        lane->last = &call->next;
        atomic_fetch_add(&lane->open, 1);
        if (lane->count++ == 0)
            (void)pthread_cond_signal(&lane->wake); /* who takes from it wakes the next */
        if (lane->gathering && lane->count == GATHER_ENOUGH)
            (void)pthread_cond_signal(&lane->enough);
    } else {
        lane->refused++;
        refused_per_s = lane->refused_per_s;
        capacity_per_s = lane->capacity_per_s;
    }
    (void)pthread_mutex_unlock(&lane->lock);
    if (!admitted) {
        uint32_t chance;
        crypto_random(&chance, sizeof chance);
        *ret_retry_s = admission_retry_s(refused_per_s, capacity_per_s, chance);
    }
    return admitted;
}

/* With the lock, which is given up meanwhile. A quiet lane does not wait: nobody would come. */
static void
lane_gather(struct lane *lane)
{
    if (lane->gather_ms == 0 || lane->taken < GATHER_FROM)
        return;
    lane->gathering = true;
    while (lane->count < GATHER_ENOUGH && !lane->stop)
        if (!clock_cond_wait(&lane->enough, &lane->lock, lane->gather_ms))
            break; /* not all that could come has come: no more is waited for */
    lane->gathering = false;
}

size_t
lane_take(struct lane *lane, struct api_call **ret_calls, size_t max)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&lane->lock);
    while (lane->first == NULL && !lane->stop)
        (void)pthread_cond_wait(&lane->wake, &lane->lock);
    lane_gather(lane);
    /* A fair share, so that blocking calls spread over all workers. */
    size_t share = (lane->count + lane->worker_count - 1) / lane->worker_count;
    while (lane->first && count < share && count < max) {
        ret_calls[count] = lane->first;
        lane->first = ret_calls[count]->next;
        count++;
    }
    lane->count -= count;
    lane->taken = count;
    if (lane->first == NULL)
        lane->last = &lane->first;
    else
        (void)pthread_cond_signal(&lane->wake);
    (void)pthread_mutex_unlock(&lane->lock);
    if (count)
        atomic_fetch_add(&lane->busy, 1);
    return count;
}

void
lane_rest(struct lane *lane)
{
    atomic_fetch_sub(&lane->busy, 1);
}

void
lane_answered(struct lane *lane)
{
    atomic_fetch_sub(&lane->open, 1);
    atomic_fetch_add_explicit(&lane->answered, 1, memory_order_relaxed);
}

void
lane_tell(struct lane *lane)
{
    (void)pthread_mutex_lock(&lane->lock);
    size_t open_max = admission_open_max(&lane->policy, lane->capacity_per_s);
    (void)pthread_mutex_unlock(&lane->lock);
    metric_set(METRIC_http_calls_open, (double)atomic_load(&lane->open), lane->name, NULL, NULL);
    metric_set(METRIC_http_calls_open_max, (double)open_max, lane->name, NULL, NULL);
    metric_set(METRIC_http_workers, (double)lane->worker_count, lane->name, NULL, NULL);
    metric_set(METRIC_http_workers_busy, (double)atomic_load(&lane->busy), lane->name, NULL, NULL);
}

void
lane_stop(struct lane *lane)
{
    (void)pthread_mutex_lock(&lane->lock);
    lane->stop = true;
    (void)pthread_cond_broadcast(&lane->wake);
    (void)pthread_cond_broadcast(&lane->enough);
    (void)pthread_mutex_unlock(&lane->lock);
}

void
lane_done(struct lane *lane)
{
    (void)pthread_cond_destroy(&lane->wake);
    (void)pthread_cond_destroy(&lane->enough);
    (void)pthread_mutex_destroy(&lane->lock);
}
