/*
 * Decisions of notification, pure: what of an event is told, what a message says within the
 * platforms' lengths, by which channel it goes and when, and what a platform's answer means.
 *
 * A notice comes to one end: sent; failed (not sent before its deadline); undeliverable (this
 * person cannot be reached); unknown (it was on its way when the process or the connection died:
 * the platforms know no idempotency key, so it is not sent again); skipped (nobody asked for it).
 */
#pragma once

#include "io/platform_sms.h"
#include "schema/appeal_event.h"
#include "schema/review_event.h"
#include "schema/submission_event.h"

/* --- kinds and templates --- */

/* What a student agrees to is a template; WeChat lets a page ask for three at once. */
enum notice_template {
    NOTICE_RESULT,      /* judgement, return, approval */
    NOTICE_APPLICATION, /* an application was decided */
    NOTICE_CLOSING,     /* a window closes soon */
    NOTICE_TEMPLATE_COUNT_
};
enum notice_kind {
    NOTICE_ACCEPTED,
    NOTICE_REJECTED,
    NOTICE_RETURNED,
    NOTICE_COLLEGE_APPROVED,
    NOTICE_SCHOOL_APPROVED,
    NOTICE_REPORTED,
    NOTICE_DECIDED,
    NOTICE_WINDOW_CLOSING,
    NOTICE_KIND_COUNT_
};
struct notice_kind_row {
    const char *word; /* in the database, options and metrics */
    enum notice_template template;
    const char *result; /* a phrase: at most five 汉字 */
    const char *remark; /* what to do next; %d is the event's number */
};
extern const struct notice_kind_row notice_kinds[NOTICE_KIND_COUNT_];
bool notice_kind_parse(struct str word, enum notice_kind *ret_kind);

/* What a place of a template shows. */
enum notice_value { VALUE_SUBJECT, VALUE_RESULT, VALUE_TIME, VALUE_REMARK };
enum { NOTICE_VALUES_MAX = 4 };
struct notice_template_row {
    const char *word; /* in the API */
    size_t value_count;
    enum notice_value values[NOTICE_VALUES_MAX]; /* of WeChat's template, in order */
    size_t sms_value_count;
    enum notice_value sms_values[NOTICE_VALUES_MAX]; /* {1}, {2}, … of the SMS template */
};
extern const struct notice_template_row notice_templates[NOTICE_TEMPLATE_COUNT_];
bool notice_template_parse(struct str word, enum notice_template *ret_template);

/* Names of a template's places as the platform made them ("thing1,phrase2,time3,thing4"): as many
 * as the template has, each of a kind that is known. Borrowed from `text`. */
bool notice_fields_parse(struct str text, enum notice_template template,
                         struct str ret_names[NOTICE_VALUES_MAX]);

/* --- what an event says, and what the message says --- */

/* What is kept of an event until the notice is sent; sealed, since staff write reasons freely. */
struct notice_details {
    int64_t at_ms;
    int64_t number;     /* findings to be corrected, or days that are left */
    struct str subject; /* empty: the campaign's name */
    struct str result;  /* empty: the kind's */
    struct str remark;  /* empty: the kind's */
};
struct str notice_details_encode(const struct notice_details *details, struct arena *arena);
enum err_code notice_details_decode(struct str text, struct arena *arena,
                                    struct notice_details *ret_details, struct err *err) MUST_CHECK;

/* A notice to be made; false when the event is not told. `transition` names the event for ever. */
struct notice_made {
    enum notice_kind kind;
    struct str recipient; /* student id, or account id for what an account asked for */
    struct str transition;
    struct str student_id;
    struct str account_id;
    struct str campaign_id;
    struct notice_details details;
};
bool notice_of_judged(const struct submission_judged *event, struct arena *arena,
                      struct notice_made *ret_notice);
bool notice_of_review(const struct review_decided *event, struct arena *arena,
                      struct notice_made *ret_notice);
bool notice_of_appeal(const struct appeal_decided *event, struct notice_made *ret_notice);

/* One value, within the length of the place `field` ("thing1"): cut with … between code points,
 * control characters as blanks, never empty. */
struct str notice_value_text(enum notice_kind kind, const struct notice_details *details,
                             enum notice_value value, struct arena *arena);
struct str notice_value_fit(struct str field, struct str text, struct arena *arena);
/* Code points that a place takes; 0: no such kind of place. */
size_t notice_field_limit(struct str field);
/* "2026年11月25日 22:51", China's time. */
struct str notice_time_text(int64_t time_ms, struct arena *arena);

/* --- when and how --- */

struct notice_policy {
    unsigned quiet_from_h; /* China's time; the same as quiet_to_h: no quiet hours */
    unsigned quiet_to_h;
    unsigned retry_min_s;
    bool sms_kind[NOTICE_KIND_COUNT_]; /* which are worth an SMS */
    bool wechat_template[NOTICE_TEMPLATE_COUNT_];
    bool sms_template[NOTICE_TEMPLATE_COUNT_];
};
/* Reads "rejected,returned"; false for a word that is no kind. */
bool notice_sms_kinds_parse(struct str text, struct notice_policy *policy);

enum notice_channel { CHANNEL_WECHAT, CHANNEL_SMS };
const char *notice_channel_name(enum notice_channel channel);

/* What is known when its turn comes. */
struct notice_facts {
    enum notice_kind kind;
    bool urgent;
    bool wechat_over; /* WeChat refused it before */
    int64_t tries;
    int64_t deadline_ms;
    bool account_known;
    bool mini_program; /* an openid of H5 takes no subscribe messages */
    int64_t consents;  /* left for the template */
    bool phone_known;
};

enum notice_step { STEP_SEND, STEP_LATER, STEP_END };
struct notice_plan {
    enum notice_step step;
    enum notice_channel channel; /* of STEP_SEND */
    int64_t due_ms;              /* of STEP_LATER */
    const char *state;           /* of STEP_END */
    const char *outcome;         /* why, a word for lists and metrics */
};
struct notice_plan notice_plan(const struct notice_facts *facts, const struct notice_policy *policy,
                               int64_t now_ms);
/* When a notice may first be sent. */
int64_t notice_due_ms(const struct notice_policy *policy, bool urgent, int64_t now_ms);
/* When tomorrow's budget begins, and people are awake. */
int64_t notice_tomorrow_ms(const struct notice_policy *policy, int64_t now_ms);
/* The day of budgets, "2026-11-25" in China. */
struct str notice_day(int64_t now_ms, struct arena *arena);

/* What WeChat's answer means. */
struct errcode_row {
    int64_t errcode;
    enum errcode_action { ERRCODE_SENT, ERRCODE_RETRY, ERRCODE_TOKEN, ERRCODE_SMS } action;
    bool consent_gone;  /* the platform knows of none */
    bool misconfigured; /* the operator's: template, page, parameters, rights */
};
const struct errcode_row *notice_errcode(int64_t errcode);

struct notice_plan notice_after_wechat(const struct notice_facts *facts,
                                       const struct notice_policy *policy, int64_t errcode,
                                       int64_t now_ms);
struct notice_plan notice_after_sms(const struct notice_facts *facts,
                                    const struct notice_policy *policy, enum sms_outcome outcome,
                                    int64_t now_ms);
/* Tried again after a while, or failed when that is past the deadline. */
struct notice_plan notice_again(const struct notice_facts *facts,
                                const struct notice_policy *policy, const char *outcome,
                                int64_t now_ms);
/* Nothing left of today's budget. */
struct notice_plan notice_without_budget(const struct notice_facts *facts,
                                         const struct notice_policy *policy, int64_t now_ms);
