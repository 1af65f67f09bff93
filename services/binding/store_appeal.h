/* Applications in PostgreSQL: filing, showing, cancelling; and what a decision does to bindings. */
#pragma once

#include "schema/appeal.h"
#include "schema/appeal_event.h"
#include "services/binding/store_pg.h"

/* A row to be filed. */
struct new_appeal {
    struct str appeal_id;
    struct str account_id;
    struct str student_id; /* empty: not known */
    struct str school_code;
    enum appeal_kind kind;
    struct str subject;
    struct str claims_sealed;
    struct str message_sealed;
    struct str traceparent;
    struct str told_owner; /* the account that is told of it; empty: none */
};
/* What a confirmed binding will need. */
struct confirmation {
    struct str bound_by;
    struct str document_index;
    struct str phone_index;
    struct str phone_sealed;
};
/* As shown. Times in milliseconds; 0: not yet. */
struct appeal {
    struct str appeal_id;
    struct str kind;
    struct str state;
    struct str school_code;
    int64_t created_at_ms;
    int64_t decided_at_ms;
    struct str claims_sealed;
    struct str message_sealed;
    struct str reason_sealed;
    struct str outcome;
    struct str history; /* JSON */
    int64_t evidence;   /* images */
};
enum { APPEALS_SHOWN_MAX = 50 };

/* `confirmation` may be NULL. ERR_DUPLICATE: one of the kind is open already. */
enum err_code store_appeal_add(struct pg *pg, const struct new_appeal *appeal,
                               const struct confirmation *confirmation, struct err *err) MUST_CHECK;
enum err_code store_appeal_list(struct pg *pg, struct str account_id, struct arena *arena,
                                struct appeal *ret_appeals, size_t *ret_count,
                                struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND for none and for another account's alike. */
enum err_code store_appeal_get(struct pg *pg, struct str appeal_id, struct str account_id,
                               struct arena *arena, struct appeal *ret, struct err *err) MUST_CHECK;
/* ERR_DUPLICATE: it is not open (any more). */
enum err_code store_appeal_cancel(struct pg *pg, struct str appeal_id, struct str account_id,
                                  struct err *err) MUST_CHECK;
/* Who holds a student; empty: nobody. */
enum err_code store_binding_owner(struct pg *pg, struct str student_id, struct arena *arena,
                                  struct str *ret_account, struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND: no student of the roll is of this school. */
enum err_code store_school_known(struct pg *pg, struct str school_code, struct err *err) MUST_CHECK;

struct notice {
    struct str kind;
    int64_t created_at_ms;
};
enum err_code store_notice_list(struct pg *pg, struct str account_id, struct arena *arena,
                                struct notice *ret_notices, size_t *ret_count,
                                struct err *err) MUST_CHECK;

enum { EVIDENCE_MAX = 4 }; /* of an application */
struct new_evidence {
    struct str evidence_id;
    struct str appeal_id;
    struct str account_id;
    size_t bytes; /* of the image */
    struct str content_index;
    struct str key_sealed;
    struct str content_base64;
};
/* *ret_evidence_id is the one there is already when the same was sent before. ERR_NOT_FOUND;
 * ERR_DUPLICATE: the application is not open; ERR_TOO_LARGE: there are EVIDENCE_MAX. */
enum err_code store_evidence_add(struct pg *pg, const struct new_evidence *evidence,
                                 struct arena *arena, struct str *ret_evidence_id,
                                 struct err *err) MUST_CHECK;

/* --- parts of the transaction that applies a decision --- */

struct appeal_locked {
    struct str account_id;
    struct str student_id;
    struct str school_code;
    enum appeal_kind kind;
    enum appeal_state state;
    struct str outcome;
    int64_t sequence;
    struct str claims_sealed;
};
enum err_code store_appeal_lock(struct pg *pg, struct str appeal_id, struct arena *arena,
                                struct appeal_locked *ret, struct err *err) MUST_CHECK;
enum err_code store_appeal_decide(struct pg *pg, struct str appeal_id, struct str decision,
                                  struct str reason_sealed, const char *outcome, int64_t sequence,
                                  struct err *err) MUST_CHECK;
enum err_code store_confirmation_take(struct pg *pg, struct str appeal_id, struct arena *arena,
                                      struct confirmation *ret, struct err *err) MUST_CHECK;
enum err_code store_confirmation_drop(struct pg *pg, struct str appeal_id,
                                      struct err *err) MUST_CHECK;
/* `only_account` empty: whoever it is. *ret_account empty: nobody was bound. */
enum err_code store_binding_drop(struct pg *pg, struct str student_id, struct str only_account,
                                 struct arena *arena, struct str *ret_account,
                                 struct err *err) MUST_CHECK;
/* *ret_bound false: student or account is bound already, or the student is kept for another. */
enum err_code store_binding_confirm(struct pg *pg, const struct new_binding *binding,
                                    struct str appeal_id, bool *ret_bound,
                                    struct err *err) MUST_CHECK;
enum err_code store_reserve(struct pg *pg, struct str student_id, struct str account_id,
                            struct str appeal_id, struct err *err) MUST_CHECK;
enum err_code store_notice_add(struct pg *pg, struct str account_id, const char *kind,
                               struct str appeal_id, struct err *err) MUST_CHECK;
