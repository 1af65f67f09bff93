/*
 * appeal.decided, version 1: what the school decided about an application. Published by office,
 * applied by binding, told by notification. Pure.
 */
#pragma once

#include "base/buf.h"

#define TOPIC_APPEAL_DECIDED "appeal.decided"
#define TYPE_APPEAL_DECIDED "cn.shengyuan.appeal.decided"
enum { APPEAL_EVENT_VERSION = 1, APPEAL_REASON_MAX = 500 };

struct appeal_decided {
    struct str appeal_id;
    struct str account_id; /* the key */
    struct str student_id; /* empty: the roll knew nobody */
    struct str kind;
    struct str decision; /* accepted or refused */
    struct str reason;   /* for the student; may be empty where it was accepted */
    int64_t at_ms;
};

void appeal_decided_encode(const struct appeal_decided *message, struct buf *out);
enum err_code appeal_decided_decode(struct str text, struct arena *arena,
                                    struct appeal_decided *ret_message, struct err *err) MUST_CHECK;
