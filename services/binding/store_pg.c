#include "services/binding/store_pg.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/limits.h"
#include "binding_sql.h"
#include "io/keyring.h"

static enum err_code
end_transaction(struct pg *pg, enum err_code code, struct err *err)
{
    if (code == ERR_OK)
        return pg_commit(pg, err);
    pg_rollback(pg);
    return code;
}

static enum err_code
consent_add(struct pg *pg, struct str account_id, struct str version, struct str traceparent,
            struct err *err)
{
    const struct pg_param params[] = {PG_STR(account_id), PG_STR(STR("face")), PG_STR(version),
                                      pg_str_or_null(traceparent)};
    return pg_exec(pg, &SQL_CONSENT_ADD, params, 4, NULL, err);
}

enum err_code
store_verification_add(struct pg *pg, const struct verification *verification, int64_t expires_in_s,
                       struct str consent_version, struct str traceparent, struct err *err)
{
    char seconds[24];
    (void)snprintf(seconds, sizeof seconds, "%" PRId64, expires_in_s);
    const struct pg_param params[] = {
        PG_STR(verification->verification_id),  PG_STR(verification->account_id),
        PG_STR(verification->out_seq_no),       PG_STR(verification->verify_id),
        PG_STR(verification->document_index),   PG_STR(verification->name_sealed),
        PG_STR(verification->id_number_sealed), PG_STR(str_of(seconds)),
    };
    enum err_code code = pg_begin(pg, err);
    if (code)
        return code;
    code = pg_exec(pg, &SQL_VERIFICATION_ADD, params, 8, NULL, err);
    if (code == ERR_OK)
        code = consent_add(pg, verification->account_id, consent_version, traceparent, err);
    return end_transaction(pg, code, err);
}

enum err_code
store_verification_get(struct pg *pg, struct str verification_id, struct str account_id,
                       struct arena *arena, struct verification *ret, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    const struct pg_param params[] = {PG_STR(verification_id), PG_STR(account_id)};
    enum err_code code = pg_exec(pg, &SQL_VERIFICATION_GET, params, 2, &rows, err);
    if (code)
        return code;
    if (pg_rows(rows) == 0)
        return ERR(err, ERR_NOT_FOUND, "no such verification of this account");
    *ret = (struct verification){
        .verification_id = verification_id,
        .account_id = account_id,
        .out_seq_no = arena_copy(arena, pg_str(rows, 0, 0)),
        .verify_id = arena_copy(arena, pg_str(rows, 0, 1)),
        .document_index = arena_copy(arena, pg_str(rows, 0, 2)),
        .name_sealed = arena_copy(arena, pg_str(rows, 0, 3)),
        .id_number_sealed = arena_copy(arena, pg_str(rows, 0, 4)),
        .state = arena_copy(arena, pg_str(rows, 0, 5)),
        .reason = arena_copy(arena, pg_str(rows, 0, 6)),
        .expired = pg_bool(rows, 0, 7),
    };
    return ERR_OK;
}

enum err_code
store_news_add(struct pg *pg, const struct identity_changed *news, struct str traceparent,
               int64_t *ret_sequence, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    char event_id[SUBMISSION_ID_SIZE];
    struct buf value;
    uuid_random(event_id);
    buf_init(&value, LIMIT_MESSAGE);
    identity_changed_encode(news, &value);
    const struct pg_param params[] = {
        PG_STR(STR(TOPIC_IDENTITY_CHANGED)), PG_STR(news->account_id), PG_STR(str_of(event_id)),
        PG_STR(STR(TYPE_IDENTITY_CHANGED)),  PG_STR(buf_str(&value)),  pg_str_or_null(traceparent),
    };
    enum err_code code = pg_exec(pg, &SQL_OUTBOX_ADD, params, 6, &rows, err);
    buf_done(&value);
    if (code == ERR_OK)
        *ret_sequence = pg_int(rows, 0, 0, 0);
    return code;
}

enum err_code
store_verification_end(struct pg *pg, struct str verification_id, const char *state,
                       const char *reason, const struct identity_changed *news,
                       struct str traceparent, int64_t *ret_sequence, struct err *err)
{
    const struct pg_param params[] = {PG_STR(verification_id), PG_STR(str_of(state)),
                                      pg_str_or_null(str_of(reason))};
    enum err_code code = pg_begin(pg, err);
    if (code)
        return code;
    code = pg_exec(pg, &SQL_VERIFICATION_END, params, 3, NULL, err);
    if (code == ERR_OK && news)
        code = store_news_add(pg, news, traceparent, ret_sequence, err);
    return end_transaction(pg, code, err);
}

