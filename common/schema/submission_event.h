/*
 * The two messages of a submission, version 1: submission.received (intake to validation) and
 * submission.judged (validation to whoever tells the student). Pure: bytes in, struct out.
 *
 * Field values travel under their standard names; those the field table calls sensitive are sealed
 * with context "<student id>/<field name>". A released version is never changed: a new member means
 * a new version.
 */
#pragma once

#include "base/buf.h"
#include "schema/field.h"

#define TOPIC_SUBMISSION_RECEIVED "submission.received"
#define TOPIC_SUBMISSION_JUDGED "submission.judged"
#define TYPE_SUBMISSION_RECEIVED "cn.shengyuan.submission.received"
#define TYPE_SUBMISSION_JUDGED "cn.shengyuan.submission.judged"
enum { SUBMISSION_EVENT_VERSION = 1 };

struct submission_received {
    struct str submission_id;
    struct str student_id;
    struct str campaign_id;
    struct str idempotency_key;
    struct str body_index; /* keyed hash of the fields as sent */
    int64_t received_at_ms;
    struct str value[FIELD_COUNT_]; /* as sent or sealed; empty: absent */
};

struct submission_judged {
    struct str submission_id;
    struct str student_id;
    struct str campaign_id;
    int64_t revision;
    struct str outcome; /* "accepted" or "rejected" */
    int64_t judged_at_ms;
    struct str findings; /* JSON array of {field, rule, severity, message} */
};

void submission_received_encode(const struct submission_received *message, struct buf *out);
/* ERR_MALFORMED, ERR_UNKNOWN_MEMBER, ERR_MISSING_MEMBER, ERR_VERSION or ERR_INVALID with the
 * reason; texts are copied into the arena. */
enum err_code submission_received_decode(struct str text, struct arena *arena,
                                         struct submission_received *ret_message,
                                         struct err *err) MUST_CHECK;
void submission_judged_encode(const struct submission_judged *message, struct buf *out);
enum err_code submission_judged_decode(struct str text, struct arena *arena,
                                       struct submission_judged *ret_message,
                                       struct err *err) MUST_CHECK;
