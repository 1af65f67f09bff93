/*
 * The campaigns in memory: loaded from PostgreSQL now and then by whoever owns the connection, read
 * by any thread without waiting. A reader holds a reference for as long as it looks at one edition
 * of the list.
 */
#pragma once

#include "io/pg.h"
#include "schema/campaign.h"

struct campaigns; /* the shared list */
struct campaign_list {
    size_t count;
    struct campaign *rows;
};

struct campaigns *campaigns_new(void);
void campaigns_free(struct campaigns *campaigns);
/* Runs `statement` (columns as in services/intake/sql/campaigns.sql) and swaps the list in. */
enum err_code campaigns_load(struct campaigns *campaigns, struct pg *pg,
                             const struct pg_statement *statement, struct err *err) MUST_CHECK;
/* NULL before the first load. Give it back with campaigns_release. */
const struct campaign_list *campaigns_acquire(struct campaigns *campaigns);
void campaigns_release(struct campaigns *campaigns, const struct campaign_list *list);
