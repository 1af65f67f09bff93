/*
 * Sessions in Redis. Knows the keys, their lives and the record's form; knows nothing of HTTP or of
 * who may do what.
 *
 * Keys: `sess:<sha256 of the token in hex>` holds the record and lives `idle` seconds from its last
 * use; `acct:<account id>` is a sorted set of a person's session hashes by opening time;
 * `acct:live` is one of all hashes, see session_count. The token itself (256 random bits in hex) is
 * stored nowhere. A record has an absolute end as well. Redis' clock ends sessions in either way:
 * it is asked together with them, and how the clocks of services stand is nothing to them.
 *
 * Functions take the caller's Redis connection and are as thread-safe as that.
 */
#pragma once

#include "io/redis.h"

enum { SESSION_TOKEN_SIZE = 65, SESSION_HASH_SIZE = 65, SESSIONS_PER_ACCOUNT = 5 };

/* All texts are borrowed from the arena of the call that loaded it. Absent: len 0. */
struct session {
    char hash[SESSION_HASH_SIZE]; /* of the token it was loaded by */
    struct str session_id;        /* random, tells sessions apart without being a secret */
    struct str account_id;
    struct str channel;
    int64_t opened_at_ms;      /* this and all below by Redis' clock */
    int64_t expires_at_ms;     /* absolute end */
    int64_t seen_at_ms;        /* when it was opened or looked up here; not stored */
    struct str openid_sealed;  /* context "openid/<account id>" */
    int64_t identity_sequence; /* of the identity.changed that the members below tell; 0: none */
    struct str document_index; /* the document that passed the face check */
    struct str student_id;     /* bound */
    struct str school_code;
    struct str phone_index;
    struct str phone_sealed; /* context "phone/<phone index>" */
    struct str card_sealed;  /* JSON of the student's card, context "card/<account id>" */
};

bool session_is_bound(const struct session *session);
/* How long a session can live at most, from when it was looked up; for what is kept beside it. */
int64_t session_left_s(const struct session *session);

/* Which sessions a thread touched lately: the idle time of a busy one is set anew once in a while,
 * not at every call (a write, where a read would do). A session may so end earlier than its idle
 * time by a sixteenth of that, a minute at most. */
struct session_touches;
struct session_touches *session_touches_new(void);
void session_touches_free(struct session_touches *touches);
/* Whether it is time again to touch the session of this token's hash; `session_touched` notes that
 * it was done. Time is that of a clock nobody sets. Pure but for the notes. */
bool session_touch_due(const struct session_touches *touches, const char *hash, int64_t now_ms);
void session_touched(struct session_touches *touches, const char *hash, int64_t now_ms,
                     unsigned idle_s);

struct session_look;
/* The session that a look-up found (session_redis.h), its texts borrowed from there; false when
 * there is none, or its end has come. */
bool session_read(const struct session_look *look, int64_t now_ms, struct session *ret_session);
/* Stores a new session, which ends after `absolute_s` (its times are filled in), and ends the
 * person's oldest ones beyond SESSIONS_PER_ACCOUNT (their number is returned). ret_token receives
 * the token. */
enum err_code session_open(struct redis *redis, struct session *session, unsigned idle_s,
                           unsigned absolute_s, struct arena *arena,
                           char ret_token[SESSION_TOKEN_SIZE], size_t *ret_evicted,
                           struct err *err) MUST_CHECK;
/* The record under a new token; the old token is dead when this returns. ERR_NOT_FOUND: the session
 * has ended meanwhile, and stays so. */
enum err_code session_rotate(struct redis *redis, const struct session *session, unsigned idle_s,
                             struct arena *arena, char ret_token[SESSION_TOKEN_SIZE],
                             struct err *err) MUST_CHECK;
/* Overwrites the record under the same token, if the session still lives and does not know newer
 * news than `session` (session_news.c). */
enum err_code session_update(struct redis *redis, const struct session *session,
                             struct arena *arena, struct err *err) MUST_CHECK;
enum err_code session_close(struct redis *redis, const struct session *session, struct arena *arena,
                            struct err *err) MUST_CHECK;
/* All live sessions of an account (at most SESSIONS_PER_ACCOUNT + a few). */
enum err_code session_list(struct redis *redis, struct str account_id, struct arena *arena,
                           struct session *ret_sessions, size_t max, size_t *ret_count,
                           struct err *err) MUST_CHECK;
/*
 * How many sessions live. `acct:live` holds each by the time until which it lives even if nobody
 * uses it; that is written when it is opened or rotated, never when it is used. Only those whose
 * time is over are looked at here: they are gone, or get a later time. Any number of processes may
 * count at once. Takes the arena for itself.
 */
enum err_code session_count(struct redis *redis, struct arena *arena, uint64_t *ret_count,
                            struct err *err) MUST_CHECK;

/* The stored form: tab-separated, version first. Pure. */
struct str session_encode(const struct session *session, struct arena *arena);
bool session_decode(struct str text, struct session *ret_session);
