/*
 * Redis and PostgreSQL, those of TORTURE_REDIS (a URL, its password in the file
 * TORTURE_REDIS_PASSWORD) and TORTURE_PG (a DSN; run.py makes both): an answer is to what was
 * asked, and what is said to be stored is stored.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/pg.h"
#include "io/redis.h"
#include "tests/torture/scenarios.h"

enum { WRITES = 3, LOOKS = 3 };

static const char *const values[WRITES] = {"one", "two", "three"};

/* --- Redis --- */

static struct redis *
redis_connected(struct err *err)
{
    const struct redis_conf conf = {getenv("TORTURE_REDIS"), getenv("TORTURE_REDIS_PASSWORD"),
                                    1000};
    struct redis *redis = NULL;
    return redis_new(&conf, &redis, err) ? NULL : redis;
}

static struct str
redis_key(size_t i, struct arena *arena)
{
    return arena_printf(arena, "torture:%d:%zu", (int)getpid(), i);
}

/* What is stored now; only one call in all fails, so one of a few looks succeeds. */
static const char *
redis_look(struct arena *arena, const bool stored[WRITES])
{
    for (int look = 0; look < LOOKS; look++) {
        struct err err = {0};
        struct redis_value found[WRITES];
        struct redis_command commands[WRITES];
        struct redis *redis = redis_connected(&err);
        for (size_t i = 0; i < WRITES; i++)
            commands[i] = REDIS_COMMAND(STR("GET"), redis_key(i, arena));
        bool answered =
            redis && redis_pipeline(redis, commands, WRITES, arena, found, &err) == ERR_OK;
        redis_free(redis);
        for (size_t i = 0; answered && i < WRITES; i++)
            if (stored[i] && !str_eq_text(found[i].text, values[i]))
                return "what is said to be stored is stored";
        if (answered)
            return NULL;
    }
    return "Redis can be asked again";
}

static const char *
redis_run(void *world)
{
    struct arena *arena = arena_new(LIMIT_REQUEST_ARENA);
    struct err err = {0};
    bool stored[WRITES] = {false};
    const char *broken = NULL;
    struct redis *redis = redis_connected(&err);
    (void)world;
    if (redis == NULL && err.text[0] == '\0')
        broken = "a client that is not made says why";
    for (size_t i = 0; redis && i < WRITES; i++) {
        struct redis_value answers[2];
        const struct redis_command commands[] = {
            REDIS_COMMAND(STR("ECHO"), str_of(values[i])),
            REDIS_COMMAND(STR("SET"), redis_key(i, arena), str_of(values[i]), STR("EX"), STR("60")),
        };
        err = (struct err){0};
        stored[i] = redis_pipeline(redis, commands, 2, arena, answers, &err) == ERR_OK;
        if (!stored[i] && err.text[0] == '\0')
            broken = "a failure says why";
        if (stored[i] &&
            (!str_eq_text(answers[0].text, values[i]) || !str_eq(answers[1].text, STR("OK"))))
            broken = "an answer is to its own command";
    }
    redis_free(redis);
    if (broken == NULL)
        broken = redis_look(arena, stored);
    arena_free(arena);
    return broken;
}

/* --- PostgreSQL --- */

static const struct pg_statement put = {
    "torture_put", "INSERT INTO torture (run, number, value) VALUES ($1, $2, $3) RETURNING value"};
static const struct pg_statement look = {
    "torture_look", "SELECT number FROM torture WHERE run = $1 ORDER BY number"};

static struct pg *
pg_connected_to(void)
{
    return pg_new(&(struct pg_conf){getenv("TORTURE_PG"), "torture", 2000, PG_BY_KEY});
}

static const char *
pg_look(struct str run, const bool stored[WRITES])
{
    for (int tries = 0; tries < LOOKS; tries++) {
        struct pg *pg = pg_connected_to();
        struct pg_result *result = NULL;
        struct err err = {0};
        bool found[WRITES] = {false};
        const struct pg_param params[] = {PG_STR(run)};
        bool answered = pg_exec(pg, &look, params, 1, &result, &err) == ERR_OK;
        for (size_t row = 0; answered && row < pg_rows(result); row++)
            found[pg_int(result, row, 0, 0)] = true;
        if (answered)
            pg_result_free(result);
        pg_free(pg);
        for (size_t i = 0; answered && i < WRITES; i++)
            if (stored[i] && !found[i])
                return "what is said to be committed is committed";
        if (answered)
            return NULL;
    }
    return "PostgreSQL can be asked again";
}

/* One transaction; true when it says that it is committed. */
static bool
pg_write(struct pg *pg, struct str run, size_t i, const char **broken)
{
    struct pg_result *result = NULL;
    struct err err = {0};
    const char number[] = {(char)('0' + i), '\0'};
    const struct pg_param params[] = {PG_STR(run), PG_STR(str_of(number)),
                                      PG_STR(str_of(values[i]))};
    enum err_code code = pg_ready(pg, &err);
    if (code == ERR_OK)
        code = pg_begin(pg, &err);
    if (code == ERR_OK) {
        code = pg_exec(pg, &put, params, 3, &result, &err);
        if (code == ERR_OK &&
            (pg_rows(result) != 1 || !str_eq_text(pg_str(result, 0, 0), values[i])))
            *broken = "a result is of its own statement";
        if (code == ERR_OK)
            pg_result_free(result);
        if (code == ERR_OK)
            code = pg_commit(pg, &err);
        else
            pg_rollback(pg);
    }
    if (code && err.text[0] == '\0')
        *broken = "a failure says why";
    return code == ERR_OK;
}

static const char *
pg_run(void *world)
{
    char text[48];
    bool stored[WRITES] = {false};
    const char *broken = NULL;
    struct pg *pg = pg_connected_to();
    (void)world;
    (void)snprintf(text, sizeof text, "%d-%" PRIu64, (int)getpid(), clock_mono_ns());
    for (size_t i = 0; i < WRITES; i++)
        stored[i] = pg_write(pg, str_of(text), i, &broken);
    pg_free(pg);
    return broken ? broken : pg_look(str_of(text), stored);
}

/* What libpq's libraries make once in a process is made: without memory they do not survive that.
 */
static void *
pg_open_world(void)
{
    (void)pg_run(NULL);
    return NULL;
}

const struct scenario scenario_redis = {"redis", NULL, redis_run, NULL, false};
const struct scenario scenario_pg = {"pg", pg_open_world, pg_run, NULL, false};
