/*
 * Decisions of binding, pure: which values can be, what a face result means, whether names agree,
 * and the limits as a table. Nothing here knows Redis, PostgreSQL or a platform's connection.
 */
#pragma once

#include "io/platform_wechat.h"
#include "runtime/problem.h"
#include "schema/person.h"

enum category { CATEGORY_MAINLAND, CATEGORY_HMT, CATEGORY_COUNT_ };
bool category_parse(struct str text, enum category *ret_category);
/* Which documents a category may show (contract, "id_type"). */
bool category_takes(enum category category, enum id_type type);

/* Limits: how often something may be done in how many seconds. */
struct limit {
    unsigned count;
    unsigned window_s;
    const char *name; /* in metrics */
};
extern const struct limit
    limit_account_codes; /* codes asked for by an account, whatever the phone */
extern const struct limit limit_phone_cool_down; /* codes for one phone */
extern const struct limit limit_phone_hour;
extern const struct limit limit_phone_day;
extern const struct limit limit_code_tries; /* wrong codes of a session and phone */
extern const struct limit
    limit_account_tries; /* wrong codes of an account, over all its sessions */
extern const struct limit limit_account_failures; /* failed matches of an account, likewise */
extern const struct limit limit_match_failures;   /* failed matches of a session, and of a target */
extern const struct limit limit_verifications;    /* face checks begun by an account */
extern const struct limit limit_appeals;          /* applications filed by an account */
extern const struct limit limit_appeal_target;    /* that name one document, by whomever */
extern const struct limit limit_evidence;         /* images sent by an account */
enum { PHONE_CODE_LIFE_S = 300, PHONE_CODE_DIGITS = 6, VERIFICATION_VALID_S = 24 * 3600 };

/* A request to verify, as read from the body. */
struct verification_request {
    struct str category;
    struct str name;
    struct str id_type;
    struct str id_number; /* normalised */
    struct str consent_version;
};
enum { BINDING_ERRORS_MAX = 10 };
size_t verification_check(const struct verification_request *request, const char *consent_in_force,
                          uint32_t today, struct arena *arena,
                          struct problem_field ret_errors[BINDING_ERRORS_MAX]);

struct binding_request {
    struct str by; /* name or student_number */
    struct str category;
    struct str name;
    struct str id_type;
    struct str id_number; /* normalised */
    struct str student_number;
    struct str school_code;
    struct str phone;
    struct str phone_code;
    struct str confirmation; /* "school": without a face check, see confirm.c */
};
/* Whether a face check is needed: the mainland's own card, unless the school is asked instead. */
bool binding_needs_face(const struct binding_request *request);
size_t binding_check(const struct binding_request *request, uint32_t today,
                     struct problem_field ret_errors[BINDING_ERRORS_MAX]);

/* Equal but for the shape of the middle dot, which keyboards and registers write differently. */
bool names_agree(struct str a, struct str b);

enum face_state { FACE_PENDING, FACE_PASSED, FACE_FAILED };
/* Passed only if the call itself succeeded and verify_ret says so; *ret_reason for failures. */
enum face_state face_decide(enum wechat_outcome outcome, int64_t verify_ret,
                            const char **ret_reason);
