/*
 * Decisions of intake, pure: what in a body is a submission and what is not, when two bodies are
 * the same, whether the window is open, what state a caller sees. No rule of the form is applied
 * here: a submission that breaks one is still accepted for judging (see services/validation).
 */
#pragma once

#include "schema/campaign.h"
#include "schema/field.h"
#include "schema/json.h"

/* What reading the member "fields" came to. */
enum fields_verdict {
    FIELDS_OK,
    FIELDS_UNKNOWN,    /* 400 unknown-member: `name` */
    FIELDS_WRONG_TYPE, /* 400 malformed: `name` */
    FIELDS_NOT_OWNED,  /* 422 invalid-value: all of `not_owned` */
    FIELDS_TOO_LONG,   /* 422 invalid-value: all that are listed */
};

struct fields_read {
    enum fields_verdict verdict;
    char name[64];       /* "?" for one that can be no field's */
    size_t listed_count; /* of not_owned or too_long */
    enum field_id listed[FIELD_COUNT_];
    struct str value[FIELD_COUNT_]; /* empty: absent; copied into the arena */
};

/* Whether a student may send this field at all. */
bool field_is_students(enum field_id id);
/* A value that is a little too long is saved, and judged with a finding; one of many times its
 * field's length is refused at once: what is sealed as one has a limit (io/seal.h). */
enum { FIELDS_LENGTH_FACTOR = 4 };

/* Values are borrowed from the document. `length_factor`: 0 no limit, else code points may be at
 * most that many times the field's length. */
void fields_read_object(const struct json *object, unsigned length_factor, struct fields_read *ret);
/* Equal for equal fields, whatever their order, spacing or escapes; empty counts as absent. */
void fields_canonical(const struct str value[FIELD_COUNT_], struct buf *out);

/* 1 to 255 visible ASCII characters. */
bool idempotency_key_valid(struct str key);

/* If-None-Match, RFC 9110: whether a list of tags has this one; weak ones compare alike, "*" is
 * all.
 */
bool etag_listed(struct str header, const char *etag);
/* If-Match: the version in `"draft-7"`; false when it is no tag of a draft. */
bool draft_version_parse(struct str header, int64_t *ret_version);

enum window_state { WINDOW_BEFORE, WINDOW_OPEN, WINDOW_AFTER };
enum window_state window_at(const struct campaign *campaign, int64_t now_ms);
