/* lag and doctor: how far behind consumers are, and whether every part is fit. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "io/kafka.h"
#include "io/keyring.h"
#include "io/pg.h"
#include "runtime/preflight.h"
#include "schema/appeal_event.h"
#include "schema/identity_event.h"
#include "schema/json.h"
#include "schema/review_event.h"
#include "schema/submission_event.h"
#include "schema/topic.h"
#include "services/syctl/processes.h"
#include "syctl_sql.h"

enum { DOCTOR_TIMEOUT_MS = 5000, DOCTOR_TEXT_MAX = 1024 * 1024, OUTBOX_OLD_S = 30, TRIES_MANY = 3 };

static const struct {
    const char *group;
    const char *topic;
} consumers[] = {
    {"validation", TOPIC_SUBMISSION_RECEIVED}, {"notification", TOPIC_SUBMISSION_JUDGED},
    {"notification", TOPIC_REVIEW_DECIDED},    {"notification", TOPIC_APPEAL_DECIDED},
    {"authorization", TOPIC_IDENTITY_CHANGED},
};

static int64_t
range_lag(const struct kafka_range *range)
{
    int64_t from = range->committed >= 0 ? range->committed : range->begin;
    return range->end > from ? range->end - from : 0;
}

int
lag_run(struct syctl *ctl)
{
    static struct kafka_range ranges[KAFKA_PARTITIONS_MAX];
    struct err err = {0};
    struct buf out;
    if (!syctl_locate(ctl, SYCTL_KAFKA))
        return 2;
    buf_init(&out, DOCTOR_TEXT_MAX);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    jsonw_key(&w, "groups");
    jsonw_array_open(&w);
    for (size_t i = 0; i < sizeof consumers / sizeof consumers[0]; i++) {
        size_t count = 0;
        int64_t total = 0;
        if (kafka_topic_ranges(ctl->kafka_bootstrap, consumers[i].topic, consumers[i].group,
                               DOCTOR_TIMEOUT_MS, ranges, &count, &err)) {
            buf_done(&out);
            return syctl_fail(ctl, "lag", &err);
        }
        jsonw_object_open(&w);
        jsonw_member_text(&w, "group", consumers[i].group);
        jsonw_member_text(&w, "topic", consumers[i].topic);
        jsonw_key(&w, "partitions");
        jsonw_array_open(&w);
        for (size_t p = 0; p < count; p++) {
            total += range_lag(&ranges[p]);
            jsonw_object_open(&w);
            jsonw_member_int(&w, "partition", ranges[p].partition);
            jsonw_member_int(&w, "end", ranges[p].end);
            jsonw_member_int(&w, "committed", ranges[p].committed);
            jsonw_member_int(&w, "lag", range_lag(&ranges[p]));
            jsonw_object_close(&w);
        }
        jsonw_array_close(&w);
        jsonw_member_int(&w, "lag", total);
        jsonw_object_close(&w);
        if (!ctl->json) {
            printf("%-14s %-22s lag %" PRId64 " (", consumers[i].group, consumers[i].topic, total);
            for (size_t p = 0; p < count; p++)
                printf("%s%" PRId64, p ? " " : "", range_lag(&ranges[p]));
            printf(")\n");
        }
    }
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    if (ctl->json)
        syctl_print(&out);
    buf_done(&out);
    return 0;
}

/* --- doctor --- */

struct doctor {
    struct syctl *ctl;
    struct jsonw json;
    int wrong;
};

static void
finding(struct doctor *doctor, const char *part, bool fit, const char *text, const char *hint)
{
    doctor->wrong += !fit;
    jsonw_object_open(&doctor->json);
    jsonw_member_text(&doctor->json, "part", part);
    jsonw_member_bool(&doctor->json, "ok", fit);
    jsonw_member_text(&doctor->json, "text", text);
    jsonw_member_text(&doctor->json, "hint", fit ? "" : hint);
    jsonw_object_close(&doctor->json);
    if (doctor->ctl->json)
        return;
    printf("[%s] %-16s %s\n", fit ? "ok" : "!!", part, text);
    if (!fit)
        printf("     HINT: %s\n", hint);
}

