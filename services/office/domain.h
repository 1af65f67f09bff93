/*
 * Decisions of office, pure: what a request to decide on a record comes to, given what is known of
 * it; the reasons that a return can have; what of a record a role may see.
 */
#pragma once

#include "schema/appeal.h"
#include "schema/field.h"
#include "schema/transition.h"

enum { DECISIONS_MAX = 500, REASON_LENGTH_MAX = 200, PAGE_MAX = 100, PAGE_DEFAULT = 50 };
/* Of parameters, in characters. */
enum {
    SCHOOL_LENGTH_MAX = 16,
    CAMPAIGN_LENGTH_MAX = 64,
    NUMBER_LENGTH_MAX = 64,
    COLLEGE_LENGTH_MAX = 80,
    WORD_LENGTH_MAX = 64,
};

/* Why a record is returned: what the student is told, and staff chooses from. */
struct review_reason {
    const char *code;
    const char *text;
    bool needs_text; /* says nothing without staff's own words */
};
extern const struct review_reason review_reasons[];
extern const size_t review_reason_count;
const struct review_reason *review_reason_find(struct str code); /* NULL: none */

/* One thing that is asked for. */
struct decision {
    struct str student_id;
    struct str submission_id;
    struct str action;
    struct str reason_code;
    struct str reason;
};

/* What is known about its record. */
struct decision_facts {
    bool known; /* there is such a record within the scope */
    struct str campaign_id;
    struct str school_code;
    struct str accepted_id; /* newest accepted revision */
    int64_t accepted_revision;
    struct str decided_id; /* empty: nothing was decided */
    int64_t decided_revision;
    enum review_state decided;
    int64_t version; /* of the newest decision; 0: none */
    struct str decided_by;
    struct str by_level;
    int64_t decided_at_ms;
};

enum decision_outcome {
    DECISION_MADE,     /* to be written */
    DECISION_REPEATED, /* it stands already, by the same person */
    DECISION_UNKNOWN,  /* no such record, or none of the caller's */
    DECISION_STALE,    /* the record has another revision meanwhile, or another decision */
    DECISION_REFUSED,  /* the transition table lacks it */
    DECISION_INVALID,  /* an action or reason that cannot be */
};
struct decision_verdict {
    enum decision_outcome outcome;
    enum review_action action;
    enum review_state from;
    enum review_state to; /* MADE, REPEATED */
    const char *member;   /* INVALID: which */
    const char *text;     /* INVALID, STALE: what to do */
};

enum review_state decision_visible(const struct decision_facts *facts);
/* The revision that a decision would be of now. */
struct str decision_current_id(const struct decision_facts *facts);
int64_t decision_current_revision(const struct decision_facts *facts);
struct decision_verdict decide(const struct decision *asked, const struct decision_facts *facts,
                               enum review_role role, struct str decided_by);

/* Whether a value of this field is shown as it is; masked otherwise. */
bool field_shown(enum field_id field, enum review_role role);
/* First three and last four characters, the rest hidden; short ones hidden altogether. */
struct str text_masked(struct str text, struct arena *arena);

/* --- applications --- */

/* Whether this role decides on applications of this kind; others see them. */
bool appeal_decider(enum appeal_kind kind, enum review_role role);
/* "学院、学校" of those who do. */
void appeal_deciders_write(enum appeal_kind kind, struct buf *out);
/* A reason goes over a topic in clear: no document number or phone may stand in it. */
bool text_has_number(struct str text);
