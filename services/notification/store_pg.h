/* What notification reads and writes in PostgreSQL: notices, consents and budgets (its own);
 * openid, phone, campaign and record of those it writes to (read only). */
#pragma once

#include "io/pg.h"
#include "io/seal.h"
#include "services/notification/domain.h"

/* A notice as it is stored; its details are sealed for "notice/<notice id>". */
struct new_notice {
    struct notice_made made;
    int64_t due_ms;
    int64_t deadline_ms;
    struct str traceparent;
};
/* All of them in one statement; those that are there already stay as they are. */
enum err_code store_notices_add(struct pg *pg, struct sealer *sealer,
                                const struct new_notice *notices, size_t count, struct arena *arena,
                                struct err *err) MUST_CHECK;

/* A notice whose turn it is. */
struct taken_notice {
    struct str notice_id;
    struct str recipient;
    struct notice_facts facts;
    struct str details_sealed;
    struct str account_id;
    struct str openid_sealed; /* context "openid/<account id>" */
    struct str phone_index;
    struct str phone_sealed; /* context "phone/<phone index>" */
    struct str campaign_name;
    int64_t closes_at_ms;
    struct str traceparent;
};
/* Inside a transaction, for whose length nobody else takes it. *ret_found: whether there was one.
 */
enum err_code store_notice_take(struct pg *pg, struct arena *arena, struct taken_notice *ret_notice,
                                bool *ret_found, struct err *err) MUST_CHECK;
enum err_code store_notice_mark(struct pg *pg, struct str notice_id, enum notice_channel channel,
                                struct err *err) MUST_CHECK;
/* As the plan says: later, or ended. `sms_only`: WeChat has refused it. */
enum err_code store_notice_put(struct pg *pg, struct str notice_id, const struct notice_plan *plan,
                               bool sms_only, struct err *err) MUST_CHECK;
/* Those whose sender died; *ret_count of them. */
enum err_code store_notices_sweep(struct pg *pg, unsigned after_s, uint64_t *ret_count,
                                  struct err *err) MUST_CHECK;
enum err_code store_notices_waiting(struct pg *pg, int64_t *ret_count, int64_t *ret_oldest_s,
                                    struct err *err) MUST_CHECK;

/* *ret_taken false: nothing is left of the day's budget. */
enum err_code store_budget_take(struct pg *pg, struct str day, struct str scope, uint64_t max,
                                bool *ret_taken, struct err *err) MUST_CHECK;
enum err_code store_budget_forget(struct pg *pg, struct str day, struct err *err) MUST_CHECK;

/* One more of each, at most `max`. */
enum err_code store_consents_add(struct pg *pg, struct str account_id,
                                 const enum notice_template *templates, size_t count, unsigned max,
                                 struct err *err) MUST_CHECK;
enum consent_change { CONSENT_USED, CONSENT_GIVEN_BACK, CONSENT_GONE };
enum err_code store_consent_change(struct pg *pg, struct str account_id,
                                   enum notice_template template, enum consent_change change,
                                   struct err *err) MUST_CHECK;
enum err_code store_consents_list(struct pg *pg, struct str account_id,
                                  int64_t ret_remaining[NOTICE_TEMPLATE_COUNT_],
                                  struct err *err) MUST_CHECK;

/* Inside a transaction: whether this copy is the one that scans. */
enum err_code store_scan_lock(struct pg *pg, bool *ret_mine, struct err *err) MUST_CHECK;
/* Notices to those without a record in windows that close within `days` and not within `less_days`;
 * *ret_count were made. */
enum err_code store_closing_add(struct pg *pg, unsigned days, unsigned less_days, bool urgent,
                                int64_t due_ms, uint64_t *ret_count, struct err *err) MUST_CHECK;
