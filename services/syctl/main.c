/* syctl: the operator's tool. This file reads the command line and finds the running system. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build_id.h"
#include "io/kafka.h"
#include "runtime/secrecy.h"
#include "schema/json.h"
#include "services/syctl/command.h"

enum { OPERATOR_FILE_MAX = 64 * 1024, ARENA_BYTES_MAX = 512 * 1024 * 1024 };

/* clang-format off */
const struct command commands[] = {
    {"roster", "import", "FILE", "piece=ROWS dry-run", "read a school roll (CSV, UTF-8 or GB18030) into the roster; prints findings by row and column", roster_import_run},
    {NULL, "people", "", "count=N seed=N", "print a school roll of synthetic people with valid numbers as CSV", people_run},
    {"record", "show", "ID", "", "the judgements of a submission's student, newest first, sealed values as such", record_show_run},
    {NULL, "why", "ID", "", "where a submission is, what happened to it, and who can act", why_run},
    {"dlq", "list", "", "topic=NAME limit=N", "the dead letters: topic, partition, offset, reason", dlq_list_run},
    {"dlq", "show", "TOPIC OFFSET", "", "one dead letter with its header fields and value", dlq_show_run},
    {"dlq", "replay", "[TOPIC]", "reason=R since=T offset=N dry-run", "send dead letters to their topic again: all, or those of a reason, or since a time (2h, 7d, 2027-06-01T08:00:00Z); what was judged meanwhile is left out", dlq_replay_run},
    {NULL, "lag", "", "", "messages waiting, by consumer group and partition", lag_run},
    {"notices", "list", "", "state=S limit=N", "what students were not told and why, newest first: failed, undeliverable, unknown", notices_list_run},
    {"topics", "apply", "", "replication=N", "create the topics that are missing", topics_apply_run},
    {"topics", "check", "", "", "whether every topic is there with its partitions", topics_check_run},
    {"seal", "status", "", "", "sealed values by place and key", seal_status_run},
    {"seal", "rotate", "", "", "seal again what is under an old key, beside running services, until none is", seal_rotate_run},
    {"staff", "add", "ACCOUNT", "role=R school=CODE college=NAME name=NAME password-stdin", "make an account of staff; its password and one-time-code secret are printed once", staff_add_run},
    {"staff", "list", "", "", "the accounts of staff, without secrets", staff_list_run},
    {"staff", "disable", "ACCOUNT", "", "close an account and end its sessions", staff_disable_run},
    {"staff", "reset", "ACCOUNT", "password-stdin", "give an account new secrets, printed once; it is open again, its sessions end", staff_reset_run},
    {"audit", "verify", "", "", "whether every row of the audit is as it was written, and the last hash of each chain", audit_verify_run},
    {NULL, "doctor", "", "profile=production", "check every part and say what to do", doctor_run},
};
/* clang-format on */
const size_t command_count = sizeof commands / sizeof commands[0];

/* What the commands' own options mean: the same word says the same everywhere. */
static const struct {
    const char *name;
    const char *meaning;
} option_meanings[] = {
    {"count", "how many people (default 10)"},
    {"seed", "the same number makes the same people"},
    {"dry-run", "says what would be done, and does nothing"},
    {"piece", "rows that are written as one (20000), rounded up to full statements of 1000; a "
              "longer file that broke off goes on behind its last piece when it is given again"},
    {"topic", "only this dead-letter topic"},
    {"state", "only those: waiting, sending, sent, failed, undeliverable, unknown or skipped"},
    {"limit", "at most so many (default 1000)"},
    {"reason", "only those of this reason (syctl dlq list)"},
    {"since", "only those since then: 2h, 7d, or 2027-06-01T08:00:00Z"},
    {"offset", "only the one at this offset, in each partition"},
    {"role", "counsellor, college, school or province"},
    {"school", "school code, of all but the province"},
    {"college", "name of the college as in SZYX, of counsellor and college"},
    {"name", "the person's name"},
    {"password-stdin", "the password is the first line of standard input, not a generated one"},
    {"replication", "copies of each partition on other brokers (default 1)"},
    {"profile",
     "production: also what services refuse to start with there; what they have in "
     "their environment (SY_WECHAT_…, SY_SMS_…, SY_KAFKA_SECURITY_FILE) is read as well"},
};

