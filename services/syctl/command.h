/*
 * The commands of syctl: one table, one row a command. A command gets its parsed arguments and
 * prints its answer: text for people, or with --json one JSON object on standard output, problems
 * included. Without --json problems go to standard error, as progress does always.
 *
 * Exit status: 0 done, 1 it could not be done or something is wrong, 2 usage.
 */
#pragma once

#include "base/buf.h"

enum { COMMAND_OPTIONS_MAX = 8, COMMAND_ARGS_MAX = 4 };

struct syctl {
    const char *run_dir;
    bool json;
    /* Given by --option or the environment, else by RUN_DIR/operator.json. NULL: not known. */
    const char *kafka_bootstrap;
    const char *office_dsn;   /* may write roster and campaign */
    const char *monitor_dsn;  /* may read what happened */
    const char *keeper_dsn;   /* may exchange sealed values */
    const char *staffing_dsn; /* may make and end accounts of staff */
    const char *redis_url;    /* the operator's: sealed values, and sessions of staff */
    const char *redis_password_file;
    const char *keys_file;
    const char *admin; /* addresses of admin ports, comma-separated */
    /* The command's own. */
    const char *args[COMMAND_ARGS_MAX];
    size_t arg_count;
    struct {
        const char *name;
        const char *value;
    } options[COMMAND_OPTIONS_MAX];
    size_t option_count;
    struct arena *arena; /* lives as long as the command */
};

struct command {
    const char *group; /* "roster"; NULL for a command of one word */
    const char *name;
    const char *args;    /* for the help, and counted: "FILE [TOPIC]" */
    const char *options; /* "count=N seed=N dry-run" */
    const char *summary;
    int (*run)(struct syctl *ctl);
};
extern const struct command commands[];
extern const size_t command_count;

/* Value of an option, "" when it takes none, NULL when it was not given. */
const char *syctl_option(const struct syctl *ctl, const char *name);
/* A number, `fallback` when absent. False (and said) when it is none or more than `max`. */
bool syctl_number(const struct syctl *ctl, const char *name, uint64_t fallback, uint64_t max,
                  uint64_t *ret_value);
/* Says what went wrong: on standard error, or with --json as {"error": {code, class, text, hint}}
 * on standard output. They return the exit status: 1, and 2 for usage. `hint` may be NULL. */
int syctl_fail(const struct syctl *ctl, const char *what, const struct err *err);
int syctl_problem(const struct syctl *ctl, enum err_code code, const char *hint, const char *format,
                  ...) PRINTF_LIKE(4, 5);
int syctl_usage(const struct syctl *ctl, const char *format, ...) PRINTF_LIKE(2, 3);
/* Reads RUN_DIR/operator.json for what was not given. False (and said) when something of `needs`
 * is missing afterwards. */
enum syctl_need {
    SYCTL_KAFKA = 1,
    SYCTL_OFFICE = 2,
    SYCTL_MONITOR = 4,
    SYCTL_KEYS = 8,
    SYCTL_KEEPER = 16,
    SYCTL_STAFF = 32
};
bool syctl_locate(struct syctl *ctl, unsigned needs);
/* A whole file; false (and said) when it cannot be read or is longer than `max`. */
bool syctl_read_file(const struct syctl *ctl, const char *path, size_t max, struct buf *ret_text);
/* Prints a buffer that holds one JSON object, and a newline. */
void syctl_print(const struct buf *out);

int people_run(struct syctl *ctl);
int roster_import_run(struct syctl *ctl);
int topics_apply_run(struct syctl *ctl);
int topics_check_run(struct syctl *ctl);
int record_show_run(struct syctl *ctl);
int why_run(struct syctl *ctl);
int notices_list_run(struct syctl *ctl);
int dlq_list_run(struct syctl *ctl);
int dlq_show_run(struct syctl *ctl);
int dlq_replay_run(struct syctl *ctl);
int lag_run(struct syctl *ctl);
int doctor_run(struct syctl *ctl);
int staff_add_run(struct syctl *ctl);
int staff_list_run(struct syctl *ctl);
int staff_disable_run(struct syctl *ctl);
int staff_reset_run(struct syctl *ctl);
int audit_verify_run(struct syctl *ctl);
int seal_status_run(struct syctl *ctl);
int seal_rotate_run(struct syctl *ctl);
