#include "services/authorization/store_pg.h"

#include <inttypes.h>
#include <stdio.h>

#include "authorization_sql.h"

enum err_code
store_login(struct pg *pg, struct str account_id, struct str channel, struct str openid_sealed,
            struct str consent_version, struct str traceparent, struct err *err)
{
    const struct pg_param account[] = {PG_STR(account_id), PG_STR(channel), PG_STR(openid_sealed)};
    const struct pg_param consent[] = {PG_STR(account_id), PG_STR(consent_version),
                                       pg_str_or_null(traceparent)};
    enum err_code code = pg_begin(pg, err);
    if (code)
        return code;
    code = pg_exec(pg, &SQL_ACCOUNT_PUT, account, 3, NULL, err);
    if (code == ERR_OK)
        code = pg_exec(pg, &SQL_CONSENT_PUT, consent, 3, NULL, err);
    if (code == ERR_OK)
        return pg_commit(pg, err);
    pg_rollback(pg);
    return code;
}

enum err_code
store_identity_get(struct pg *pg, struct str account_id, struct arena *arena,
                   struct session *session, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *result = NULL;
    const struct pg_param params[] = {PG_STR(account_id)};
    enum err_code code = pg_exec(pg, &SQL_IDENTITY_GET, params, 1, &result, err);
    if (code || pg_rows(result) == 0)
        return code;
    session->document_index = arena_copy(arena, pg_str(result, 0, 0));
    session->student_id = arena_copy(arena, pg_str(result, 0, 1));
    session->school_code = arena_copy(arena, pg_str(result, 0, 2));
    session->phone_index = arena_copy(arena, pg_str(result, 0, 3));
    session->phone_sealed = arena_copy(arena, pg_str(result, 0, 4));
    session->card_sealed = arena_copy(arena, pg_str(result, 0, 5));
    session->identity_sequence = pg_int(result, 0, 6, 0);
    return ERR_OK;
}

enum err_code
store_identity_put(struct pg *pg, const struct identity_changed *news, struct err *err)
{
    char sequence[24];
    (void)snprintf(sequence, sizeof sequence, "%" PRId64, news->sequence);
    const struct pg_param params[] = {
        PG_STR(news->account_id),
        PG_STR(str_of(sequence)),
        pg_str_or_null(news->document_index),
        pg_str_or_null(news->student_id),
        pg_str_or_null(news->school_code),
        pg_str_or_null(news->phone_index),
        pg_str_or_null(news->phone_sealed),
        pg_str_or_null(news->card_sealed),
        PG_STR(news->kind),
    };
    return pg_exec(pg, &SQL_IDENTITY_PUT, params, 9, NULL, err);
}
