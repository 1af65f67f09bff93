#include "runtime/option.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build_id.h"

enum { OPTIONS_MAX = 64, ENV_NAME_SIZE = 64 };

struct common_option {
    unsigned need; /* 0: every program */
    struct option_row option;
};

/* clang-format off */
static const struct common_option common_options[] = {
    {0, OPTION_TEXT_ROW(struct runtime_conf, instance, "instance", "", "name of this copy, such as intake-1; shown in logs and to the servers")},
    {NEED_HTTP, OPTION_TEXT_ROW(struct runtime_conf, listen, "listen", "127.0.0.1:0", "host:port of the HTTP interface; port 0 picks a free one")},
    {0, OPTION_TEXT_ROW(struct runtime_conf, admin_listen, "admin-listen", "127.0.0.1:0", "host:port of /livez, /readyz, /metrics and /status")},
    {0, OPTION_WORD_ROW(struct runtime_conf, log_level, "log-level", "info", "debug|info|warn|error", "least level that is logged")},
    {0, OPTION_WORD_ROW(struct runtime_conf, log_format, "log-format", "json", "json|text", "one JSON object a line, or text for people")},
    {0, OPTION_WORD_ROW(struct runtime_conf, profile, "profile", "production", "production|demo", "production refuses what is only fit for a demonstration")},
    {0, OPTION_TEXT_ROW(struct runtime_conf, crash_point, "crash-point", "", "for fault tests, profile demo only: NAME or NAME:N of common/runtime/crash.h, where the process kills itself")},
    {NEED_KAFKA, OPTION_TEXT_ROW(struct runtime_conf, kafka_bootstrap, "kafka-bootstrap", NULL, "host:port of Kafka brokers, comma-separated")},
    {NEED_KAFKA, OPTION_TEXT_ROW(struct runtime_conf, kafka_security_file, "kafka-security-file", "", "file of librdkafka's security., ssl. and sasl. settings, name=value, mode 0400; empty: plain")},
    {NEED_PG, OPTION_TEXT_ROW(struct runtime_conf, pg_dsn, "pg-dsn", NULL, "libpq connection string; the password belongs into a passfile")},
    {NEED_REDIS, OPTION_TEXT_ROW(struct runtime_conf, redis_url, "redis-url", NULL, "redis://user@host:port/0")},
    {NEED_REDIS, OPTION_TEXT_ROW(struct runtime_conf, redis_password_file, "redis-password-file", "", "file with the password of the Redis user")},
    {NEED_KEYS, OPTION_TEXT_ROW(struct runtime_conf, keys_file, "keys-file", NULL, "key file, mode 0400: lines of purpose, key id, 64 hex digits")},
    {NEED_HTTP, OPTION_UINT_ROW(struct runtime_conf, http_threads, "http-threads", "1", 1, 16, "threads that speak HTTP")},
    {NEED_HTTP, OPTION_UINT_ROW(struct runtime_conf, http_workers, "http-workers", "4", 1, 128, "workers that carry out calls, each with its own connections")},
    {NEED_HTTP, OPTION_UINT_ROW(struct runtime_conf, session_idle_s, "session-idle-s", "7200", 60, 86400, "seconds after its last use that a session ends")},
    {NEED_HTTP, OPTION_UINT_ROW(struct runtime_conf, staff_idle_s, "staff-idle-s", "1800", 60, 86400, "seconds after its last use that a session of staff ends")},
    {NEED_HTTP, OPTION_UINT_ROW(struct runtime_conf, session_rate, "session-rate", "20", 0, 100000, "requests a second that one session may send to this copy on average; beyond it the answer is 429; 0: no limit")},
    {NEED_HTTP, OPTION_UINT_ROW(struct runtime_conf, session_ahead, "session-ahead", "100", 0, 100000, "requests that one session may send in advance of its rate")},
    {NEED_HTTP, OPTION_UINT_ROW(struct runtime_conf, admit_open, "admit-open", "256", 1, 4096, "submissions let in at once while it is not known what can be carried, and half of it always; 503 beyond what is answered within admit-ms")},
    {NEED_HTTP, OPTION_UINT_ROW(struct runtime_conf, admit_ms, "admit-ms", "30", 1, 10000, "milliseconds within which an admitted submission is to be answered")},
    {0, OPTION_UINT_ROW(struct runtime_conf, drain_timeout_ms, "drain-timeout-ms", "8000", 100, 60000, "milliseconds that a stopping process may take to finish what is under way")},
};
/* clang-format on */

