#include "services/binding/store_appeal.h"

#include <inttypes.h>
#include <stdio.h>

#include "binding_sql.h"
#include "io/crypto.h"

enum err_code
store_appeal_add(struct pg *pg, const struct new_appeal *appeal,
                 const struct confirmation *confirmation, struct err *err)
{
    const struct pg_param params[] = {
        PG_STR(appeal->appeal_id),
        PG_STR(appeal->account_id),
        pg_str_or_null(appeal->student_id),
        PG_STR(appeal->school_code),
        PG_STR(str_of(appeal_kinds[appeal->kind].name)),
        PG_STR(appeal->subject.ptr ? appeal->subject : STR("")),
        PG_STR(appeal->claims_sealed),
        PG_STR(appeal->message_sealed),
        pg_str_or_null(appeal->traceparent),
    };
    enum err_code code = pg_begin(pg, err);
    if (code)
        return code;
    code = pg_exec(pg, &SQL_APPEAL_ADD, params, 9, NULL, err);
    if (code == ERR_OK && confirmation) {
        const struct pg_param waiting[] = {
            PG_STR(appeal->appeal_id),
            PG_STR(confirmation->bound_by),
            PG_STR(confirmation->document_index),
            PG_STR(confirmation->phone_index),
            PG_STR(confirmation->phone_sealed),
        };
        code = pg_exec(pg, &SQL_CONFIRMATION_ADD, waiting, 5, NULL, err);
    }
    if (code == ERR_OK && appeal->told_owner.len)
        code = store_notice_add(pg, appeal->told_owner, "release_asked", appeal->appeal_id, err);
    if (code == ERR_OK)
        return pg_commit(pg, err);
    pg_rollback(pg);
    return code;
}

static struct appeal
appeal_of(const struct pg_result *rows, size_t row, struct arena *arena)
{
    return (struct appeal){
        .appeal_id = arena_copy(arena, pg_str(rows, row, 0)),
        .kind = arena_copy(arena, pg_str(rows, row, 1)),
        .state = arena_copy(arena, pg_str(rows, row, 2)),
        .school_code = arena_copy(arena, pg_str(rows, row, 3)),
        .created_at_ms = pg_int(rows, row, 4, 0),
        .decided_at_ms = pg_int(rows, row, 5, 0),
        .claims_sealed = arena_copy(arena, pg_str(rows, row, 6)),
        .message_sealed = arena_copy(arena, pg_str(rows, row, 7)),
        .reason_sealed = arena_copy(arena, pg_str(rows, row, 8)),
        .outcome = arena_copy(arena, pg_str(rows, row, 9)),
        .history = arena_copy(arena, pg_str(rows, row, 10)),
        .evidence = pg_int(rows, row, 11, 0),
    };
}

enum err_code
store_appeal_list(struct pg *pg, struct str account_id, struct arena *arena,
                  struct appeal *ret_appeals, size_t *ret_count, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    const struct pg_param params[] = {PG_STR(account_id)};
    enum err_code code = pg_exec(pg, &SQL_APPEAL_LIST, params, 1, &rows, err);
    if (code)
        return code;
    *ret_count = pg_rows(rows);
    for (size_t i = 0; i < *ret_count; i++)
        ret_appeals[i] = appeal_of(rows, i, arena);
    return ERR_OK;
}

enum err_code
store_appeal_get(struct pg *pg, struct str appeal_id, struct str account_id, struct arena *arena,
                 struct appeal *ret, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    const struct pg_param params[] = {PG_STR(appeal_id), PG_STR(account_id)};
    enum err_code code = pg_exec(pg, &SQL_APPEAL_GET, params, 2, &rows, err);
    if (code)
        return code;
    if (pg_rows(rows) == 0)
        return ERR(err, ERR_NOT_FOUND, "no such application of this account");
    *ret = appeal_of(rows, 0, arena);
    return ERR_OK;
}

enum err_code
store_appeal_cancel(struct pg *pg, struct str appeal_id, struct str account_id, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    const struct pg_param params[] = {PG_STR(appeal_id), PG_STR(account_id)};
    enum err_code code = pg_exec(pg, &SQL_APPEAL_CANCEL, params, 2, &rows, err);
    if (code)
        return code;
    return pg_rows(rows) ? ERR_OK : ERR(err, ERR_DUPLICATE, "the application is not open");
}

/* The first column of the only row; empty when there is none. */
static enum err_code
one_text(struct pg *pg, const struct pg_statement *statement, const struct pg_param *params,
         size_t count, struct arena *arena, struct str *ret_text, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    enum err_code code = pg_exec(pg, statement, params, count, &rows, err);
    if (code)
        return code;
    *ret_text = pg_rows(rows) ? arena_copy(arena, pg_str(rows, 0, 0)) : STR_NONE;
    return ERR_OK;
}

