/* What office reads and writes in PostgreSQL: reviews and their news (its own); the roster, the
 * record, campaigns and who is bound (read only). One connection per worker. */
#pragma once

#include "io/pg.h"
#include "services/office/domain.h"

/* What somebody may see: empty is any. Never built of what a client sent. */
struct scope {
    struct str school_code;
    struct str college;
};

/* Who decides, by what, and when. */
struct decider {
    struct str id; /* staff id, or "student" */
    enum review_role role;
    struct str session_id;
    struct str traceparent;
    int64_t now_ms;
};

/* A decision that is to be written. */
struct decision_row {
    struct str student_id;
    struct str campaign_id;
    struct str submission_id;
    int64_t revision;
    const char *action;
    const char *from;
    const char *to;
    int64_t seen; /* version of the newest decision as it was decided by */
    struct str reason_code;
    struct str reason_sealed;
    struct str reason_text; /* of the code: what the news says */
};

/* Facts of what is asked, by place; what is out of scope is not known. */
enum err_code store_decision_facts(struct pg *pg, const struct scope *scope,
                                   const struct decision *asked, size_t count, struct arena *arena,
                                   struct decision_facts *ret_facts, struct err *err) MUST_CHECK;
/* Writes decisions with history and news; ret_written[i] says which came first. No student twice.
 */
enum err_code store_decisions_put(struct pg *pg, const struct decider *decider,
                                  const struct decision_row *rows, size_t count, bool *ret_written,
                                  struct err *err) MUST_CHECK;

/* A student's own newest record. */
struct report_facts {
    struct decision_facts decision; /* known: there is one */
    struct str reason_code;
    struct str reason_sealed;
    int64_t newest_revision;
    struct str newest_outcome;
    struct str campaign_name;
    int64_t opens_at_ms;
    int64_t closes_at_ms; /* with what was granted beyond it */
};
enum err_code store_report_facts(struct pg *pg, struct str student_id, struct arena *arena,
                                 struct report_facts *ret, struct err *err) MUST_CHECK;

/* Rows as in the SQL files of these names. */
enum err_code store_history(struct pg *pg, struct str student_id, struct str campaign_id,
                            struct pg_result **ret_rows, struct err *err) MUST_CHECK;
struct reviews_query {
    struct str school;
    struct str campaign;
    struct str college; /* this and all below: empty is any */
    struct str state;
    struct str student_number;
    struct str after; /* a student's id */
    unsigned limit;
};
enum err_code store_reviews_list(struct pg *pg, const struct reviews_query *query,
                                 struct pg_result **ret_rows, struct err *err) MUST_CHECK;
enum err_code store_review_get(struct pg *pg, const struct scope *scope, struct str student_id,
                               struct str campaign_id, struct pg_result **ret_rows,
                               struct err *err) MUST_CHECK;
enum err_code store_progress(struct pg *pg, struct str school_code, struct str college,
                             struct str campaign_id, struct pg_result **ret_rows,
                             struct err *err) MUST_CHECK;
enum err_code store_approved(struct pg *pg, struct str school_code, struct str campaign_id,
                             struct pg_result **ret_rows, struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND when there is none. */
enum err_code store_campaign_of_school(struct pg *pg, struct str school_code, struct arena *arena,
                                       struct str *ret_campaign_id, struct err *err) MUST_CHECK;

/* Outbox, for the relay (runtime/relay.h). */
extern const struct pg_statement *const store_outbox_take;
extern const struct pg_statement *const store_outbox_done;
extern const struct pg_statement *const store_outbox_forget;

/* Applications: rows as in the SQL files of these names. */
struct appeals_query {
    struct str school;
    struct str college; /* this and all below: empty is any */
    struct str state;
    struct str kind;
    struct str after; /* an application's id */
    unsigned limit;
};
enum err_code store_appeals_list(struct pg *pg, const struct appeals_query *query,
                                 struct pg_result **ret_rows, struct err *err) MUST_CHECK;
enum err_code store_appeal_get(struct pg *pg, const struct scope *scope, struct str appeal_id,
                               struct pg_result **ret_rows, struct err *err) MUST_CHECK;
struct appeal_decided;
/* *ret_written false: somebody was quicker, or it is not open any more. */
enum err_code store_appeal_decide(struct pg *pg, const struct decider *decider,
                                  const struct appeal_decided *news, struct str reason_sealed,
                                  bool *ret_written, struct err *err) MUST_CHECK;
