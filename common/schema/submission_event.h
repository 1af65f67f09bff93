/*
 * The two messages of a submission: submission.received (intake to validation) and
 * submission.judged (validation to whoever tells the student). Pure: bytes in, struct out.
 *
 * Field values travel under their standard names. Those the field table calls sensitive are sealed:
 * all of them together, as one JSON object in `fields_sealed`, made for this submission of this
 * student (submission_sealed_context). Version 1 sealed each by itself among the others, made for
 * "<student id>/<field name>"; it is still read. A released version is never changed: a new member
 * means a new version.
 */
#pragma once

#include "base/buf.h"
#include "schema/field.h"

#define TOPIC_SUBMISSION_RECEIVED "submission.received"
#define TOPIC_SUBMISSION_JUDGED "submission.judged"
/* Why a message became a dead letter (dlq_reason) whose key was judged before with other fields: a
 * row of DEAD_REASONS (services/validation/domain.h). */
#define DEAD_KEY_CONFLICT "key-conflict"
#define TYPE_SUBMISSION_RECEIVED "cn.shengyuan.submission.received"
#define TYPE_SUBMISSION_JUDGED "cn.shengyuan.submission.judged"
enum { SUBMISSION_RECEIVED_VERSION = 2, SUBMISSION_JUDGED_VERSION = 1 };

struct submission_received {
    struct str submission_id;
    struct str student_id;
    struct str campaign_id;
    struct str idempotency_key;
    struct str body_index; /* keyed hash of the fields as sent */
    int64_t received_at_ms;
    int64_t version;                /* as it was read; what is written is always the newest */
    struct str value[FIELD_COUNT_]; /* empty: absent; in version 1 some are sealed */
    struct str fields_sealed;       /* empty: no sensitive field was sent */
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

/* Sensitive values are not looked at: they are in fields_sealed. */
void submission_received_encode(const struct submission_received *message, struct buf *out);
/* ERR_MALFORMED, ERR_UNKNOWN_MEMBER, ERR_MISSING_MEMBER, ERR_VERSION or ERR_INVALID with the
 * reason; texts are copied into the arena. */
enum err_code submission_received_decode(struct str text, struct arena *arena,
                                         struct submission_received *ret_message,
                                         struct err *err) MUST_CHECK;
/* What fields_sealed holds: the sensitive ones of `value` as a JSON object; false when there is
 * none. */
bool submission_sealed_encode(const struct str value[FIELD_COUNT_], struct buf *out);
/* Whether that is at most `bytes_max` long: JSON makes some bytes six. */
bool submission_sealed_fits(const struct str value[FIELD_COUNT_], size_t bytes_max);
/* Fills the sensitive ones of `value`; ERR_MALFORMED or ERR_UNKNOWN_MEMBER for anything else. */
enum err_code submission_sealed_decode(struct str plain, struct arena *arena,
                                       struct str value[FIELD_COUNT_], struct err *err) MUST_CHECK;
/* What it is sealed for (io/seal.h). */
struct str submission_sealed_context(struct str student_id, struct str submission_id,
                                     struct arena *arena);
void submission_judged_encode(const struct submission_judged *message, struct buf *out);
enum err_code submission_judged_decode(struct str text, struct arena *arena,
                                       struct submission_judged *ret_message,
                                       struct err *err) MUST_CHECK;
