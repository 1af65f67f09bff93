#include "runtime/campaigns.h"

#include <pthread.h>
#include <stdlib.h>

#include "runtime/log.h"

enum { CAMPAIGN_LIST_ARENA = 16 * 1024 * 1024 };

struct held_list {
    struct campaign_list list; /* first: what readers get */
    struct arena *arena;
    size_t references; /* under the lock; one is the shared list's own */
};

struct campaigns {
    pthread_mutex_t lock;
    struct held_list *current;
};

struct campaigns *
campaigns_new(void)
{
    struct campaigns *campaigns = mem_zalloc(sizeof *campaigns);
    (void)pthread_mutex_init(&campaigns->lock, NULL);
    return campaigns;
}

static void
list_unref_locked(struct held_list *held)
{
    if (held == NULL || --held->references > 0)
        return;
    arena_free(held->arena);
    free(held->list.rows);
    free(held);
}

void
campaigns_free(struct campaigns *campaigns)
{
    if (campaigns == NULL)
        return;
    list_unref_locked(campaigns->current);
    (void)pthread_mutex_destroy(&campaigns->lock);
    free(campaigns);
}

static struct str
column(const struct pg_result *result, size_t row, int number, struct arena *arena)
{
    return arena_copy(arena, pg_str(result, row, number));
}

/* How much of it was not understood. */
static size_t
read_row(struct campaign *campaign, const struct pg_result *result, size_t row, struct arena *arena)
{
    campaign_default(campaign);
    campaign->campaign_id = column(result, row, 0, arena);
    campaign->school_code = column(result, row, 1, arena);
    campaign->name = column(result, row, 2, arena);
    campaign->edition = column(result, row, 3, arena);
    campaign->opens_at_ms = pg_int(result, row, 4, 0);
    campaign->closes_at_ms = pg_int(result, row, 5, 0);
    campaign->version = (uint32_t)pg_int(result, row, 9, 1);
    campaign->province = column(result, row, 10, arena);
    campaign->schools = column(result, row, 14, arena);
    return campaign_set_months(campaign, pg_str(result, row, 6)) +
           campaign_set_required(campaign, pg_str(result, row, 12), false) +
           campaign_set_required(campaign, pg_str(result, row, 7), true) +
           campaign_set_fixed(campaign, column(result, row, 8, arena)) +
           campaign_set_level(campaign, pg_str(result, row, 11)) +
           campaign_set_severities(campaign, pg_str(result, row, 13));
}

/* Whether this version of a campaign is in the list of before. */
static bool
version_seen(const struct held_list *held, const struct campaign *campaign)
{
    for (size_t i = 0; held && i < held->list.count; i++)
        if (str_eq(held->list.rows[i].campaign_id, campaign->campaign_id))
            return held->list.rows[i].version == campaign->version;
    return false;
}

/* Once a version: the lists are loaded every second or two. */
static void
tell_misunderstood(const struct held_list *before, const struct campaign *campaign, size_t count)
{
    if (count && !version_seen(before, campaign))
        log_event(LOG_WARN, "settings of a campaign are not understood and left out",
                  LOG_STR("campaign_id", campaign->campaign_id),
                  LOG_INT("version", campaign->version), LOG_INT("settings", (int64_t)count));
}

enum err_code
campaigns_load(struct campaigns *campaigns, struct pg *pg, const struct pg_statement *statement,
               struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *result = NULL;
    enum err_code code = pg_exec(pg, statement, NULL, 0, &result, err);
    if (code)
        return code;
    struct held_list *held = mem_zalloc(sizeof *held);
    held->arena = arena_new(CAMPAIGN_LIST_ARENA);
    held->references = 1;
    held->list.count = pg_rows(result);
    held->list.rows = mem_zalloc(held->list.count * sizeof *held->list.rows);
    const struct held_list *before = campaigns->current; /* only the loader replaces it */
    for (size_t i = 0; i < held->list.count; i++) {
        size_t unknown = read_row(&held->list.rows[i], result, i, held->arena);
        tell_misunderstood(before, &held->list.rows[i], unknown);
    }
    (void)pthread_mutex_lock(&campaigns->lock);
    struct held_list *old = campaigns->current;
    campaigns->current = held;
    list_unref_locked(old);
    (void)pthread_mutex_unlock(&campaigns->lock);
    return ERR_OK;
}

const struct campaign_list *
campaigns_acquire(struct campaigns *campaigns)
{
    (void)pthread_mutex_lock(&campaigns->lock);
    struct held_list *held = campaigns->current;
    if (held)
        held->references++;
    (void)pthread_mutex_unlock(&campaigns->lock);
    return held ? &held->list : NULL;
}

void
campaigns_release(struct campaigns *campaigns, const struct campaign_list *list)
{
    if (list == NULL)
        return;
    (void)pthread_mutex_lock(&campaigns->lock);
    list_unref_locked((struct held_list *)(uintptr_t)list);
    (void)pthread_mutex_unlock(&campaigns->lock);
}