/* The rows a program takes, common ones first. */
static size_t
options_collect(const struct program *program, const struct option_row *ret_rows[OPTIONS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof common_options / sizeof common_options[0]; i++)
        if (common_options[i].need == 0 || (program->needs & common_options[i].need))
            ret_rows[count++] = &common_options[i].option;
    for (size_t i = 0; i < program->option_count && count < OPTIONS_MAX; i++)
        ret_rows[count++] = &program->options[i];
    return count;
}

static void
env_name(const char *option_name, char out[ENV_NAME_SIZE])
{
    (void)snprintf(out, ENV_NAME_SIZE, "SY_%s", option_name);
    for (char *c = out; *c; c++) {
        if (*c == '-')
            *c = '_';
        else if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    }
}

static bool
word_listed(const char *words, struct str value)
{
    struct str rest = str_of(words);
    while (rest.len)
        if (str_eq(str_cut(&rest, '|'), value))
            return true;
    return false;
}

static bool
option_store(const struct option_row *option, const char *text, void *conf, char problem[256])
{
    void *target = (char *)conf + option->offset;
    uint64_t number = 0;
    switch (option->kind) {
    case OPTION_UINT:
        if (!str_to_u64(str_of(text), option->max, &number) || number < option->min) {
            (void)snprintf(problem, 256, "--%s wants a number from %" PRIu64 " to %" PRIu64,
                           option->name, option->min, option->max);
            return false;
        }
        *(uint64_t *)target = number;
        return true;
    case OPTION_WORD:
        if (!word_listed(option->words, str_of(text))) {
            (void)snprintf(problem, 256, "--%s wants one of %s", option->name, option->words);
            return false;
        }
        *(const char **)target = text;
        return true;
    case OPTION_TEXT:
        *(const char **)target = text;
        return true;
    }
    return false;
}

struct option_values {
    size_t count;
    const struct option_row *rows[OPTIONS_MAX];
    const char *text[OPTIONS_MAX];
};

static void
print_help(const struct program *program, const struct option_values *values)
{
    printf("%s - %s\n\nUsage: %s [--option=value ...]\n"
           "Every option can also be given in the environment as SY_ and its name in capitals.\n\n",
           program->name, program->summary, program->name);
    for (size_t i = 0; i < values->count; i++) {
        const struct option_row *row = values->rows[i];
        char name[64];
        (void)snprintf(name, sizeof name, "--%s=%s", row->name,
                       row->kind == OPTION_UINT   ? "N"
                       : row->kind == OPTION_WORD ? row->words
                                                  : "TEXT");
        printf("  %-38s %s%s%s%s\n", name, row->help,
               row->default_value ? " (default " : " (required",
               row->default_value ? (*row->default_value ? row->default_value : "empty") : "", ")");
    }
    printf("  %-38s %s\n  %-38s %s\n  %-38s %s\n  %-38s %s\n", "--help", "this text", "--version",
           "version and commit", "--print-config", "the configuration in force", "--check-config",
           "whether the configuration is complete");
    if (program->needs & NEED_HTTP)
        printf("  %-38s %s\n", "--print-routes",
               "every call that is answered: method, path, access");
}

static int
usage(const struct program *program, const char *problem)
{
    (void)fprintf(stderr, "%s: %s\nHINT: %s --help lists the options\n", program->name, problem,
                  program->name);
    return 2;
}

static ssize_t
option_index(const struct option_values *values, struct str name)
{
    for (size_t i = 0; i < values->count; i++)
        if (str_eq_text(name, values->rows[i]->name))
            return (ssize_t)i;
    return -1;
}

enum option_word { WORD_NONE, WORD_HELP, WORD_VERSION, WORD_PRINT, WORD_CHECK };

/* --name=value into values; the words that print and exit are returned in *ret_word. */
static bool
arguments_read(int argc, char **argv, struct option_values *values, enum option_word *ret_word,
               char problem[256])
{
    static const char *const words[] = {"", "--help", "--version", "--print-config",
                                        "--check-config"};
    for (int i = 1; i < argc; i++) {
        bool known = false;
        for (unsigned w = 1; w < sizeof words / sizeof words[0]; w++) {
            if (strcmp(argv[i], words[w]) != 0)
                continue;
            *ret_word = (enum option_word)w;
            known = true;
        }
        if (known)
            continue;
        struct str rest = str_of(argv[i]);
        struct str name = str_cut(&rest, '=');
        ssize_t index = -1;
        if (str_starts(name, STR("--")) && rest.ptr)
            index = option_index(values, (struct str){name.ptr + 2, name.len - 2});
        if (index < 0) {
            (void)snprintf(problem, 256, "unknown option '%.*s'",
                           (int)(name.len > 64 ? 64 : name.len), name.ptr);
            return false;
        }
        values->text[index] = rest.ptr;
    }
    return true;
}