enum err_code
store_binding_owner(struct pg *pg, struct str student_id, struct arena *arena,
                    struct str *ret_account, struct err *err)
{
    const struct pg_param params[] = {PG_STR(student_id)};
    return one_text(pg, &SQL_BINDING_OWNER, params, 1, arena, ret_account, err);
}

enum err_code
store_school_known(struct pg *pg, struct str school_code, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    const struct pg_param params[] = {PG_STR(school_code)};
    enum err_code code = pg_exec(pg, &SQL_SCHOOL_KNOWN, params, 1, &rows, err);
    if (code)
        return code;
    return pg_rows(rows) ? ERR_OK : ERR(err, ERR_NOT_FOUND, "no student of this school");
}

enum err_code
store_notice_list(struct pg *pg, struct str account_id, struct arena *arena,
                  struct notice *ret_notices, size_t *ret_count, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    const struct pg_param params[] = {PG_STR(account_id)};
    enum err_code code = pg_exec(pg, &SQL_NOTICE_LIST, params, 1, &rows, err);
    if (code)
        return code;
    *ret_count = pg_rows(rows);
    for (size_t i = 0; i < *ret_count; i++)
        ret_notices[i] =
            (struct notice){arena_copy(arena, pg_str(rows, i, 0)), pg_int(rows, i, 1, 0)};
    return ERR_OK;
}

/* --- evidence --- */

/* Under the lock of its application, so that two at once cannot both be the last. */
static enum err_code
evidence_room(struct pg *pg, const struct new_evidence *evidence, struct arena *arena,
              struct str *ret_same, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    struct str state = STR_NONE;
    const struct pg_param own[] = {PG_STR(evidence->appeal_id), PG_STR(evidence->account_id)};
    enum err_code code = one_text(pg, &SQL_APPEAL_OWN_LOCK, own, 2, arena, &state, err);
    if (code)
        return code;
    if (state.len == 0)
        return ERR(err, ERR_NOT_FOUND, "no such application of this account");
    if (!str_eq_text(state, appeal_state_name(APPEAL_FILED)))
        return ERR(err, ERR_DUPLICATE, "the application is not open");
    code = pg_exec(pg, &SQL_EVIDENCE_LIST, own, 1, &rows, err);
    if (code)
        return code;
    *ret_same = STR_NONE;
    for (size_t i = 0; i < pg_rows(rows); i++)
        if (crypto_equal(pg_str(rows, i, 1), evidence->content_index))
            *ret_same = arena_copy(arena, pg_str(rows, i, 0));
    return ret_same->len || pg_rows(rows) < EVIDENCE_MAX
               ? ERR_OK
               : ERR(err, ERR_TOO_LARGE, "the application has %d images", EVIDENCE_MAX);
}

enum err_code
store_evidence_add(struct pg *pg, const struct new_evidence *evidence, struct arena *arena,
                   struct str *ret_evidence_id, struct err *err)
{
    struct str same = STR_NONE;
    char bytes[24];
    (void)snprintf(bytes, sizeof bytes, "%zu", evidence->bytes);
    const struct pg_param params[] = {
        PG_STR(evidence->evidence_id), PG_STR(evidence->appeal_id),
        PG_STR(str_of(bytes)),         PG_STR(evidence->content_index),
        PG_STR(evidence->key_sealed),  PG_STR(evidence->content_base64),
    };
    enum err_code code = pg_begin(pg, err);
    if (code)
        return code;
    code = evidence_room(pg, evidence, arena, &same, err);
    if (code == ERR_OK && same.len == 0)
        code = pg_exec(pg, &SQL_EVIDENCE_ADD, params, 6, NULL, err);
    if (code == ERR_OK)
        code = pg_commit(pg, err);
    else
        pg_rollback(pg);
    if (code == ERR_OK)
        *ret_evidence_id = same.len ? same : evidence->evidence_id;
    return code;
}

/* --- a decision --- */