static const char exit_statuses[] = "Exit status: 0 done, 1 not done or something is wrong, "
                                    "2 usage.\n";

static const char *
option_meaning(struct str name)
{
    for (size_t i = 0; i < sizeof option_meanings / sizeof option_meanings[0]; i++)
        if (str_eq_text(name, option_meanings[i].name))
            return option_meanings[i].meaning;
    return "";
}

static void
print_command_help(const struct command *c)
{
    struct str rest = str_of(c->options);
    printf("syctl %s%s%s%s%s%s - %s\n\n", c->group ? c->group : "", c->group ? " " : "", c->name,
           *c->args ? " " : "", c->args, *c->options ? " [OPTIONS]" : "", c->summary);
    while (rest.len) {
        struct str option = str_cut(&rest, ' ');
        struct str value = option;
        struct str name = str_cut(&value, '=');
        printf("  --%-18.*s %s\n", STR_ARG(option), option_meaning(name));
    }
    printf("%sWhere the running system is: syctl --help. With --json one object.\n%s",
           *c->options ? "\n" : "", exit_statuses);
}

static void
print_help(void)
{
    printf("syctl - looks into a running Shengyuan and feeds it\n\n"
           "Usage: syctl [--run-dir=DIR] [--json] COMMAND [ARGUMENTS]\n\n");
    for (size_t i = 0; i < command_count; i++) {
        char line[96];
        const struct command *c = &commands[i];
        (void)snprintf(line, sizeof line, "%s%s%s%s%s", c->group ? c->group : "",
                       c->group ? " " : "", c->name, *c->args ? " " : "", c->args);
        printf("  %-22s %s\n", line, c->summary);
        struct str rest = str_of(c->options);
        while (rest.len) {
            struct str option = str_cut(&rest, ' ');
            printf("  %22s   --%.*s\n", "", STR_ARG(option));
        }
    }
    printf(
        "\n  --run-dir=DIR     of `make run` (default .run, or RUN_DIR): says where everything is\n"
        "  --json            one JSON object on standard output, also for what went wrong\n"
        "  --kafka-bootstrap, --office-dsn, --monitor-dsn, --keeper-dsn, --staffing-dsn,\n"
        "  --redis-url, --redis-password-file, --keys-file, --admin   instead of --run-dir; also\n"
        "                    in the environment as SY_KAFKA_BOOTSTRAP, SY_OFFICE_DSN, ...\n"
        "  --admin=URL,...   the admin ports of the processes, for why and doctor\n"
        "  --help, --version; COMMAND --help tells of one\n\n%s",
        exit_statuses);
}

const char *
syctl_option(const struct syctl *ctl, const char *name)
{
    for (size_t i = 0; i < ctl->option_count; i++)
        if (strcmp(ctl->options[i].name, name) == 0)
            return ctl->options[i].value;
    return NULL;
}

/* One place a running system is described by: the option, its member in operator.json. */
struct place {
    const char *option;
    const char *variable;
    const char *member;
    size_t offset;
    unsigned need;
};
static const struct place places[] = {
    {"kafka-bootstrap", "SY_KAFKA_BOOTSTRAP", "kafka", offsetof(struct syctl, kafka_bootstrap),
     SYCTL_KAFKA},
    {"office-dsn", "SY_OFFICE_DSN", "office_dsn", offsetof(struct syctl, office_dsn), SYCTL_OFFICE},
    {"monitor-dsn", "SY_MONITOR_DSN", "monitor_dsn", offsetof(struct syctl, monitor_dsn),
     SYCTL_MONITOR},
    {"keeper-dsn", "SY_KEEPER_DSN", "keeper_dsn", offsetof(struct syctl, keeper_dsn), SYCTL_KEEPER},
    {"staffing-dsn", "SY_STAFFING_DSN", "staffing_dsn", offsetof(struct syctl, staffing_dsn),
     SYCTL_STAFF},
    {"redis-url", "SY_KEEPER_REDIS_URL", "redis_url", offsetof(struct syctl, redis_url),
     SYCTL_KEEPER | SYCTL_STAFF},
    {"redis-password-file", "SY_KEEPER_REDIS_PASSWORD_FILE", "redis_password_file",
     offsetof(struct syctl, redis_password_file), SYCTL_KEEPER | SYCTL_STAFF},
    {"keys-file", "SY_KEYS_FILE", "keys_file", offsetof(struct syctl, keys_file), SYCTL_KEYS},
    {"admin", "SY_ADMIN", "admin", offsetof(struct syctl, admin), 0},
};
enum { PLACES = sizeof places / sizeof places[0] };

