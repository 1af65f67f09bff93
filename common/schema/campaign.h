/*
 * A campaign: 届 × province × school × level, what is asked and when, and how severe a rule is.
 * Data from PostgreSQL, changed without a release; this is its form in memory. Texts are borrowed
 * from whoever loaded it. Pure.
 */
#pragma once

#include "schema/field.h"

enum rule_severity { RULE_REJECT, RULE_WARN, RULE_NOTE, RULE_OFF };
const char *rule_severity_word(enum rule_severity severity);

/* The levels of study that a campaign may be of, by the first digit of XLDM. */
enum study_level { LEVEL_ANY, LEVEL_POSTGRADUATE, LEVEL_UNDERGRADUATE, LEVEL_COLLEGE };
enum study_level study_level_of(struct str xldm); /* LEVEL_ANY: cannot be told */

enum { CAMPAIGN_MONTHS_MAX = 24, RULES_MAX = 64 };

struct campaign {
    struct str campaign_id;
    struct str school_code; /* "*": every school without its own */
    struct str province;    /* two digits; "*": every province */
    struct str schools;     /* of a province: the codes of its schools, each with a comma behind */
    enum study_level level; /* LEVEL_ANY: every level */
    struct str name;
    struct str edition;                              /* 届 */
    uint32_t graduation_months[CAMPAIGN_MONTHS_MAX]; /* allowed BYSJ, YYYYMM */
    size_t graduation_month_count;
    int64_t opens_at_ms;
    int64_t closes_at_ms;
    bool required[FIELD_COUNT_]; /* begins as the field table says; a campaign may add and take */
    struct str fixed_value[FIELD_COUNT_]; /* empty: free */
    uint8_t
        severity[RULES_MAX]; /* enum rule_severity by number of the rule; begins as in the table */
    uint32_t version;
};

/* Everything empty, required and severe as the tables say, for every province and level. */
void campaign_default(struct campaign *campaign);
/*
 * What its columns say. Lists are "A,B" or "A=b,C=d"; what is not understood (no such field, rule,
 * level or month; a severity for a rule that is not adjustable) is left out and counted.
 */
size_t campaign_set_months(struct campaign *campaign, struct str list);
size_t campaign_set_required(struct campaign *campaign, struct str list, bool required);
size_t campaign_set_fixed(struct campaign *campaign, struct str list);
size_t campaign_set_severities(struct campaign *campaign, struct str list);
size_t campaign_set_level(struct campaign *campaign, struct str word);

/* The campaign of a student: the school's own before its province's before every school's, of the
 * student's level before of every level; the newest edition wins. NULL when there is none. */
const struct campaign *campaign_of(const struct campaign *campaigns, size_t count,
                                   struct str school_code, enum study_level level);
/* Whether the level decides which campaign a student of this school has. */
bool campaign_asks_level(const struct campaign *campaigns, size_t count, struct str school_code);
