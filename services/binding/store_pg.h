/* What binding reads and writes in PostgreSQL: verifications, bindings and the outbox (its own),
 * the roster (read only). */
#pragma once

#include "io/pg.h"
#include "schema/identity_event.h"

struct verification {
    struct str verification_id;
    struct str account_id;
    struct str out_seq_no;
    struct str verify_id;
    struct str document_index;
    struct str name_sealed;      /* context "verification/<verification id>" */
    struct str id_number_sealed; /* the same */
    struct str state;
    struct str reason;
    bool expired;
};

struct roster_match {
    struct str student_id;
    struct str school_code;
    struct str school;
    struct str name;
    struct str student_number;
    struct str id_number_masked;
};
enum { ROSTER_MATCHES_MAX = 10, VERIFIED_DOCUMENTS_MAX = 10 };

struct new_binding {
    const struct roster_match *student;
    struct str account_id;
    struct str by;
    struct str document_index;
    bool name_differs;
    struct str phone_index;
    struct str phone_sealed;
    struct str traceparent;
};

/* Stores a begun face check and the consent to it in one transaction. */
enum err_code store_verification_add(struct pg *pg, const struct verification *verification,
                                     int64_t expires_in_s, struct str consent_version,
                                     struct str traceparent, struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND for none and for another account's alike. */
enum err_code store_verification_get(struct pg *pg, struct str verification_id,
                                     struct str account_id, struct arena *arena,
                                     struct verification *ret, struct err *err) MUST_CHECK;
/* The result; `news` (may be NULL) goes into the outbox in the same transaction, and *ret_sequence
 * (also below) is the place it got there. */
enum err_code store_verification_end(struct pg *pg, struct str verification_id, const char *state,
                                     const char *reason, const struct identity_changed *news,
                                     struct str traceparent, int64_t *ret_sequence,
                                     struct err *err) MUST_CHECK;
enum err_code store_verified_documents(struct pg *pg, struct str account_id, unsigned within_s,
                                       struct arena *arena, struct str *ret_documents,
                                       size_t *ret_count, struct err *err) MUST_CHECK;
/* Rows: table, what is in clear, sealed values by name, their contexts by name (all JSON). */
enum err_code store_held(struct pg *pg, struct str account_id, struct str student_id,
                         struct pg_result **ret_rows, struct err *err) MUST_CHECK;
/* News into the outbox, within a transaction; *ret_sequence is its place there. */
enum err_code store_news_add(struct pg *pg, const struct identity_changed *news,
                             struct str traceparent, int64_t *ret_sequence,
                             struct err *err) MUST_CHECK;
/* `school_code` empty: by document only. */
enum err_code store_roster_find(struct pg *pg, struct str document_index, struct str school_code,
                                struct str student_number, struct arena *arena,
                                struct roster_match *ret_rows, size_t *ret_count,
                                struct err *err) MUST_CHECK;
/* Binding and news in one transaction. ERR_DUPLICATE: student or account is bound already, or the
 * student was freed for another account. */
enum err_code store_binding_add(struct pg *pg, const struct new_binding *binding,
                                const struct identity_changed *news, int64_t *ret_sequence,
                                struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND: the binding was taken away meanwhile; there is no news then. */
enum err_code store_binding_phone(struct pg *pg, struct str account_id, struct str phone_index,
                                  struct str phone_sealed, const struct identity_changed *news,
                                  struct str traceparent, int64_t *ret_sequence,
                                  struct err *err) MUST_CHECK;

/* Outbox, for the relay (runtime/relay.h). */
extern const struct pg_statement *const store_outbox_take;
extern const struct pg_statement *const store_outbox_done;
extern const struct pg_statement *const store_outbox_forget;
