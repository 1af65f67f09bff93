#include "runtime/admission.h"

#define SECOND_NS 1000000000ull

enum {
    CAPACITY_HALF_MS = 50,
    BELIEF_HALF_MS = 5000,
    RETRY_SPREAD_MIN_S = 3,
    RETRY_SPREAD_MAX_S = 30,
};

size_t
admission_open_max(const struct admission_policy *policy, double capacity_per_s)
{
    double in_time = capacity_per_s * policy->answer_ms_max / 1000;
    if (!(in_time > (double)policy->open_free))
        return policy->open_free;
    return in_time < (double)policy->open_max ? (size_t)in_time : policy->open_max;
}

double
admission_start(const struct admission_policy *policy)
{
    return (double)policy->open_start * 1000 / policy->answer_ms_max;
}

/* What is left of old news: a hyperbola in place of an exponential, near enough without libm. */
static double
kept_share(uint64_t elapsed_ns, unsigned half_ms)
{
    return 1 / (1 + (double)elapsed_ns / 1000000 / half_ms);
}

double
admission_rate(double per_s, uint64_t count, uint64_t elapsed_ns, unsigned half_ms)
{
    if (elapsed_ns == 0)
        return per_s;
    double kept = kept_share(elapsed_ns, half_ms);
    return per_s * kept + (double)count * SECOND_NS / (double)elapsed_ns * (1 - kept);
}

double
admission_capacity(const struct admission_policy *policy, double capacity_per_s, size_t open,
                   uint64_t answered, uint64_t elapsed_ns)
{
    if (elapsed_ns == 0)
        return capacity_per_s;
    if (open > policy->open_free)
        return admission_rate(capacity_per_s, answered, elapsed_ns, CAPACITY_HALF_MS);
    double seen_per_s = (double)answered * SECOND_NS / (double)elapsed_ns;
    double start_per_s = admission_start(policy);
    double kept = kept_share(elapsed_ns, BELIEF_HALF_MS);
    if (capacity_per_s < start_per_s)
        capacity_per_s = capacity_per_s * kept + start_per_s * (1 - kept);
    return capacity_per_s > seen_per_s ? capacity_per_s : seen_per_s;
}

unsigned
admission_retry_s(double refused_per_s, double capacity_per_s, uint32_t chance)
{
    double spread_s = capacity_per_s > 1 ? 2 * refused_per_s / capacity_per_s : refused_per_s;
    unsigned spread = spread_s > RETRY_SPREAD_MAX_S   ? (unsigned)RETRY_SPREAD_MAX_S
                      : spread_s < RETRY_SPREAD_MIN_S ? (unsigned)RETRY_SPREAD_MIN_S
                                                      : (unsigned)spread_s;
    return 1 + chance % spread;
}

bool
rate_take(uint64_t *state, uint64_t now_ns, unsigned per_s, unsigned ahead, unsigned *ret_wait_ms)
{
    uint64_t each_ns = SECOND_NS / per_s;
    uint64_t due_ns = *state > now_ns ? *state : now_ns;
    if (due_ns - now_ns > each_ns * ahead) {
        *ret_wait_ms = (unsigned)((due_ns - now_ns - each_ns * ahead) / 1000000) + 1;
        return false;
    }
    *state = due_ns + each_ns;
    return true;
}
