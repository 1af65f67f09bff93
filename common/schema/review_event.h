/*
 * review.decided, version 1: a submission came from one state of the review into another (office to
 * whoever tells the student). Pure: bytes in, struct out. The reason is what staff wrote: it is
 * shown to the student, and kept sealed by whoever keeps it.
 */
#pragma once

#include "base/buf.h"

#define TOPIC_REVIEW_DECIDED "review.decided"
#define TYPE_REVIEW_DECIDED "cn.shengyuan.review.decided"
enum { REVIEW_EVENT_VERSION = 1 };

struct review_decided {
    struct str student_id;
    struct str campaign_id;
    struct str submission_id; /* the revision that was decided on */
    struct str from;          /* states of the review: submitted, returned, … */
    struct str to;
    struct str reason;   /* may be empty */
    struct str by_level; /* student, college, school, province */
    int64_t at_ms;
};

void review_decided_encode(const struct review_decided *message, struct buf *out);
enum err_code review_decided_decode(struct str text, struct arena *arena,
                                    struct review_decided *ret_message, struct err *err) MUST_CHECK;