static void
check_topics(struct doctor *doctor)
{
    static struct kafka_range ranges[KAFKA_PARTITIONS_MAX];
    struct syctl *ctl = doctor->ctl;
    for (size_t i = 0; i < topic_count; i++) {
        char text[ERR_TEXT_SIZE];
        struct err err = {0};
        size_t count = 0;
        int64_t messages = 0;
        enum err_code code = kafka_topic_ranges(ctl->kafka_bootstrap, topics[i].name, NULL,
                                                DOCTOR_TIMEOUT_MS, ranges, &count, &err);
        for (size_t p = 0; p < count; p++)
            messages += ranges[p].end - ranges[p].begin;
        bool dead = str_ends(str_of(topics[i].name), STR(".dlq"));
        (void)snprintf(text, sizeof text, "%s: %zu partitions, %" PRId64 " messages",
                       topics[i].name, count, messages);
        if (code)
            finding(doctor, "kafka", false, err.text, "is the broker up? syctl topics apply");
        else if (count != (size_t)topics[i].partitions)
            finding(doctor, "kafka", false, text,
                    "the number of partitions differs from the table");
        else
            finding(doctor, "kafka", !dead || messages == 0, text, "syctl dlq list");
        if (code == ERR_UNAVAILABLE)
            return;
    }
}

static void
check_postgres(struct doctor *doctor)
{
    char text[ERR_TEXT_SIZE];
    struct err err = {0};
    struct pg_result *r = NULL;
    struct pg *pg =
        pg_new(&(struct pg_conf){doctor->ctl->monitor_dsn, "syctl", DOCTOR_TIMEOUT_MS, PG_ANY_WAY});
    enum err_code code = pg_ready(pg, &err);
    if (code == ERR_OK)
        code = pg_exec(pg, &SQL_HEALTH, NULL, 0, &r, &err);
    if (code) {
        finding(doctor, "postgres", false, err.text,
                "is the server up? deploy/db/migrate.sh --check");
    } else {
        (void)snprintf(text, sizeof text, "%" PRId64 " migrations, the last is %.*s",
                       pg_int(r, 0, 0, 0), STR_ARG(pg_str(r, 0, 1)));
        finding(doctor, "postgres", true, text, "");
        (void)snprintf(text, sizeof text,
                       "%" PRId64 " rows not yet published, the oldest for %" PRId64 " s",
                       pg_int(r, 0, 2, 0), pg_int(r, 0, 3, 0));
        finding(doctor, "outbox", pg_int(r, 0, 3, 0) < OUTBOX_OLD_S, text, "does binding run?");
        (void)snprintf(text, sizeof text, "%" PRId64 " open", pg_int(r, 0, 4, 0));
        finding(doctor, "campaigns", pg_int(r, 0, 4, 0) > 0, text, "nobody can submit now");
    }
    pg_result_free(r);
    pg_free(pg);
}

/* What services are told and syctl has no use for: from the environment, as they have it. */
static const struct {
    const char *option;
    const char *variable;
    bool platform;
} service_options[] = {
    {"kafka-security-file", "SY_KAFKA_SECURITY_FILE", false},
    {"wechat-base-url", "SY_WECHAT_BASE_URL", true},
    {"wechat-appid", "SY_WECHAT_APPID", true},
    {"wechat-h5-appid", "SY_WECHAT_H5_APPID", true},
    {"wechat-secret-file", "SY_WECHAT_SECRET_FILE", true},
    {"wechat-h5-secret-file", "SY_WECHAT_H5_SECRET_FILE", true},
    {"sms-base-url", "SY_SMS_BASE_URL", true},
    {"sms-secret-id", "SY_SMS_SECRET_ID", true},
    {"sms-secret-key-file", "SY_SMS_SECRET_KEY_FILE", true},
};

/* Whether anything about platforms was among them. */
static bool
preflight_add_services(struct preflight *preflight)
{
    bool platforms = false;
    for (size_t i = 0; i < sizeof service_options / sizeof service_options[0]; i++) {
        const char *value = getenv(service_options[i].variable);
        preflight_add(preflight, service_options[i].option, value);
        platforms = platforms || (service_options[i].platform && value && *value);
    }
    return platforms;
}

/* The checks that services make before they start. In the profile demo only those that hold there.
 */