static void
environment_read(struct option_values *values)
{
    char name[ENV_NAME_SIZE];
    for (size_t i = 0; i < values->count; i++) {
        env_name(values->rows[i]->name, name);
        const char *text = getenv(name);
        values->text[i] = text ? text : values->rows[i]->default_value;
    }
}

static void
print_config(const struct option_values *values)
{
    for (size_t i = 0; i < values->count; i++)
        printf("%s=%s\n", values->rows[i]->name, values->text[i] ? values->text[i] : "");
}

/* Everything present and in range; the first problem otherwise. */
static bool
values_store(const struct option_values *values, void *conf, char problem[256])
{
    for (size_t i = 0; i < values->count; i++) {
        if (values->text[i] == NULL) {
            char name[ENV_NAME_SIZE];
            env_name(values->rows[i]->name, name);
            (void)snprintf(problem, 256, "--%s is required (or %s in the environment)",
                           values->rows[i]->name, name);
            return false;
        }
        if (!option_store(values->rows[i], values->text[i], conf, problem))
            return false;
    }
    return true;
}

enum option_outcome
options_load(const struct program *program, int argc, char **argv, void *conf, int *ret_exit_status)
{
    char problem[256] = "";
    enum option_word word = WORD_NONE;
    struct option_values values = {0};
    values.count = options_collect(program, values.rows);
    environment_read(&values);
    *ret_exit_status = 0;
    if (!arguments_read(argc, argv, &values, &word, problem)) {
        *ret_exit_status = usage(program, problem);
        return OPTIONS_EXIT;
    }
    if (word == WORD_HELP || word == WORD_VERSION || word == WORD_PRINT) {
        if (word == WORD_HELP)
            print_help(program, &values);
        else if (word == WORD_VERSION)
            printf("%s %s (%s)\n", program->name, SY_VERSION, SY_COMMIT);
        else
            print_config(&values);
        return OPTIONS_EXIT;
    }
    bool complete = values_store(&values, conf, problem);
    if (!complete)
        *ret_exit_status = usage(program, problem);
    if (word == WORD_CHECK) {
        *ret_exit_status = complete ? 0 : 1;
        return OPTIONS_EXIT;
    }
    return complete ? OPTIONS_RUN : OPTIONS_EXIT;
}

void
options_each(const struct program *program, const void *conf,
             void (*each)(const char *name, const char *value, void *ctx), void *ctx)
{
    const struct option_row *rows[OPTIONS_MAX];
    size_t count = options_collect(program, rows);
    for (size_t i = 0; i < count; i++)
        if (rows[i]->kind == OPTION_TEXT)
            each(rows[i]->name,
                 *(const char *const *)(const void *)((const char *)conf + rows[i]->offset), ctx);
}

void
options_write_docs(const struct program *program, struct buf *out)
{
    const struct option_row *rows[OPTIONS_MAX];
    size_t count = options_collect(program, rows);
    char name[ENV_NAME_SIZE];
    buf_printf(out,
               "## %s\n\n%s.\n\n| option | environment | default | meaning |\n|---|---|---|---|\n",
               program->name, program->summary);
    for (size_t i = 0; i < count; i++) {
        env_name(rows[i]->name, name);
        buf_printf(out, "| `--%s` | `%s` | ", rows[i]->name, name);
        if (rows[i]->default_value == NULL)
            buf_add_text(out, "required");
        else if (*rows[i]->default_value)
            buf_printf(out, "`%s`", rows[i]->default_value);
        else
            buf_add_text(out, "empty");
        buf_printf(out, " | %s", rows[i]->help);
        if (rows[i]->kind == OPTION_UINT)
            buf_printf(out, " (%" PRIu64 " to %" PRIu64 ")", rows[i]->min, rows[i]->max);
        buf_add_text(out, " |\n");
    }
    buf_add_text(out, "\n");
}
