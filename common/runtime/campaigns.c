#include "runtime/campaigns.h"

#include <pthread.h>
#include <stdlib.h>

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

static void
read_months(struct campaign *campaign, struct str text)
{
    const size_t max = sizeof campaign->graduation_months / sizeof campaign->graduation_months[0];
    while (text.len && campaign->graduation_month_count < max) {
        uint64_t month = 0;
        if (str_to_u64(str_cut(&text, ','), 999999, &month))
            campaign->graduation_months[campaign->graduation_month_count++] = (uint32_t)month;
    }
}

static void
read_required(struct campaign *campaign, struct str text)
{
    while (text.len) {
        const struct field *field = field_find(str_cut(&text, ','));
        if (field)
            campaign->required[field->id] = true;
    }
}

static void
read_fixed(struct campaign *campaign, struct str text, struct arena *arena)
{
    while (text.len) {
        struct str value = str_cut(&text, ',');
        const struct field *field = field_find(str_cut(&value, '='));
        if (field)
            campaign->fixed_value[field->id] = arena_copy(arena, value);
    }
}

static void
read_row(struct campaign *campaign, const struct pg_result *result, size_t row, struct arena *arena)
{
    campaign_default(campaign);
    campaign->campaign_id = arena_copy(arena, pg_str(result, row, 0));
    campaign->school_code = arena_copy(arena, pg_str(result, row, 1));
    campaign->name = arena_copy(arena, pg_str(result, row, 2));
    campaign->edition = arena_copy(arena, pg_str(result, row, 3));
    campaign->opens_at_ms = pg_int(result, row, 4, 0);
    campaign->closes_at_ms = pg_int(result, row, 5, 0);
    campaign->graduation_month_count = 0;
    read_months(campaign, pg_str(result, row, 6));
    read_required(campaign, pg_str(result, row, 7));
    read_fixed(campaign, pg_str(result, row, 8), arena);
    campaign->version = (uint32_t)pg_int(result, row, 9, 1);
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
    for (size_t i = 0; i < held->list.count; i++)
        read_row(&held->list.rows[i], result, i, held->arena);
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
