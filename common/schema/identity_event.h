/*
 * identity.changed, version 1: what is known about an account's person, published by binding from
 * its outbox whenever it changes. The whole state, not a difference; `sequence` orders the news of
 * one account. Personal values are sealed (contexts as in runtime/session.h). Pure.
 */
#pragma once

#include "base/buf.h"

#define TOPIC_IDENTITY_CHANGED "identity.changed"
#define TYPE_IDENTITY_CHANGED "cn.shengyuan.identity.changed"
enum { IDENTITY_EVENT_VERSION = 1 };

struct identity_changed {
    int64_t sequence;
    struct str account_id;
    struct str kind;           /* verified, bound, phone_changed, unbound (all else is empty) */
    struct str document_index; /* empty: not verified */
    struct str student_id;     /* empty: not bound */
    struct str school_code;
    struct str phone_index;
    struct str phone_sealed;
    struct str card_sealed;
};

void identity_changed_encode(const struct identity_changed *message, struct buf *out);
enum err_code identity_changed_decode(struct str text, struct arena *arena,
                                      struct identity_changed *ret_message,
                                      struct err *err) MUST_CHECK;