enum err_code
store_verified_documents(struct pg *pg, struct str account_id, unsigned within_s,
                         struct arena *arena, struct str *ret_documents, size_t *ret_count,
                         struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    char seconds[24];
    (void)snprintf(seconds, sizeof seconds, "%u", within_s);
    const struct pg_param params[] = {PG_STR(account_id), PG_STR(str_of(seconds))};
    enum err_code code = pg_exec(pg, &SQL_VERIFIED_DOCUMENTS, params, 2, &rows, err);
    if (code)
        return code;
    *ret_count = pg_rows(rows);
    for (size_t i = 0; i < *ret_count; i++)
        ret_documents[i] = arena_copy(arena, pg_str(rows, i, 0));
    return ERR_OK;
}

enum err_code
store_roster_find(struct pg *pg, struct str document_index, struct str school_code,
                  struct str student_number, struct arena *arena, struct roster_match *ret_rows,
                  size_t *ret_count, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    const struct pg_param params[] = {PG_STR(document_index), PG_STR(school_code),
                                      PG_STR(student_number)};
    enum err_code code = school_code.len
                             ? pg_exec(pg, &SQL_ROSTER_BY_NUMBER, params, 3, &rows, err)
                             : pg_exec(pg, &SQL_ROSTER_BY_DOCUMENT, params, 1, &rows, err);
    if (code)
        return code;
    *ret_count = pg_rows(rows);
    for (size_t i = 0; i < *ret_count; i++)
        ret_rows[i] = (struct roster_match){
            .student_id = arena_copy(arena, pg_str(rows, i, 0)),
            .school_code = arena_copy(arena, pg_str(rows, i, 1)),
            .school = arena_copy(arena, pg_str(rows, i, 2)),
            .name = arena_copy(arena, pg_str(rows, i, 3)),
            .student_number = arena_copy(arena, pg_str(rows, i, 4)),
            .id_number_masked = arena_copy(arena, pg_str(rows, i, 5)),
        };
    return ERR_OK;
}

enum err_code
store_binding_add(struct pg *pg, const struct new_binding *binding,
                  const struct identity_changed *news, int64_t *ret_sequence, struct err *err)
{
    const struct pg_param params[] = {
        PG_STR(binding->student->student_id),
        PG_STR(binding->account_id),
        PG_STR(binding->by),
        PG_STR(binding->document_index),
        PG_STR(binding->name_differs ? STR("true") : STR("false")),
        PG_STR(binding->phone_index),
        PG_STR(binding->phone_sealed),
        pg_str_or_null(binding->traceparent),
    };
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    enum err_code code = pg_begin(pg, err);
    if (code)
        return code;
    code = pg_exec(pg, &SQL_BINDING_ADD, params, 8, &rows, err);
    if (code == ERR_OK && pg_rows(rows) == 0)
        code = ERR(err, ERR_DUPLICATE, "the student is kept for another account");
    if (code == ERR_OK)
        code = pg_exec(pg, &SQL_RESERVED_DROP, params, 1, NULL, err);
    if (code == ERR_OK)
        code = store_news_add(pg, news, binding->traceparent, ret_sequence, err);
    return end_transaction(pg, code, err);
}

enum err_code
store_binding_phone(struct pg *pg, struct str account_id, struct str phone_index,
                    struct str phone_sealed, const struct identity_changed *news,
                    struct str traceparent, int64_t *ret_sequence, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    const struct pg_param params[] = {PG_STR(account_id), PG_STR(phone_index), PG_STR(phone_sealed),
                                      PG_STR(news->student_id)};
    enum err_code code = pg_begin(pg, err);
    if (code)
        return code;
    code = pg_exec(pg, &SQL_BINDING_PHONE, params, 4, &rows, err);
    if (code == ERR_OK && pg_rows(rows) == 0)
        code = ERR(err, ERR_NOT_FOUND, "the account is not bound to this student any more");
    if (code == ERR_OK)
        code = store_news_add(pg, news, traceparent, ret_sequence, err);
    return end_transaction(pg, code, err);
}

const struct pg_statement *const store_outbox_take = &SQL_OUTBOX_TAKE;
const struct pg_statement *const store_outbox_done = &SQL_OUTBOX_DONE;
const struct pg_statement *const store_outbox_forget = &SQL_OUTBOX_FORGET;

enum err_code
store_held(struct pg *pg, struct str account_id, struct str student_id, struct pg_result **ret_rows,
           struct err *err)
{
    const struct pg_param params[] = {PG_STR(account_id), pg_str_or_null(student_id)};
    return pg_exec(pg, &SQL_HELD, params, 2, ret_rows, err);
}
