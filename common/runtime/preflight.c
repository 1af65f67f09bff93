#include "runtime/preflight.h"

#include <stdlib.h>
#include <string.h>

#include "io/kafka.h"
#include "io/keyring.h"
#include "io/pg.h"
#include "io/secret_file.h"
#include "migrations.h"
#include "schema/topic.h"

enum { PREFLIGHT_TIMEOUT_MS = 3000, PATH_SIZE = 4096, PREFLIGHT_TOPICS_MAX = 32 };

void
preflight_add(struct preflight *preflight, const char *name, const char *value)
{
    if (value == NULL || *value == '\0' || preflight->count == PREFLIGHT_OPTIONS_MAX)
        return;
    preflight->options[preflight->count].name = name;
    preflight->options[preflight->count++].value = value;
}

static void
add_option(const char *name, const char *value, void *ctx)
{
    preflight_add(ctx, name, value);
}

void
preflight_add_program(struct preflight *preflight, const struct program *program, const void *conf)
{
    options_each(program, conf, add_option, preflight);
}

static const char *
option_of(const struct preflight *preflight, const char *name)
{
    for (size_t i = 0; i < preflight->count; i++)
        if (strcmp(preflight->options[i].name, name) == 0)
            return preflight->options[i].value;
    return NULL;
}

/* --- files and options --- */

/* Every option whose name ends in -file names a secret; and the passwords of PostgreSQL. */
static enum err_code
check_secret_files(const struct preflight *preflight, struct err *err)
{
    char passfile[PATH_SIZE];
    const char *dsn = option_of(preflight, "pg-dsn");
    for (size_t i = 0; i < preflight->count; i++) {
        const char *name = preflight->options[i].name;
        if (!str_ends(str_of(name), STR("-file")))
            continue;
        enum err_code code = secret_file_check(name, preflight->options[i].value, err);
        if (code)
            return code;
    }
    if (dsn && pg_dsn_setting(dsn, "passfile", passfile, sizeof passfile))
        return secret_file_check("passfile of pg-dsn", passfile, err);
    const char *named = getenv("PGPASSFILE");
    return dsn && named ? secret_file_check("PGPASSFILE", named, err) : ERR_OK;
}

/* Options can be seen by others: argv by everybody, the environment in dumps and unit files. */
static enum err_code
check_secrets_in_options(const struct preflight *preflight, struct err *err)
{
    char password[PATH_SIZE];
    const char *dsn = option_of(preflight, "pg-dsn");
    const char *url = option_of(preflight, "redis-url");
    const char *at = url ? strchr(url, '@') : NULL;
    const char *colon = url ? strchr(url + strcspn(url, "/"), ':') : NULL;
    if (dsn && pg_dsn_setting(dsn, "password", password, sizeof password))
        return ERR(err, ERR_CONFIG,
                   "pg-dsn has a password in it; HINT: passfile=FILE in its place, mode 0400");
    if (dsn && getenv("PGPASSWORD"))
        return ERR(err, ERR_CONFIG,
                   "PGPASSWORD is in the environment; HINT: passfile=FILE in pg-dsn, mode 0400");
    if (at && colon && colon < at)
        return ERR(err, ERR_CONFIG, "redis-url has a password in it; HINT: --redis-password-file");
    if (url && option_of(preflight, "redis-password-file") == NULL)
        return ERR(err, ERR_CONFIG,
                   "there is no redis-password-file; HINT: give the Redis user a password");
    return ERR_OK;
}

static enum err_code
check_keys(const struct preflight *preflight, struct err *err)
{
    struct keyring *keyring = NULL;
    enum err_code code = keyring_load(option_of(preflight, "keys-file"), &keyring, err);
    if (code)
        return code;
    code = keyring_check_production(keyring, err);
    keyring_free(keyring);
    return code;
}

/* What the local system and the examples use, and no real account has. */
static const struct {
    const char *option;
    const char *value;
} demonstration_values[] = {
    {"wechat-appid", "wx0000000000000001"},
    {"wechat-h5-appid", "wx0000000000000002"},
    {"sms-secret-id", "AKIDdemo"},
};

static enum err_code
check_platforms(const struct preflight *preflight, struct err *err)
{
    for (size_t i = 0; i < preflight->count; i++)
        if (str_ends(str_of(preflight->options[i].name), STR("-base-url")) &&
            !str_starts(str_of(preflight->options[i].value), STR("https://")))
            return ERR(
                err, ERR_CONFIG,
                "%s is not https: secrets and people's data would go in clear; HINT: leave it "
                "out for the real platform",
                preflight->options[i].name);
    for (size_t i = 0; i < sizeof demonstration_values / sizeof demonstration_values[0]; i++) {
        const char *value = option_of(preflight, demonstration_values[i].option);
        if (value && strcmp(value, demonstration_values[i].value) == 0)
            return ERR(err, ERR_CONFIG,
                       "%s is the one of the demonstration; HINT: take your own from the platform",
                       demonstration_values[i].option);
    }
    return ERR_OK;
}

