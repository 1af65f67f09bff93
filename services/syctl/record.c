/* record show: what became of the submissions of one student. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/keyring.h"
#include "io/seal.h"
#include "runtime/event.h"
#include "schema/json.h"
#include "services/syctl/record.h"
#include "syctl_sql.h"

enum { READ_TIMEOUT_MS = 10000, RECORD_TEXT_MAX = 4 * 1024 * 1024 };

enum err_code
judgements_get(const struct syctl *ctl, struct pg **ret_pg, struct pg_result **ret_result,
               struct err *err)
{
    struct str id = str_of(ctl->args[0]);
    if (!uuid_valid(id))
        return ERR(err, ERR_INVALID, "'%.60s' is no submission id", ctl->args[0]);
    *ret_pg = pg_new(&(struct pg_conf){ctl->monitor_dsn, "syctl", READ_TIMEOUT_MS, PG_BY_KEY});
    enum err_code code = pg_ready(*ret_pg, err);
    return code ? code : pg_exec(*ret_pg, &SQL_JUDGEMENT_GET, &PG_STR(id), 1, ret_result, err);
}

/* Members of a JSON object of texts, one a line, with the sealed ones only named as such. */
static void
fields_print(struct str json)
{
    struct json_doc *doc = NULL;
    if (json_parse(json, &doc, NULL))
        return;
    for (const struct json *member = json_first(json_root(doc)); member;
         member = json_next(member)) {
        struct str value = json_str(member);
        char name[32];
        (void)snprintf(name, sizeof name, "%.*s", STR_ARG(json_name(member)));
        for (char *c = name; *c; c++)
            *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
        if (seal_key_id(value).len)
            printf("    %-14s sealed, key %.*s\n", name, STR_ARG(seal_key_id(value)));
        else
            printf("    %-14s %.*s\n", name, STR_ARG(value));
    }
    json_doc_free(doc);
}

void
judgement_print(const struct pg_result *r, size_t row)
{
    printf("%s revision %.*s  %.*s%s\n", row ? "\n" : "", STR_ARG(pg_str(r, row, J_REVISION)),
           STR_ARG(pg_str(r, row, J_OUTCOME)),
           pg_bool(r, row, J_IS_RECORD) ? "  <- the record" : "");
    static const struct {
        const char *label;
        int column;
    } lines[] = {
        {"submission", J_SUBMISSION_ID},
        {"student", J_STUDENT_ID},
        {"document", J_SFZH_MASKED},
        {"XH", J_XH},
        {"school", J_YXMC},
        {"college", J_SZYX},
        {"campaign", J_CAMPAIGN_ID},
        {"received", J_RECEIVED_AT},
        {"judged", J_JUDGED_AT},
        {"partition", J_PARTITION},
        {"offset", J_OFFSET},
        {"traceparent", J_TRACEPARENT},
        {"rules", J_RULES_EDITION},
        {"findings", J_FINDINGS},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        printf("  %-12s %.*s\n", lines[i].label, STR_ARG(pg_str(r, row, lines[i].column)));
    printf("  fields\n");
    fields_print(pg_str(r, row, J_FIELDS));
}

void
judgement_json(const struct pg_result *r, size_t row, struct jsonw *w)
{
    jsonw_object_open(w);
    jsonw_member(w, "submission_id", pg_str(r, row, J_SUBMISSION_ID));
    jsonw_member(w, "student_id", pg_str(r, row, J_STUDENT_ID));
    jsonw_member(w, "campaign_id", pg_str(r, row, J_CAMPAIGN_ID));
    jsonw_member_int(w, "revision", pg_int(r, row, J_REVISION, 0));
    jsonw_member(w, "outcome", pg_str(r, row, J_OUTCOME));
    jsonw_member_bool(w, "is_record", pg_bool(r, row, J_IS_RECORD));
    jsonw_member(w, "idempotency_key", pg_str(r, row, J_IDEMPOTENCY_KEY));
    jsonw_member(w, "received_at", pg_str(r, row, J_RECEIVED_AT));
    jsonw_member(w, "judged_at", pg_str(r, row, J_JUDGED_AT));
    jsonw_member_int(w, "roster_version", pg_int(r, row, J_ROSTER_VERSION, 0));
    jsonw_member_int(w, "campaign_version", pg_int(r, row, J_CAMPAIGN_VERSION, 0));
    jsonw_member(w, "rules_edition", pg_str(r, row, J_RULES_EDITION));
    jsonw_member(w, "traceparent", pg_str(r, row, J_TRACEPARENT));
    jsonw_member_int(w, "partition", pg_int(r, row, J_PARTITION, -1));
    jsonw_member_int(w, "offset", pg_int(r, row, J_OFFSET, -1));
    jsonw_key(w, "findings");
    jsonw_raw(w, pg_str(r, row, J_FINDINGS));
    jsonw_key(w, "fields");
    jsonw_raw(w, pg_str(r, row, J_FIELDS));
    jsonw_object_close(w);
}

static void
judgements_print(const struct syctl *ctl, const struct pg_result *result)
{
    struct buf out;
    if (!ctl->json) {
        for (size_t row = 0; row < pg_rows(result); row++)
            judgement_print(result, row);
        return;
    }
    buf_init(&out, RECORD_TEXT_MAX);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    jsonw_key(&w, "judgements");
    jsonw_array_open(&w);
    for (size_t row = 0; row < pg_rows(result); row++)
        judgement_json(result, row, &w);
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    syctl_print(&out);
    buf_done(&out);
}

int
record_show_run(struct syctl *ctl)
{
    struct pg *pg = NULL;
    struct pg_result *result = NULL;
    struct err err = {0};
    int status = 0;
    if (!syctl_locate(ctl, SYCTL_MONITOR))
        return 2;
    if (judgements_get(ctl, &pg, &result, &err)) {
        status = syctl_fail(ctl, "record show", &err);
    } else if (pg_rows(result) == 0) {
        struct str hint = arena_printf(ctl->arena, "syctl why %s", ctl->args[0]);
        status = syctl_problem(ctl, ERR_NOT_FOUND, hint.ptr, "no judgement of '%s'", ctl->args[0]);
    } else {
        judgements_print(ctl, result);
    }
    pg_result_free(result);
    pg_free(pg);
    return status;
}
