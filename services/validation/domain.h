/*
 * Judging, pure: a submission and the facts about it give a judgement. Knows nothing of Kafka or
 * PostgreSQL; time is a parameter. A batch is judged in order, so that several submissions of one
 * student in it get consecutive revisions.
 */
#pragma once

#include "schema/campaign.h"
#include "schema/rule.h"
#include "schema/submission_event.h"
#include "schema/transition.h"

/* What is known about one submission before it is judged. */
struct facts {
    bool student_known;
    int64_t roster_version;
    struct str phone;      /* verified, in clear; empty when none is on record */
    int64_t revision_last; /* 0: none yet */
    enum review_state review;
    bool judged_before; /* this very submission */
    int64_t judged_revision;
    struct str judged_outcome;
    struct str judged_findings;
    int64_t judged_at_ms;
    struct str judged_body_index; /* of the fields it was judged with */
    int32_t judged_partition;     /* of the message it was judged from */
    int64_t judged_offset;
    struct record_values roster; /* in clear */
};

enum item_state {
    ITEM_DECODED,  /* not judged yet */
    ITEM_JUDGED,   /* new: to be stored and published */
    ITEM_REPEATED, /* judged before; published again only if this is the same message */
    ITEM_DEAD,     /* to the dead-letter topic with `reason` */
};

struct item {
    enum item_state state;
    const char *reason; /* ITEM_DEAD: a row of dead_reasons */
    char text[256];     /* ITEM_DEAD: what exactly, without values */
    int32_t partition;
    int64_t offset;
    struct str traceparent;
    struct submission_received message;
    struct record_values submitted; /* in clear, defaults not applied */
    struct record_values defaults;  /* of absent fields, in clear: stored with the judgement */
    struct facts facts;
    const struct campaign *campaign;
    /* ITEM_JUDGED, and ITEM_REPEATED of a submission judged before this batch: */
    bool accepted;
    int64_t revision;
    int64_t judged_at_ms;
    struct str findings; /* JSON array; empty when there are none */
    bool publish;
    bool newest; /* no later item of this batch is the same student's */
    size_t
        accepted_place; /* 1 + number of the batch's newest accepted item of the student; 0 none */
};

/* Why a message cannot be judged, ever. One row a reason: word and meaning. */
#define DEAD_REASONS(X)                                                                            \
    X(DEAD_TOMBSTONE, "tombstone", "a message without a value")                                    \
    X(DEAD_EMPTY, "empty", "a message with an empty value")                                        \
    X(DEAD_HEADER, "bad-header", "not a CloudEvents 1.0 message of the expected type")             \
    X(DEAD_MALFORMED, "malformed", "the value is not strict JSON of the expected form")            \
    X(DEAD_VERSION, "unknown-version", "a version that this build does not know")                  \
    X(DEAD_KEY, "key-mismatch", "the key is not the student's id")                                 \
    X(DEAD_STUDENT, "unknown-student", "no such student in the roster")                            \
    X(DEAD_CAMPAIGN, "unknown-campaign", "no such campaign")                                       \
    X(DEAD_SEALED, "unsealable", "a sealed value that the key ring cannot open")                   \
    X(DEAD_CONFLICT, "key-conflict", "the key was judged before with other fields")                \
    X(DEAD_STORE, "store-refused", "the record store refuses this row for good")
enum dead_reason {
#define X(id, word, meaning) id,
    DEAD_REASONS(X)
#undef X
        DEAD_COUNT_
};
const char *dead_reason_word(enum dead_reason reason);

/* Marks an item dead. */
void item_bury(struct item *item, enum dead_reason reason, const char *text);
/*
 * Judges items in order: everything ITEM_DECODED becomes JUDGED, REPEATED or DEAD. Facts must be
 * filled. Duplicates inside the batch become REPEATED and are not published.
 */
void items_judge(struct item *items, size_t count, int64_t now_ms, struct arena *arena);