/* --- servers --- */

static enum err_code
migrations_compare(const struct pg_result *applied, struct err *err)
{
    for (size_t i = 0; i < sizeof migrations / sizeof migrations[0]; i++) {
        size_t row = 0;
        while (row < pg_rows(applied) && !str_eq_text(pg_str(applied, row, 0), migrations[i].name))
            row++;
        if (row == pg_rows(applied))
            return ERR(err, ERR_CONFIG,
                       "migration '%s' is not applied; HINT: deploy/db/migrate.sh, as the owner",
                       migrations[i].name);
        if (!str_eq_text(pg_str(applied, row, 1), migrations[i].sha256))
            return ERR(err, ERR_CONFIG,
                       "migration '%s' is not the one that was applied; HINT: is this the release "
                       "the database was made by? deploy/db/migrate.sh --check",
                       migrations[i].name);
    }
    return ERR_OK; /* newer ones are additive: an older copy may run beside newer ones */
}

static enum err_code
check_migrations(const struct preflight *preflight, struct err *err)
{
    static const struct pg_statement applied = {"preflight_migrations",
                                                "SELECT name, sha256 FROM migration.applied"};
    struct pg_result *rows = NULL;
    struct pg *pg = pg_new(&(struct pg_conf){option_of(preflight, "pg-dsn"), "preflight",
                                             PREFLIGHT_TIMEOUT_MS, PG_ANY_WAY});
    enum err_code code = pg_ready(pg, err);
    if (code == ERR_OK) {
        code = pg_exec(pg, &applied, NULL, 0, &rows, err);
        if (code == ERR_CONFIG)
            code = ERR(err, ERR_CONFIG,
                       "the database is empty; HINT: deploy/db/migrate.sh, as the owner");
    }
    if (code == ERR_OK)
        code = migrations_compare(rows, err);
    pg_result_free(rows);
    pg_free(pg);
    return code;
}

static enum err_code
check_topics(const struct preflight *preflight, struct err *err)
{
    const char *names[PREFLIGHT_TOPICS_MAX];
    struct topic_state states[PREFLIGHT_TOPICS_MAX];
    for (size_t i = 0; i < topic_count; i++)
        names[i] = topics[i].name;
    enum err_code code = kafka_topics_inspect(option_of(preflight, "kafka-bootstrap"), names,
                                              topic_count, PREFLIGHT_TIMEOUT_MS, states, err);
    for (size_t i = 0; code == ERR_OK && i < topic_count; i++)
        code = topic_check(&topics[i], &states[i], err);
    return code;
}

/* --- the table --- */

/* clang-format off */
const struct preflight_row preflight_rows[] = {
    {"secret-files",       NULL,              true,  check_secret_files,       "a file of an option ending in -file, or the passfile, that others can read, that belongs to another account, or that is missing"},
    {"secrets-in-options", NULL,              false, check_secrets_in_options, "a password in pg-dsn, PGPASSWORD or redis-url; a Redis user without one"},
    {"keys",               "keys-file",       false, check_keys,               "keys of a demonstration, patterns, an id or a key twice, a purpose missing"},
    {"platforms",          NULL,              false, check_platforms,          "a base URL that is not https; accounts of the demonstration"},
    {"migrations",         "pg-dsn",          false, check_migrations,         "a migration of this build that is pending or was another"},
    {"topics",             "kafka-bootstrap", false, check_topics,             "a topic missing, with another number of partitions, replication 1, min.insync.replicas 1, compaction, or too short a retention"},
};
/* clang-format on */
const size_t preflight_row_count = sizeof preflight_rows / sizeof preflight_rows[0];

bool
preflight_applies(const struct preflight_row *row, const struct preflight *preflight,
                  bool production)
{
    return (production || row->any_profile) && (!row->option || option_of(preflight, row->option));
}

enum err_code
preflight_run(const struct preflight *preflight, bool production, struct err *err)
{
    struct err away = {0};
    for (size_t i = 0; i < preflight_row_count; i++) {
        const struct preflight_row *row = &preflight_rows[i];
        struct err found = {0};
        if (!preflight_applies(row, preflight, production))
            continue;
        enum err_code code = row->check(preflight, &found);
        if (code && err_class(code) != ERR_CLASS_RETRY)
            return ERR(err, ERR_CONFIG, "%s: %s", row->name, found.text);
        if (code && away.code == ERR_OK)
            (void)ERR(&away, code, "%s could not be checked: %s", row->name, found.text);
    }
    if (away.code && err)
        *err = away;
    return away.code;
}

void
preflight_write_docs(struct buf *out)
{
    buf_add_text(out, "| check | in | refuses |\n|---|---|---|\n");
    for (size_t i = 0; i < preflight_row_count; i++)
        buf_printf(out, "| `%s` | %s | %s |\n", preflight_rows[i].name,
                   preflight_rows[i].any_profile ? "every profile" : "production",
                   preflight_rows[i].refuses);
}
