/* The audit, checked: every row's hash is of its text, and each row holds the one before it.
 * Whoever can rewrite all of it can make it fit again; so the last hashes are printed, to be kept
 * elsewhere. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "io/crypto.h"
#include "io/pg.h"
#include "services/syctl/command.h"
#include "syctl_sql.h"

enum { AUDIT_TIMEOUT_MS = 60000, AUDIT_TEXT_MAX = 1024 * 1024 };

struct chain {
    int64_t rows; /* that fit */
    char head[SHA256_HEX_SIZE];
    int64_t broken; /* the first that does not fit; 0: all do */
};

/* The rows of one answer. True when there may be more. */
static bool
rows_check(const struct pg_result *result, struct chain *chain)
{
    for (size_t row = 0; row < pg_rows(result); row++) {
        char hash[SHA256_HEX_SIZE];
        int64_t sequence = pg_int(result, row, 0, 0);
        crypto_sha256_hex(pg_str(result, row, 1), hash);
        if (sequence != chain->rows + 1 ||
            !crypto_equal(pg_str(result, row, 2), str_of(chain->head)) ||
            !crypto_equal(pg_str(result, row, 3), str_of(hash))) {
            chain->broken = chain->rows + 1;
            return false;
        }
        memcpy(chain->head, hash, sizeof chain->head);
        chain->rows++;
    }
    return pg_rows(result) > 0;
}

static enum err_code
chain_check(struct pg *pg, struct str name, struct chain *chain, struct err *err)
{
    bool more = true;
    enum err_code code = ERR_OK;
    while (code == ERR_OK && more) {
        CLEANUP(pg_result_free) struct pg_result *result = NULL;
        char after[24];
        (void)snprintf(after, sizeof after, "%" PRId64, chain->rows);
        const struct pg_param params[] = {PG_STR(name), PG_STR(str_of(after))};
        code = pg_exec(pg, &SQL_AUDIT_READ, params, 2, &result, err);
        if (code == ERR_OK)
            more = rows_check(result, chain);
    }
    return code;
}

static void
chain_tell(const struct syctl *ctl, struct jsonw *w, struct str name, const struct chain *chain)
{
    jsonw_object_open(w);
    jsonw_member(w, "chain", name);
    jsonw_member_int(w, "rows", chain->rows);
    jsonw_member_text(w, "head", chain->head);
    jsonw_member_int(w, "broken_at", chain->broken);
    jsonw_object_close(w);
    if (ctl->json)
        return;
    printf("%-20.*s %8" PRId64 " rows  %s\n", STR_ARG(name), chain->rows, chain->head);
    if (chain->broken)
        printf("%-20.*s row %" PRId64 " does not fit the one before it, or was changed\n",
               STR_ARG(name), chain->broken);
}

static enum err_code
audit_check(struct syctl *ctl, struct pg *pg, bool *ret_whole, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *chains = NULL;
    struct buf out;
    enum err_code code = pg_exec(pg, &SQL_AUDIT_CHAINS, NULL, 0, &chains, err);
    if (code)
        return code;
    buf_init(&out, AUDIT_TEXT_MAX);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    jsonw_key(&w, "chains");
    jsonw_array_open(&w);
    *ret_whole = true;
    for (size_t row = 0; code == ERR_OK && row < pg_rows(chains); row++) {
        struct chain chain = {0};
        code = chain_check(pg, pg_str(chains, row, 0), &chain, err);
        if (code == ERR_OK)
            chain_tell(ctl, &w, pg_str(chains, row, 0), &chain);
        *ret_whole = *ret_whole && chain.broken == 0;
    }
    jsonw_array_close(&w);
    jsonw_member_bool(&w, "whole", *ret_whole);
    jsonw_object_close(&w);
    if (code == ERR_OK && ctl->json)
        syctl_print(&out);
    buf_done(&out);
    return code;
}

int
audit_verify_run(struct syctl *ctl)
{
    struct err err = {0};
    bool whole = false;
    if (!syctl_locate(ctl, SYCTL_MONITOR))
        return 2;
    struct pg *pg =
        pg_new(&(struct pg_conf){ctl->monitor_dsn, "syctl", AUDIT_TIMEOUT_MS, PG_ANY_WAY});
    enum err_code code = audit_check(ctl, pg, &whole, &err);
    pg_free(pg);
    if (code)
        return syctl_fail(ctl, "audit verify", &err);
    return whole ? 0 : 1;
}
