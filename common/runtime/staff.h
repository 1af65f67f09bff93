/*
 * Staff: who works for a school or the province, and their sessions in Redis. Accounts and log-in
 * belong to authorization; every service whose routes say API_STAFF gets a `struct staff` with the
 * call (runtime/api.h) and decides by it. Nothing of it ever comes from the client.
 *
 * Keys: `staff:<sha256 of the token in hex>` holds the record and lives its idle time from its last
 * use, and has an absolute end; both by Redis' clock, as students' sessions. `staffs:<staff id>` is
 * a sorted set of a person's session hashes by opening time. The token is the value of the cookie
 * `sy_staff`, its CSRF token is derived from it: neither is stored anywhere.
 */
#pragma once

#include "io/redis.h"
#include "io/seal.h"
#include "runtime/session_redis.h"

#define STAFF_COOKIE "sy_staff"
#define STAFF_CSRF_HEADER "X-CSRF-Token"

/* Each sees what lies below it: its college of its school, its school, all. */
enum staff_role {
    STAFF_COUNSELLOR,
    STAFF_COLLEGE,
    STAFF_SCHOOL,
    STAFF_PROVINCE,
    STAFF_ROLE_COUNT_
};
const char *staff_role_name(enum staff_role role);
bool staff_role_parse(struct str name, enum staff_role *ret_role);

enum { STAFF_CSRF_SIZE = 65, STAFF_SESSIONS_MAX = 4 };

/* All texts live as long as the call. */
struct staff {
    struct str staff_id; /* random, for rows and messages: says who without saying the name */
    struct str account;
    struct str name;
    struct str school_code; /* empty for the province */
    struct str college;     /* SZYX of counsellor and college, else empty */
    enum staff_role role;
    /* The session it came by; times by Redis' clock. */
    char hash[SESSION_HASH_SIZE];
    struct str session_id;
    int64_t opened_at_ms;
    int64_t expires_at_ms;
    struct str who_sealed; /* account and name, context "staff/<staff id>" */
};

/* Whether a thing of this school and college is in the scope. For single things; lists are cut in
 * SQL by the same three members. A thing without a college is its school's. */
bool staff_covers(const struct staff *staff, struct str school_code, struct str college);

/* The token that comes along with everything but GET, from the session's own. */
void staff_csrf(struct str token, char ret_csrf[STAFF_CSRF_SIZE]);
/* The value of a cookie in a Cookie header; STR_NONE when it is not there exactly once. */
struct str cookie_value(struct str header, const char *name);

/* The session that a look-up found; false when there is none or its end has come. `arena` gets
 * account and name, `look` keeps the rest. A record that cannot be opened is none. */
bool staff_read(const struct session_look *look, int64_t now_ms, struct sealer *sealer,
                struct arena *arena, struct staff *ret_staff);
struct staff *staff_copy(const struct staff *staff, struct arena *arena);

/* Stores a new session of `staff` (its session's members are filled in), which ends after
 * `absolute_s`; the oldest beyond STAFF_SESSIONS_MAX end. ret_token receives the token. */
enum err_code staff_session_open(struct redis *redis, struct sealer *sealer, struct staff *staff,
                                 unsigned idle_s, unsigned absolute_s, struct arena *arena,
                                 char ret_token[SESSION_TOKEN_SIZE], struct err *err) MUST_CHECK;
enum err_code staff_session_close(struct redis *redis, struct str staff_id, const char *hash,
                                  struct arena *arena, struct err *err) MUST_CHECK;
/* Ends all sessions of a person but the one with the hash `keep` (NULL: all). */
enum err_code staff_sessions_end(struct redis *redis, struct str staff_id, const char *keep,
                                 struct arena *arena, size_t *ret_ended,
                                 struct err *err) MUST_CHECK;

/* The stored form: tab-separated, version first. Pure; account and name stay sealed. */
struct str staff_encode(const struct staff *staff, struct arena *arena);
bool staff_decode(struct str text, struct staff *ret_staff);
/* What account and name are sealed for. */
struct str staff_seal_context(struct str staff_id, struct arena *arena);
