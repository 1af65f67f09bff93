/* What several calls need: who may see what, parameters, reasons, history. */
#include "base/clock.h"
#include "services/office/domain.h"
#include "services/office/service.h"

bool
scope_of(struct api_call *call, struct scope *ret_scope)
{
    const struct staff *staff = call->staff;
    bool of_college = staff->role == STAFF_COUNSELLOR || staff->role == STAFF_COLLEGE;
    bool of_school = of_college || staff->role == STAFF_SCHOOL;
    /* An account without what its role is for sees nothing, rather than everything. */
    if ((of_school && staff->school_code.len == 0) || (of_college && staff->college.len == 0)) {
        api_problem(call, PROBLEM_FORBIDDEN, NULL);
        return false;
    }
    *ret_scope = (struct scope){
        .school_code = of_school ? staff->school_code : STR(""),
        .college = of_college ? staff->college : STR(""),
    };
    return true;
}

void
answer_field(struct api_call *call, const char *field, const char *rule, struct str message)
{
    const struct problem_field error = {field, rule, message};
    api_problem_fields(call, PROBLEM_INVALID_VALUE, &error, 1);
}

bool
query_read(struct api_call *call, const char *name, size_t length_max, struct str *ret_value)
{
    bool malformed = false;
    struct str value = api_query(call, name, &malformed);
    if (malformed || !utf8_is_text(value)) {
        api_problem(call, PROBLEM_MALFORMED, NULL);
        return false;
    }
    if (utf8_length(value) > length_max) {
        answer_field(call, name, "length", STR("内容过长"));
        return false;
    }
    *ret_value = value;
    return true;
}

bool
school_of(struct api_call *call, const struct scope *scope, struct str *ret_school,
          struct str *ret_campaign)
{
    struct err err = {0};
    struct str school;
    if (!query_read(call, "school_code", SCHOOL_LENGTH_MAX, &school) ||
        !query_read(call, "campaign_id", CAMPAIGN_LENGTH_MAX, ret_campaign))
        return false;
    if (scope->school_code.len && school.len && !str_eq(school, scope->school_code)) {
        api_problem(call, PROBLEM_NOT_FOUND, NULL);
        return false;
    }
    *ret_school = scope->school_code.len ? scope->school_code : school;
    if (ret_school->len == 0) {
        answer_field(call, "school_code", "required", STR("请选择学校"));
        return false;
    }
    if (ret_campaign->len)
        return true;
    enum err_code code =
        store_campaign_of_school(call->worker->pg, *ret_school, call->arena, ret_campaign, &err);
    if (code == ERR_NOT_FOUND)
        api_problem(call, PROBLEM_NOT_FOUND, NULL);
    else if (code)
        api_problem_err(call, "campaign not read", &err);
    return code == ERR_OK;
}

static struct str
reason_context(struct api_call *call, struct str student_id, struct str submission_id)
{
    return arena_printf(call->arena, "reason/%.*s/%.*s", STR_ARG(student_id),
                        STR_ARG(submission_id));
}

enum err_code
reason_open(struct api_call *call, struct str student_id, struct str submission_id,
            struct str *value, struct err *err)
{
    if (value->len == 0)
        return ERR_OK;
    return seal_open(call->worker->sealer, *value, reason_context(call, student_id, submission_id),
                     call->arena, value, err);
}

struct str
reason_seal(struct api_call *call, struct str student_id, struct str submission_id, struct str text)
{
    if (text.len == 0)
        return STR_NONE;
    return seal_text(call->worker->sealer, text, reason_context(call, student_id, submission_id),
                     call->arena);
}

void
member_time(struct jsonw *w, const char *name, int64_t time_ms)
{
    char text[CLOCK_RFC3339_SIZE];
    jsonw_key(w, name);
    if (time_ms)
        jsonw_text(w, clock_format_rfc3339(time_ms, text));
    else
        jsonw_null(w);
}

void
member_optional(struct jsonw *w, const char *name, struct str value)
{
    jsonw_key(w, name);
    if (value.len)
        jsonw_str(w, value);
    else
        jsonw_null(w);
}

void
member_reason(struct jsonw *w, struct str reason_code, struct str reason)
{
    const struct review_reason *known = review_reason_find(reason_code);
    member_optional(w, "reason_code", reason_code);
    member_optional(w, "reason_text", known ? str_of(known->text) : STR_NONE);
    member_optional(w, "reason", reason);
}

enum err_code
history_write(struct api_call *call, struct jsonw *w, struct str student_id, struct str campaign_id,
              struct err *err)
{
    enum { AT, EVENT, SUBMISSION, REVISION, FROM, TO, LEVEL, REASON_CODE, REASON };
    CLEANUP(pg_result_free) struct pg_result *rows = NULL;
    enum err_code code = store_history(call->worker->pg, student_id, campaign_id, &rows, err);
    if (code)
        return code;
    jsonw_key(w, "history");
    jsonw_array_open(w);
    for (size_t i = 0; i < pg_rows(rows); i++) {
        struct str reason = pg_str(rows, i, REASON);
        code = reason_open(call, student_id, pg_str(rows, i, SUBMISSION), &reason, err);
        if (code)
            return code;
        jsonw_object_open(w);
        member_time(w, "at", pg_int(rows, i, AT, 0));
        jsonw_member(w, "event", pg_str(rows, i, EVENT));
        jsonw_member(w, "submission_id", pg_str(rows, i, SUBMISSION));
        jsonw_member_int(w, "revision", pg_int(rows, i, REVISION, 0));
        jsonw_member(w, "by_level", pg_str(rows, i, LEVEL));
        member_optional(w, "from", pg_str(rows, i, FROM));
        member_optional(w, "to", pg_str(rows, i, TO));
        member_reason(w, pg_str(rows, i, REASON_CODE), reason);
        jsonw_object_close(w);
    }
    jsonw_array_close(w);
    return ERR_OK;
}
