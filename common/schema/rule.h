/*
 * The rules as rows, and the engine that applies them: pure, no I/O, no clock. The same rules judge
 * a roster at import and a submission. A rule looks at one record and reports findings, each with a
 * field and a message that says what to do next; messages show no document number, phone or
 * address.
 */
#pragma once

#include "schema/campaign.h"

/* Which rules these are: a hash of the sources and data that decide. Kept with each judgement. */
extern const char rules_edition[];

enum rule_stage { RULE_ROSTER = 1, RULE_SUBMISSION = 2 }; /* where a rule applies, or-ed */

struct record_values {
    struct str value[FIELD_COUNT_]; /* empty: absent */
};

struct rule_input {
    const struct record_values *values;
    const struct campaign *campaign; /* NULL at roster import */
    struct str verified_phone;       /* empty: none known */
    uint32_t today;                  /* YYYYMMDD */
};

struct rule;
struct finding {
    const struct rule *rule;
    enum rule_severity severity; /* the rule's own, or what the campaign makes of it */
    enum field_id field;
    struct str message; /* in the arena */
};
enum { FINDINGS_MAX = 128 };
struct findings {
    size_t count;
    struct finding rows[FINDINGS_MAX];
};

struct rule_report; /* where a rule's predicate leaves its findings */

struct rule {
    const char *id;
    enum rule_severity severity; /* RULE_OFF: only where a campaign turns it on */
    bool adjustable;             /* a campaign may make it more or less severe, or turn it off */
    unsigned stages;
    const char *fields; /* for people: which fields it looks at */
    const char *summary;
    const char *basis;
    void (*check)(const struct rule_input *input, struct rule_report *report);
};
extern const struct rule rules[];
extern const size_t rule_count; /* at most RULES_MAX */
/* Number of a rule; rule_count when there is none. */
size_t rule_find(struct str id);

/* All findings at once, in the order of the rule table, then of the fields. */
void rules_judge(const struct rule_input *input, struct arena *arena, struct findings *ret);
void rules_judge_roster(const struct rule_input *input, struct arena *arena, struct findings *ret);
bool findings_reject(const struct findings *findings);

/* Whether this record has to have the field: what the campaign asks (NULL: the field table), less
 * what is not asked of people from Hong Kong, Macao, Taiwan and abroad. */
bool record_requires(const struct campaign *campaign, const struct record_values *values,
                     enum field_id field);
/* Fills absent values that have a default: the field's, or what the campaign fixes. */
void record_apply_defaults(const struct campaign *campaign, struct record_values *values);
void rule_write_docs(struct buf *out);
void rule_write_json(struct buf *out); /* the table, for whoever reads a judgement later */