static const char **
place_of(struct syctl *ctl, size_t index)
{
    return (const char **)(void *)((char *)ctl + places[index].offset);
}

static void
operator_file_read(struct syctl *ctl)
{
    struct json_doc *doc = NULL;
    struct buf text;
    struct err err;
    struct str path = arena_printf(ctl->arena, "%s/operator.json", ctl->run_dir);
    FILE *file = fopen(path.ptr, "rb");
    if (file == NULL)
        return;
    (void)fclose(file);
    if (!syctl_read_file(ctl, path.ptr, OPERATOR_FILE_MAX, &text))
        return;
    if (json_parse(buf_str(&text), &doc, &err) == ERR_OK)
        for (size_t i = 0; i < PLACES; i++) {
            struct str value = json_str(json_get(json_root(doc), places[i].member));
            if (*place_of(ctl, i) == NULL && value.len)
                *place_of(ctl, i) = arena_copy(ctl->arena, value).ptr;
        }
    json_doc_free(doc);
    buf_done(&text);
}

/* As the services' --kafka-security-file. */
static bool
security_load(const struct syctl *ctl)
{
    struct err err = {0};
    const char *path = getenv("SY_KAFKA_SECURITY_FILE");
    if (path == NULL || *path == '\0' || kafka_security_load(path, &err) == ERR_OK)
        return true;
    (void)syctl_fail(ctl, "SY_KAFKA_SECURITY_FILE", &err);
    return false;
}

bool
syctl_locate(struct syctl *ctl, unsigned needs)
{
    operator_file_read(ctl);
    for (size_t i = 0; i < PLACES; i++)
        if ((needs & places[i].need) && *place_of(ctl, i) == NULL) {
            struct str hint = arena_printf(ctl->arena, "make up, or --run-dir=DIR, or --%s=...",
                                           places[i].option);
            (void)syctl_problem(ctl, ERR_CONFIG, hint.ptr, "nothing known to run in '%s'",
                                ctl->run_dir);
            return false;
        }
    return !(needs & SYCTL_KAFKA) || security_load(ctl);
}

/* --name or --name=value or --name value of those the whole tool takes. True when it was one;
 * *ret_used is how many arguments it took. */
static bool
common_option(struct syctl *ctl, int argc, char **argv, int at, int *ret_used)
{
    struct str rest = str_of(argv[at] + 2);
    struct str name = str_cut(&rest, '=');
    const char **target = str_eq(name, STR("run-dir")) ? &ctl->run_dir : NULL;
    *ret_used = 1;
    if (str_eq(name, STR("json"))) {
        ctl->json = true;
        return true;
    }
    for (size_t i = 0; i < PLACES; i++)
        if (str_eq_text(name, places[i].option))
            target = place_of(ctl, i);
    if (target == NULL)
        return false;
    if (rest.ptr) {
        *target = rest.ptr;
    } else if (at + 1 < argc) {
        *target = argv[at + 1];
        *ret_used = 2;
    }
    return true;
}

