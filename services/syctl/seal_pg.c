/* Sealed values in PostgreSQL, through the functions of deploy/db/migrations/0003_seal.sql. */
#include <inttypes.h>
#include <stdio.h>

#include "services/syctl/seal.h"
#include "syctl_sql.h"

enum {
    PAGES_COUNTED = 4096, /* 32 MiB a call */
    PAGES_TAKEN = 32,     /* a few hundred judgements, each with nine values */
    TAKEN_BYTES_MAX = 16 * 1024 * 1024,
    CONFLICTS_MAX = 5,
};

static struct pg_param
number(struct arena *arena, int64_t value)
{
    return PG_STR(arena_printf(arena, "%" PRId64, value));
}

/* Calls `each` for every table, some pages at a time. */
static enum err_code
walk_pages(struct seal_walk *walk, int64_t step,
           enum err_code (*each)(struct seal_walk *walk, struct str relation, int64_t first,
                                 int64_t count, struct err *err),
           struct err *err)
{
    struct pg_result *places = NULL;
    enum err_code code = pg_exec(walk->pg, &SQL_SEAL_PLACES, NULL, 0, &places, err);
    if (code)
        return code;
    for (size_t row = 0; code == ERR_OK && row < pg_rows(places); row++)
        for (int64_t page = 0; code == ERR_OK && page < pg_int(places, row, 1, 0); page += step) {
            arena_reset(walk->arena);
            code = each(walk, pg_str(places, row, 0), page, step, err);
        }
    pg_result_free(places);
    return code;
}

static enum err_code
count_pages(struct seal_walk *walk, struct str relation, int64_t first, int64_t count,
            struct err *err)
{
    struct pg_result *rows = NULL;
    const struct pg_param params[] = {PG_STR(relation), number(walk->arena, first),
                                      number(walk->arena, count)};
    enum err_code code = pg_exec(walk->pg, &SQL_SEAL_TALLY, params, 3, &rows, err);
    if (code)
        return code;
    for (size_t i = 0; i < pg_rows(rows); i++)
        seal_walk_count(walk, relation, pg_str(rows, i, 0), pg_str(rows, i, 1),
                        pg_int(rows, i, 2, 0));
    pg_result_free(rows);
    return ERR_OK;
}

enum err_code
seal_pg_count(struct seal_walk *walk, struct err *err)
{
    return walk_pages(walk, PAGES_COUNTED, count_pages, err);
}

enum { PUT_PLACES, PUT_NAMES, PUT_OLDS, PUT_NEWS, PUT_ARRAYS };

static enum err_code
put_rows(struct seal_walk *walk, struct str relation, struct pg_array arrays[PUT_ARRAYS],
         struct err *err)
{
    struct pg_result *done = NULL;
    struct pg_param params[1 + PUT_ARRAYS] = {PG_STR(relation)};
    for (size_t i = 0; i < PUT_ARRAYS; i++) {
        pg_array_finish(&arrays[i]);
        params[1 + i] = PG_ARRAY(&arrays[i]);
    }
    enum err_code code = pg_exec(walk->pg, &SQL_SEAL_PUT, params, 1 + PUT_ARRAYS, &done, err);
    if (code == ERR_OK)
        walk->resealed += pg_int(done, 0, 0, 0);
    pg_result_free(done);
    return code;
}

static enum err_code
rotate_once(struct seal_walk *walk, struct str relation, int64_t first, int64_t count,
            struct err *err)
{
    struct pg_array arrays[PUT_ARRAYS];
    struct pg_result *rows = NULL;
    const struct pg_param params[] = {PG_STR(relation), number(walk->arena, first),
                                      number(walk->arena, count),
                                      PG_STR(str_of(keyring_active_id(walk->keyring)))};
    enum err_code code = pg_exec(walk->pg, &SQL_SEAL_TAKE, params, 4, &rows, err);
    if (code)
        return code;
    for (size_t i = 0; i < PUT_ARRAYS; i++)
        pg_array_init(&arrays[i], TAKEN_BYTES_MAX);
    for (size_t i = 0; i < pg_rows(rows); i++) {
        struct str fresh;
        struct str value = pg_str(rows, i, 3);
        if (!seal_walk_again(walk, relation, value, pg_str(rows, i, 2), &fresh))
            continue;
        pg_array_add(&arrays[PUT_PLACES], pg_str(rows, i, 0));
        pg_array_add(&arrays[PUT_NAMES], pg_str(rows, i, 1));
        pg_array_add(&arrays[PUT_OLDS], value);
        pg_array_add(&arrays[PUT_NEWS], fresh);
    }
    if (arrays[PUT_PLACES].count)
        code = put_rows(walk, relation, arrays, err);
    for (size_t i = 0; i < PUT_ARRAYS; i++)
        pg_array_done(&arrays[i]);
    pg_result_free(rows);
    return code;
}

/* Somebody else holds a row for longer, such as an import: what is left is met by the next walk. */
static enum err_code
rotate_pages(struct seal_walk *walk, struct str relation, int64_t first, int64_t count,
             struct err *err)
{
    enum err_code code = ERR_OK;
    for (int try = 0; try < CONFLICTS_MAX; try++) {
        code = rotate_once(walk, relation, first, count, err);
        if (code != ERR_CONFLICT)
            break;
    }
    return code;
}

enum err_code
seal_pg_rotate(struct seal_walk *walk, struct err *err)
{
    return walk_pages(walk, PAGES_TAKEN, rotate_pages, err);
}