enum err_code
store_appeal_lock(struct pg *pg, struct str appeal_id, struct arena *arena,
                  struct appeal_locked *ret, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    const struct pg_param params[] = {PG_STR(appeal_id)};
    enum err_code code = pg_exec(pg, &SQL_APPEAL_LOCK, params, 1, &rows, err);
    if (code)
        return code;
    if (pg_rows(rows) == 0)
        return ERR(err, ERR_NOT_FOUND, "no such application");
    *ret = (struct appeal_locked){
        .account_id = arena_copy(arena, pg_str(rows, 0, 0)),
        .student_id = arena_copy(arena, pg_str(rows, 0, 1)),
        .school_code = arena_copy(arena, pg_str(rows, 0, 2)),
        .outcome = arena_copy(arena, pg_str(rows, 0, 5)),
        .sequence = pg_int(rows, 0, 6, 0),
        .claims_sealed = arena_copy(arena, pg_str(rows, 0, 7)),
    };
    if (!appeal_kind_parse(pg_str(rows, 0, 3), &ret->kind) ||
        !appeal_state_parse(pg_str(rows, 0, 4), &ret->state))
        return ERR(err, ERR_INTERNAL, "kind or state of an application is not known");
    return ERR_OK;
}

enum err_code
store_appeal_decide(struct pg *pg, struct str appeal_id, struct str decision,
                    struct str reason_sealed, const char *outcome, int64_t sequence,
                    struct err *err)
{
    char number[24] = "";
    if (sequence)
        (void)snprintf(number, sizeof number, "%" PRId64, sequence);
    const struct pg_param params[] = {
        PG_STR(appeal_id),
        PG_STR(decision),
        pg_str_or_null(reason_sealed),
        pg_str_or_null(str_of(outcome)),
        pg_str_or_null(str_of(number)),
    };
    return pg_exec(pg, &SQL_APPEAL_DECIDE, params, 5, NULL, err);
}

enum err_code
store_confirmation_take(struct pg *pg, struct str appeal_id, struct arena *arena,
                        struct confirmation *ret, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    const struct pg_param params[] = {PG_STR(appeal_id)};
    enum err_code code = pg_exec(pg, &SQL_CONFIRMATION_GET, params, 1, &rows, err);
    if (code)
        return code;
    if (pg_rows(rows) == 0)
        return ERR(err, ERR_NOT_FOUND, "no binding waits for this application");
    *ret = (struct confirmation){
        .bound_by = arena_copy(arena, pg_str(rows, 0, 0)),
        .document_index = arena_copy(arena, pg_str(rows, 0, 1)),
        .phone_index = arena_copy(arena, pg_str(rows, 0, 2)),
        .phone_sealed = arena_copy(arena, pg_str(rows, 0, 3)),
    };
    return ERR_OK;
}

enum err_code
store_confirmation_drop(struct pg *pg, struct str appeal_id, struct err *err)
{
    const struct pg_param params[] = {PG_STR(appeal_id)};
    return pg_exec(pg, &SQL_CONFIRMATION_DROP, params, 1, NULL, err);
}

enum err_code
store_binding_drop(struct pg *pg, struct str student_id, struct str only_account,
                   struct arena *arena, struct str *ret_account, struct err *err)
{
    const struct pg_param params[] = {PG_STR(student_id), pg_str_or_null(only_account)};
    return one_text(pg, &SQL_BINDING_DROP, params, 2, arena, ret_account, err);
}

enum err_code
store_binding_confirm(struct pg *pg, const struct new_binding *binding, struct str appeal_id,
                      bool *ret_bound, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    const struct pg_param params[] = {
        PG_STR(binding->student->student_id),
        PG_STR(binding->account_id),
        PG_STR(binding->by),
        PG_STR(binding->document_index),
        PG_STR(binding->name_differs ? STR("true") : STR("false")),
        PG_STR(binding->phone_index),
        PG_STR(binding->phone_sealed),
        pg_str_or_null(binding->traceparent),
        PG_STR(appeal_id),
    };
    enum err_code code = pg_exec(pg, &SQL_BINDING_CONFIRM, params, 9, &rows, err);
    if (code)
        return code;
    *ret_bound = pg_rows(rows) > 0;
    return *ret_bound ? pg_exec(pg, &SQL_RESERVED_DROP, params, 1, NULL, err) : ERR_OK;
}

enum err_code
store_reserve(struct pg *pg, struct str student_id, struct str account_id, struct str appeal_id,
              struct err *err)
{
    const struct pg_param params[] = {PG_STR(student_id), PG_STR(account_id), PG_STR(appeal_id)};
    return pg_exec(pg, &SQL_RESERVED_PUT, params, 3, NULL, err);
}

enum err_code
store_notice_add(struct pg *pg, struct str account_id, const char *kind, struct str appeal_id,
                 struct err *err)
{
    const struct pg_param params[] = {PG_STR(account_id), PG_STR(str_of(kind)), PG_STR(appeal_id)};
    return pg_exec(pg, &SQL_NOTICE_ADD, params, 3, NULL, err);
}
