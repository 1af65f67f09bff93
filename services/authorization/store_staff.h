/* Accounts of staff in PostgreSQL, and the audit of what happens to them: each change and its row
 * of the audit in one transaction. Knows nothing of passwords. */
#pragma once

#include "io/pg.h"
#include "runtime/staff.h"

struct staff_account {
    struct str staff_id; /* empty: there is no such account */
    struct str name;
    struct str role;
    struct str school_code;
    struct str college;
    struct str password_sealed;
    struct str totp_sealed;
    uint64_t totp_step;
    bool active;
    int64_t now_s; /* PostgreSQL's; 0 when there is no account */
};

/* A row of the audit. `detail` is a JSON object. */
struct audit_row {
    struct str actor;
    const char *action;
    struct str subject;
    const char *detail;
    struct str traceparent;
};

enum err_code store_staff_get(struct pg *pg, struct str account, struct arena *arena,
                              struct staff_account *ret_account, struct err *err) MUST_CHECK;
/* *ret_entered is false when the code was used already, or the account disabled meanwhile. */
enum err_code store_staff_enter(struct pg *pg, struct str staff_id, uint64_t totp_step,
                                const struct audit_row *audit, bool *ret_entered,
                                struct err *err) MUST_CHECK;
/* Also for an account that does not exist: the same work. */
enum err_code store_staff_failed(struct pg *pg, struct str account, const struct audit_row *audit,
                                 struct err *err) MUST_CHECK;
enum err_code store_staff_active(struct pg *pg, struct str staff_id, bool *ret_active,
                                 struct err *err) MUST_CHECK;
/* Empty when the account is there no more, or disabled. */
enum err_code store_staff_verifier(struct pg *pg, struct str staff_id, struct arena *arena,
                                   struct str *ret_sealed, struct err *err) MUST_CHECK;
/* *ret_changed is false when `old` is not the verifier any more. */
enum err_code store_staff_password(struct pg *pg, struct str staff_id, struct str old,
                                   struct str fresh, const struct audit_row *audit,
                                   bool *ret_changed, struct err *err) MUST_CHECK;
enum err_code store_audit(struct pg *pg, const struct audit_row *audit, struct err *err) MUST_CHECK;