/* An option of the command's own. False when it has none of that name. */
static bool
command_option(struct syctl *ctl, const struct command *command, int argc, char **argv, int at,
               int *ret_used)
{
    struct str rest = str_of(argv[at] + 2);
    struct str name = str_cut(&rest, '=');
    struct str rows = str_of(command->options);
    *ret_used = 1;
    while (rows.len) {
        struct str value = str_cut(&rows, ' ');
        struct str known = str_cut(&value, '=');
        if (!str_eq(name, known) || ctl->option_count == COMMAND_OPTIONS_MAX)
            continue;
        const char *text = rest.ptr ? rest.ptr : "";
        if (value.len && rest.ptr == NULL && at + 1 < argc) {
            text = argv[at + 1];
            *ret_used = 2;
        }
        ctl->options[ctl->option_count].name = arena_copy(ctl->arena, known).ptr;
        ctl->options[ctl->option_count++].value = text;
        return true;
    }
    return false;
}

/* The command that the words begin with; *ret_words is how many name it. */
static const struct command *
command_find(char **words, int count, int *ret_words)
{
    for (size_t i = 0; i < command_count; i++) {
        const struct command *c = &commands[i];
        int length = c->group ? 2 : 1;
        if (count < length || (c->group && strcmp(c->group, words[0]) != 0) ||
            strcmp(c->name, words[length - 1]) != 0)
            continue;
        *ret_words = length;
        return c;
    }
    return NULL;
}

static bool
command_group(const char *word)
{
    for (size_t i = 0; i < command_count; i++)
        if (commands[i].group && strcmp(commands[i].group, word) == 0)
            return true;
    return false;
}

/* How many arguments it takes: all of its words, or without those in brackets. */
static size_t
args_wanted(const struct command *command, bool needed)
{
    size_t count = 0;
    struct str rest = str_of(command->args);
    while (rest.len)
        count += str_cut(&rest, ' ').ptr[0] != '[' || !needed;
    return count;
}

static int
run(struct syctl *ctl, int argc, char **argv)
{
    int used = 1;
    int at = 1;
    for (int i = 1; i < argc; i++) /* also what is wrong with the line itself is told so */
        ctl->json = ctl->json || strcmp(argv[i], "--json") == 0;
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at += used) {
        if (strcmp(argv[at], "--help") == 0) {
            print_help();
            return 0;
        }
        if (strcmp(argv[at], "--version") == 0) {
            printf("syctl %s (%s)\n", SY_VERSION, SY_COMMIT);
            return 0;
        }
        if (!common_option(ctl, argc, argv, at, &used))
            return syctl_usage(ctl, "unknown option '%s'", argv[at]);
    }
    int words = 0;
    const struct command *command = command_find(argv + at, argc - at, &words);
    if (command == NULL && at == argc)
        return syctl_usage(ctl, "missing argument: COMMAND");
    if (command == NULL)
        return syctl_usage(ctl, "%s '%s'",
                           at + 1 == argc && command_group(argv[at]) ? "incomplete command"
                                                                     : "unknown command",
                           argv[at]);
    for (at += words; at < argc; at += used) {
        used = 1;
        if (strcmp(argv[at], "--help") == 0) {
            print_command_help(command);
            return 0;
        }
        if (strncmp(argv[at], "--", 2) == 0) {
            if (!common_option(ctl, argc, argv, at, &used) &&
                !command_option(ctl, command, argc, argv, at, &used))
                return syctl_usage(ctl, "unknown option '%s'", argv[at]);
        } else if (ctl->arg_count == args_wanted(command, false)) {
            return syctl_usage(ctl, "one argument too many: '%s'", argv[at]);
        } else {
            ctl->args[ctl->arg_count++] = argv[at];
        }
    }
    if (ctl->arg_count < args_wanted(command, true))
        return syctl_usage(ctl, "missing argument: %s", command->args);
    return command->run(ctl);
}

int
main(int argc, char **argv)
{
    secrecy_begin();
    const char *run_dir = getenv("RUN_DIR");
    struct syctl ctl = {.run_dir = run_dir && *run_dir ? run_dir : ".run",
                        .arena = arena_new(ARENA_BYTES_MAX)};
    for (size_t i = 0; i < PLACES; i++)
        *place_of(&ctl, i) = getenv(places[i].variable);
    int status = run(&ctl, argc, argv);
    arena_free(ctl.arena);
    if (fflush(stdout) != 0)
        status = 1;
    secrecy_end();
    return status;
}
