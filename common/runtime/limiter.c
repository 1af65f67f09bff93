#include "runtime/limiter.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "runtime/admission.h"

/* Of 65,536 clients active within the same seconds each has its place; of more, those that were
 * quiet for longest lose theirs and begin anew, which is to their advantage. */
enum { LIMITER_SLOTS = 65536, LIMITER_PROBES = 8 };

struct slot {
    uint64_t who;
    uint64_t state; /* of rate_take: when all it sent is paid for */
};

struct limiter {
    unsigned per_s;
    unsigned ahead;
    pthread_mutex_t lock;
    struct slot slots[LIMITER_SLOTS];
};

struct limiter *
limiter_new(unsigned per_s, unsigned ahead)
{
    struct limiter *limiter = mem_zalloc(sizeof *limiter);
    limiter->per_s = per_s;
    limiter->ahead = ahead;
    (void)pthread_mutex_init(&limiter->lock, NULL);
    return limiter;
}

/* Its own place, else the one that was quiet for longest. */
static struct slot *
slot_of(struct limiter *limiter, uint64_t who)
{
    struct slot *oldest = &limiter->slots[who % LIMITER_SLOTS];
    for (size_t i = 0; i < LIMITER_PROBES; i++) {
        struct slot *slot = &limiter->slots[(who + i) % LIMITER_SLOTS];
        if (slot->who == who)
            return slot;
        if (slot->state < oldest->state)
            oldest = slot;
    }
    *oldest = (struct slot){.who = who};
    return oldest;
}

bool
limiter_take(struct limiter *limiter, struct str who, uint64_t now_ns, unsigned *ret_wait_ms)
{
    if (limiter == NULL)
        return true;
    (void)pthread_mutex_lock(&limiter->lock);
    struct slot *slot = slot_of(limiter, str_hash(who)); /* session ids are random */
    bool within = rate_take(&slot->state, now_ns, limiter->per_s, limiter->ahead, ret_wait_ms);
    (void)pthread_mutex_unlock(&limiter->lock);
    return within;
}

void
limiter_free(struct limiter *limiter)
{
    if (limiter == NULL)
        return;
    (void)pthread_mutex_destroy(&limiter->lock);
    free(limiter);
}
