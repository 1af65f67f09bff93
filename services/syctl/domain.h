/* Decisions of the operator's tool: where a submission is and who can act; what is to be replayed.
 */
#pragma once

#include <stdint.h>

#include "base/str.h"

enum stage {
    STAGE_UNKNOWN,
    STAGE_WAITING,
    STAGE_JUDGING,
    STAGE_RETRYING,
    STAGE_DEAD,
    STAGE_ACCEPTED,
    STAGE_REJECTED,
};

/* What was found of a submission. */
struct why_facts {
    bool judged;
    bool rejected;  /* of judged */
    bool waiting;   /* in the topic, behind the committed offset */
    bool held;      /* in the batch that a process has in hand */
    unsigned tries; /* of that batch, that failed */
    bool dead;      /* in the dead-letter topic */
};

/* A judgement counts most, then that it is on its way (again), then that it was put aside. */
enum stage why_decide(const struct why_facts *facts);

struct stage_words {
    const char *name;
    const char *meaning; /* for the operator */
    const char *who;     /* who can act */
    const char *student; /* what may be told to the student */
};
const struct stage_words *stage_words(enum stage stage);

/* A moment: "90s", "15m", "2h", "7d" before now, or as RFC 3339 in UTC. */
bool since_parse(struct str text, int64_t now_ms, int64_t *ret_ms);

struct replay_filter {
    const char *reason; /* NULL: any */
    int64_t since_ms;   /* INT64_MIN: always */
    int64_t offset;     /* -1: any */
};
bool replay_wanted(const struct replay_filter *filter, struct str reason, int64_t time_ms,
                   int64_t offset);
