/*
 * A campaign: 届 × school, what is asked and when. Data from PostgreSQL, changed without a release;
 * this is its form in memory. Texts are borrowed from whoever loaded it.
 */
#pragma once

#include "schema/field.h"

enum { CAMPAIGN_MONTHS_MAX = 24 };

struct campaign {
    struct str campaign_id;
    struct str school_code; /* "*": every school without its own */
    struct str name;
    struct str edition;                              /* 届 */
    uint32_t graduation_months[CAMPAIGN_MONTHS_MAX]; /* allowed BYSJ, YYYYMM */
    size_t graduation_month_count;
    int64_t opens_at_ms;
    int64_t closes_at_ms;
    bool required[FIELD_COUNT_];          /* begins as the field table says; a campaign may add */
    struct str fixed_value[FIELD_COUNT_]; /* empty: free */
    uint32_t version;
};

/* Everything empty, required as the field table says. */
void campaign_default(struct campaign *campaign);
