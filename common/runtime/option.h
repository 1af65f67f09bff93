/*
 * Options as a table. A program's configuration is one struct whose first member is
 * `struct runtime_conf`; each option is one row that says where its value goes. Sources, later ones
 * win: the row's default, the environment (SY_ and the name in capitals, '-' as '_'), the command
 * line (--name=value). From the same rows come --help, --print-config, and docs/reference/options.
 */
#pragma once

#include "base/buf.h"

enum option_kind {
    OPTION_TEXT, /* const char * */
    OPTION_UINT, /* uint64_t, within [min, max] */
    OPTION_WORD, /* const char *, one of `words` */
};

struct option_row {
    const char *name;
    enum option_kind kind;
    size_t offset;
    const char *default_value; /* NULL: required */
    uint64_t min;
    uint64_t max;
    const char *words; /* "a|b|c" */
    const char *help;  /* one sentence; the unit for numbers */
};

/* clang-format off */
#define OPTION_TEXT_ROW(type, member, option_name, fallback, help_text) \
    {.name = (option_name), .kind = OPTION_TEXT, .offset = offsetof(type, member), .default_value = (fallback), .help = (help_text)}
#define OPTION_UINT_ROW(type, member, option_name, fallback, least, most, help_text) \
    {.name = (option_name), .kind = OPTION_UINT, .offset = offsetof(type, member), .default_value = (fallback), .min = (least), .max = (most), .help = (help_text)}
#define OPTION_WORD_ROW(type, member, option_name, fallback, choices, help_text) \
    {.name = (option_name), .kind = OPTION_WORD, .offset = offsetof(type, member), .default_value = (fallback), .words = (choices), .help = (help_text)}
/* clang-format on */

/* What every process takes. Text members are borrowed from the table, environment or argv. */
struct runtime_conf {
    const char *instance;
    const char *listen;
    const char *admin_listen;
    const char *log_level;
    const char *log_format;
    const char *profile;
    const char *crash_point;
    const char *kafka_bootstrap;
    const char *kafka_security_file;
    const char *pg_dsn;
    const char *redis_url;
    const char *redis_password_file;
    const char *keys_file;
    uint64_t http_threads;
    uint64_t http_workers;
    uint64_t session_idle_s;
    uint64_t staff_idle_s;
    uint64_t session_rate;
    uint64_t session_ahead;
    uint64_t admit_open;
    uint64_t admit_ms;
    uint64_t drain_timeout_ms;
};
/* Which of the common rows a program takes. */
enum option_need {
    NEED_HTTP = 1,
    NEED_KAFKA = 2,
    NEED_PG = 4,
    NEED_REDIS = 8,
    NEED_KEYS = 16,
};

struct program {
    const char *name;    /* "sy-intake" */
    const char *summary; /* one line */
    unsigned needs;      /* enum option_need, or-ed */
    const struct option_row *options;
    size_t option_count;
    size_t conf_size;
};

enum option_outcome { OPTIONS_RUN, OPTIONS_EXIT };
/*
 * Fills *conf. OPTIONS_EXIT: something was printed (help, version, configuration, or what is wrong)
 * and the process ends with *ret_exit_status: 0, 1 for --check-config with problems, 2 for usage.
 */
enum option_outcome options_load(const struct program *program, int argc, char **argv, void *conf,
                                 int *ret_exit_status);
/* Calls `each` for every text option of the program with its value. */
void options_each(const struct program *program, const void *conf,
                  void (*each)(const char *name, const char *value, void *ctx), void *ctx);
/* Markdown of a program's options. */
void options_write_docs(const struct program *program, struct buf *out);