static void
check_preflight(struct doctor *doctor)
{
    struct preflight preflight = {0};
    const char *profile = syctl_option(doctor->ctl, "profile");
    bool production = profile && strcmp(profile, "production") == 0;
    preflight_add(&preflight, "keys-file", doctor->ctl->keys_file);
    preflight_add(&preflight, "pg-dsn", doctor->ctl->monitor_dsn);
    preflight_add(&preflight, "kafka-bootstrap", doctor->ctl->kafka_bootstrap);
    preflight_add(&preflight, "redis-url", doctor->ctl->redis_url);
    preflight_add(&preflight, "redis-password-file", doctor->ctl->redis_password_file);
    bool platforms = preflight_add_services(&preflight);
    for (size_t i = 0; i < preflight_row_count; i++) {
        const struct preflight_row *row = &preflight_rows[i];
        struct err err = {0};
        if (!preflight_applies(row, &preflight, production))
            continue;
        if (!platforms && strcmp(row->name, "platforms") == 0) {
            finding(doctor, row->name, true,
                    "not looked at: no SY_WECHAT_… or SY_SMS_… in the environment", "");
            continue;
        }
        bool fit = row->check(&preflight, &err) == ERR_OK;
        char *hint = strstr(err.text, "; HINT: ");
        if (hint)
            *hint = '\0';
        finding(doctor, row->name, fit, fit ? "as it should be" : err.text,
                hint ? hint + strlen("; HINT: ") : "is the server up?");
    }
}

/* Which key seals; the rest of the file is a check of the start. */
static void
check_keys(struct doctor *doctor)
{
    struct err err = {0};
    struct keyring *keyring = NULL;
    if (keyring_load(doctor->ctl->keys_file, &keyring, &err))
        finding(doctor, "keys", false, err.text, "mend the key file");
    else
        finding(doctor, "keys", true, keyring_active_id(keyring), "");
    keyring_free(keyring);
}

static void
check_ready(const struct process_answer *answer, void *ctx)
{
    struct doctor *doctor = ctx;
    if (answer->status == 0) {
        finding(doctor, answer->name.ptr, false, answer->err->text,
                "does it run? look into its log");
        return;
    }
    struct str text = arena_copy(doctor->ctl->arena, answer->body);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\n')
            ((char *)(uintptr_t)text.ptr)[i] = ' ';
    finding(doctor, answer->name.ptr, answer->status == 200, text.ptr ? text.ptr : "",
            "look into its log");
}

/* A batch that is tried again and again, and loops that do not turn. */
static void
check_status(const struct process_answer *answer, void *ctx)
{
    struct doctor *doctor = ctx;
    struct json_doc *doc = NULL;
    struct err err = {0};
    char text[ERR_TEXT_SIZE];
    if (answer->status != 200 || json_parse(answer->body, &doc, &err))
        return; /* told by check_ready already */
    const struct json *work = json_get(json_root(doc), "work");
    int64_t tries = json_int(json_get(work, "tries"), 0);
    if (tries >= TRIES_MANY) {
        (void)snprintf(text, sizeof text, "a batch failed %" PRId64 " times at %.*s: %.*s", tries,
                       STR_ARG(json_str(json_get(work, "stage"))),
                       STR_ARG(json_str(json_get(work, "text"))));
        finding(doctor, answer->name.ptr, false, text,
                "mend the part that the error names; it goes on by itself");
    }
    for (const struct json *l = json_first(json_get(json_root(doc), "loops")); l; l = json_next(l))
        if (json_bool(json_get(l, "stuck"))) {
            (void)snprintf(text, sizeof text, "its loop '%.*s' does not turn any more",
                           STR_ARG(json_str(json_get(l, "name"))));
            finding(doctor, answer->name.ptr, false, text, "docs/runbook/LoopStuck.md");
        }
    json_doc_free(doc);
}

int
doctor_run(struct syctl *ctl)
{
    struct buf out;
    struct doctor doctor = {.ctl = ctl};
    if (!syctl_locate(ctl, SYCTL_KAFKA | SYCTL_MONITOR | SYCTL_KEYS))
        return 2;
    buf_init(&out, DOCTOR_TEXT_MAX);
    doctor.json = jsonw_on(&out);
    jsonw_object_open(&doctor.json);
    jsonw_key(&doctor.json, "checks");
    jsonw_array_open(&doctor.json);
    check_keys(&doctor);
    check_preflight(&doctor);
    check_postgres(&doctor);
    check_topics(&doctor);
    (void)processes_ask(ctl, "/readyz", check_ready, &doctor);
    (void)processes_ask(ctl, "/status", check_status, &doctor);
    jsonw_array_close(&doctor.json);
    jsonw_member_int(&doctor.json, "wrong", doctor.wrong);
    jsonw_object_close(&doctor.json);
    if (ctl->json)
        syctl_print(&out);
    buf_done(&out);
    return doctor.wrong ? 1 : 0;
}
