/*
 * Places between two effects, where a process that dies leaves one done and the other not. Fault
 * tests kill a process there on purpose: --crash-point=NAME, or NAME:N for the N-th time it comes
 * by. Profile demo only. Costs one load of an integer where none is armed.
 */
#pragma once

#include "base/err.h"

/* clang-format off */
/*  id                            name                              what is done, what is not */
#define CRASH_POINTS(X) \
    X(CRASH_SESSION_OPENED,       "authorization/session-opened",   "the session is in Redis, the student has no token") \
    X(CRASH_NEWS_STORED,          "authorization/news-stored",      "news of an identity is stored, live sessions do not know it") \
    X(CRASH_NEWS_TOLD,            "authorization/news-told",        "sessions know the news, its offset is not committed") \
    X(CRASH_CODE_KEPT,            "binding/code-kept",              "the phone code is in Redis, no message was sent") \
    X(CRASH_CODE_SENT,            "binding/code-sent",              "the message was sent, the student has no answer") \
    X(CRASH_BOUND,                "binding/bound",                  "the binding is committed, the session does not know it") \
    X(CRASH_ROTATED,              "binding/rotated",                "the session has a new token, the student has not") \
    X(CRASH_OUTBOX_TAKEN,         "binding/outbox-taken",           "outbox rows are read, nothing was sent") \
    X(CRASH_OUTBOX_SENT,          "binding/outbox-sent",            "outbox rows are confirmed by Kafka, not marked") \
    X(CRASH_OUTBOX_MARKED,        "binding/outbox-marked",          "outbox rows are marked, not committed") \
    X(CRASH_REMEMBERED,           "intake/remembered",              "the key's fingerprint is in Redis, nothing was produced") \
    X(CRASH_PRODUCED,             "intake/produced",                "the submission is with the producer, not confirmed") \
    X(CRASH_CONFIRMED,            "intake/confirmed",               "Kafka has the submission, the student has no answer") \
    X(CRASH_ANSWERED,             "intake/answered",                "the answer is on its way") \
    X(CRASH_DECODED,              "validation/decoded",             "a batch is read, nothing is stored") \
    X(CRASH_INSERTED,             "validation/inserted",            "judgements are written, not committed") \
    X(CRASH_STORED,               "validation/stored",              "judgements are committed, not published") \
    X(CRASH_PUBLISHED,            "validation/published",           "judgements are published, offsets are not committed") \
    X(CRASH_COMMITTED,            "validation/committed",           "offsets are committed") \
    X(CRASH_NOTICE_STORED,        "notification/stored",            "notices are stored, their offsets are not committed") \
    X(CRASH_NOTICE_MARKED,        "notification/marked",            "a notice is marked, nothing was sent") \
    X(CRASH_NOTICE_SENT,          "notification/sent",              "a notice was sent, nothing says so")
/* clang-format on */

enum crash_point {
    CRASH_NOWHERE,
#define X(id, name, meaning) id,
    CRASH_POINTS(X)
#undef X
};

/* `spec` "" arms none. Before any thread is started. */
enum err_code crash_arm(const char *spec, const char *profile, struct err *err) MUST_CHECK;
void crash_at(enum crash_point point);
