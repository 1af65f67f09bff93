#include "services/authorization/store_staff.h"

#include "authorization_sql.h"

enum err_code
store_staff_get(struct pg *pg, struct str account, struct arena *arena,
                struct staff_account *ret_account, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *result = NULL;
    const struct pg_param params[] = {PG_STR(account)};
    *ret_account = (struct staff_account){0};
    enum err_code code = pg_exec(pg, &SQL_STAFF_GET, params, 1, &result, err);
    if (code || pg_rows(result) == 0)
        return code;
    struct str *const texts[] = {
        &ret_account->staff_id,    &ret_account->name,    &ret_account->role,
        &ret_account->school_code, &ret_account->college, &ret_account->password_sealed,
        &ret_account->totp_sealed,
    };
    for (int i = 0; i < (int)(sizeof texts / sizeof texts[0]); i++)
        *texts[i] = arena_copy(arena, pg_str(result, 0, i));
    ret_account->totp_step = (uint64_t)pg_int(result, 0, 7, 0);
    ret_account->active = str_eq(pg_str(result, 0, 8), STR("active"));
    ret_account->now_s = pg_int(result, 0, 9, 0);
    return ERR_OK;
}

enum err_code
store_audit(struct pg *pg, const struct audit_row *audit, struct err *err)
{
    const struct pg_param params[] = {
        PG_STR(audit->actor),          PG_STR(str_of(audit->action)),      PG_STR(audit->subject),
        PG_STR(str_of(audit->detail)), pg_str_or_null(audit->traceparent),
    };
    return pg_exec(pg, &SQL_AUDIT_APPEND, params, 5, NULL, err);
}

/* One statement and its row of the audit, or neither. *ret_done (may be NULL: whatever it does) is
 * whether a row was changed; without one nothing is written. */
static enum err_code
audited(struct pg *pg, const struct pg_statement *statement, const struct pg_param *params,
        size_t count, const struct audit_row *audit, bool *ret_done, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *result = NULL;
    enum err_code code = pg_begin(pg, err);
    if (code)
        return code;
    code = pg_exec(pg, statement, params, count, &result, err);
    bool done = code == ERR_OK && pg_affected(result) > 0;
    if (code == ERR_OK && (done || ret_done == NULL))
        code = store_audit(pg, audit, err);
    if (ret_done)
        *ret_done = done;
    if (code == ERR_OK)
        return pg_commit(pg, err);
    pg_rollback(pg);
    return code;
}

enum err_code
store_staff_enter(struct pg *pg, struct str staff_id, uint64_t totp_step,
                  const struct audit_row *audit, bool *ret_entered, struct err *err)
{
    struct buf step;
    buf_init(&step, 24);
    buf_add_uint(&step, totp_step);
    const struct pg_param params[] = {PG_STR(staff_id), PG_STR(buf_str(&step))};
    enum err_code code = audited(pg, &SQL_STAFF_ENTER, params, 2, audit, ret_entered, err);
    buf_done(&step);
    return code;
}

enum err_code
store_staff_failed(struct pg *pg, struct str account, const struct audit_row *audit,
                   struct err *err)
{
    const struct pg_param params[] = {PG_STR(account)};
    return audited(pg, &SQL_STAFF_FAILED, params, 1, audit, NULL, err);
}

enum err_code
store_staff_active(struct pg *pg, struct str staff_id, bool *ret_active, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *result = NULL;
    const struct pg_param params[] = {PG_STR(staff_id)};
    enum err_code code = pg_exec(pg, &SQL_STAFF_ACTIVE, params, 1, &result, err);
    *ret_active = code == ERR_OK && pg_rows(result) == 1 && pg_bool(result, 0, 0);
    return code;
}

enum err_code
store_staff_verifier(struct pg *pg, struct str staff_id, struct arena *arena,
                     struct str *ret_sealed, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *result = NULL;
    const struct pg_param params[] = {PG_STR(staff_id)};
    enum err_code code = pg_exec(pg, &SQL_STAFF_VERIFIER, params, 1, &result, err);
    *ret_sealed = STR_NONE;
    if (code == ERR_OK && pg_rows(result) == 1)
        *ret_sealed = arena_copy(arena, pg_str(result, 0, 0));
    return code;
}

enum err_code
store_staff_password(struct pg *pg, struct str staff_id, struct str old, struct str fresh,
                     const struct audit_row *audit, bool *ret_changed, struct err *err)
{
    const struct pg_param params[] = {PG_STR(staff_id), PG_STR(old), PG_STR(fresh)};
    return audited(pg, &SQL_STAFF_PASSWORD, params, 3, audit, ret_changed, err);
}
