#include "runtime/allowance.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"

/* 4 MB, all of it in memory from the start. Of more accounts in a day than there are places
 * those that did least lose theirs and begin anew: one that does much stays known. */
enum { ALLOWANCE_SLOTS = 262144, ALLOWANCE_PROBES = 8 };
#define CHINA_AHEAD_MS (INT64_C(8) * 3600 * 1000)
#define DAY_MS (INT64_C(24) * 3600 * 1000)

struct slot {
    uint64_t who;
    uint32_t day;
    uint32_t count; /* of that day */
};

struct allowance {
    unsigned a_day;
    pthread_mutex_t lock;
    struct slot slots[ALLOWANCE_SLOTS];
};

static uint32_t
day_of(int64_t now_ms)
{
    return (uint32_t)((now_ms + CHINA_AHEAD_MS) / DAY_MS);
}

unsigned
allowance_wait_s(int64_t now_ms)
{
    return (unsigned)((DAY_MS - (now_ms + CHINA_AHEAD_MS) % DAY_MS + 999) / 1000);
}

struct allowance *
allowance_new(unsigned a_day)
{
    struct allowance *allowance = mem_zalloc(sizeof *allowance);
    allowance->a_day = a_day;
    (void)pthread_mutex_init(&allowance->lock, NULL);
    return allowance;
}

static uint32_t
used_on(const struct slot *slot, uint32_t day)
{
    return slot->day == day ? slot->count : 0;
}

/* Its own place; else, to be taken over, the one that was used least today. */
static struct slot *
slot_of(struct allowance *allowance, uint64_t who, uint32_t day)
{
    struct slot *least = &allowance->slots[who % ALLOWANCE_SLOTS];
    for (size_t i = 0; i < ALLOWANCE_PROBES; i++) {
        struct slot *slot = &allowance->slots[(who + i) % ALLOWANCE_SLOTS];
        if (slot->who == who)
            return slot;
        if (used_on(slot, day) < used_on(least, day))
            least = slot;
    }
    return least;
}

bool
allowance_take(struct allowance *allowance, struct str who, int64_t now_ms)
{
    if (allowance == NULL)
        return true;
    uint64_t hash = str_hash(who);
    uint32_t day = day_of(now_ms);
    (void)pthread_mutex_lock(&allowance->lock);
    struct slot *slot = slot_of(allowance, hash, day);
    if (slot->who != hash || slot->day != day)
        *slot = (struct slot){.who = hash, .day = day};
    bool within = slot->count < allowance->a_day;
    slot->count += within;
    (void)pthread_mutex_unlock(&allowance->lock);
    return within;
}

void
allowance_give_back(struct allowance *allowance, struct str who, int64_t now_ms)
{
    if (allowance == NULL)
        return;
    uint64_t hash = str_hash(who);
    uint32_t day = day_of(now_ms);
    (void)pthread_mutex_lock(&allowance->lock);
    struct slot *slot = slot_of(allowance, hash, day);
    if (slot->who == hash && used_on(slot, day) > 0)
        slot->count--;
    (void)pthread_mutex_unlock(&allowance->lock);
}

void
allowance_free(struct allowance *allowance)
{
    if (allowance == NULL)
        return;
    (void)pthread_mutex_destroy(&allowance->lock);
    free(allowance);
}
