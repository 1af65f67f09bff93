/*
 * Applications: what a student may ask the school for, which claims belong to it, and what the
 * student is told in each state. Tables; pure. Binding takes them in, office shows and decides.
 */
#pragma once

#include "base/buf.h"

enum appeal_kind {
    APPEAL_ROSTER_MISMATCH,
    APPEAL_MAJOR_MISSING,
    APPEAL_FIELD_CORRECTION,
    APPEAL_UNBIND,
    APPEAL_LOST_ACCOUNT,
    APPEAL_ERASURE,
    APPEAL_IDENTITY_CONFIRMATION,
    APPEAL_KIND_COUNT_
};
enum appeal_state {
    APPEAL_FILED,
    APPEAL_ACCEPTED,
    APPEAL_REFUSED,
    APPEAL_CANCELLED,
    APPEAL_STATE_COUNT_
};

/* Who may file it. */
enum appeal_by {
    APPEAL_BY_ANYBODY,
    APPEAL_BY_BOUND,   /* about the student one is bound to */
    APPEAL_BY_UNBOUND, /* about one that another account may be bound to */
    APPEAL_BY_ITSELF,  /* files itself with a binding that waits for the school */
};

enum { APPEAL_CLAIMS_MAX = 8, APPEAL_MESSAGE_MAX = 500 };
struct appeal_claim {
    const char *name; /* NULL: there are no more */
    const char *label;
    unsigned max; /* code points */
    bool required;
};
struct appeal_kind_row {
    const char *name;
    const char *title;
    enum appeal_by by;
    struct appeal_claim claims[APPEAL_CLAIMS_MAX];
};
extern const struct appeal_kind_row appeal_kinds[APPEAL_KIND_COUNT_];

bool appeal_kind_parse(struct str text, enum appeal_kind *ret_kind);
bool appeal_state_parse(struct str text, enum appeal_state *ret_state);
const char *appeal_state_name(enum appeal_state state);
/* The claim of that name; NULL when the kind has none. */
const struct appeal_claim *appeal_claim_find(enum appeal_kind kind, struct str name);
/* What the student is told, and what to do next. */
const char *appeal_told(enum appeal_kind kind, enum appeal_state state);

/* A text for people to read: no control characters but line ends (where `lines`), 1 to `max` code
 * points, no blank at either end. */
bool appeal_text_valid(struct str text, unsigned max, bool lines);
