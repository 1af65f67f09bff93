/*
 * POST /api/v1/identity/appeals. Who files about somebody is never told whether there is such a
 * person: the application is filed all the same, and the school sees what the roll says.
 */
#include "services/binding/appeal.h"

#include "base/clock.h"
#include "schema/field.h"
#include "schema/json.h"
#include "services/binding/domain.h"
#include "services/binding/limits_redis.h"

struct appeal_body {
    struct str kind;
    struct str school_code;
    const struct json *claims;
    struct str message;
};
static const struct json_row body_rows[] = {
    JSON_ROW(struct appeal_body, kind, JSON_KIND_STR, true),
    JSON_ROW(struct appeal_body, school_code, JSON_KIND_STR, false),
    JSON_ROW(struct appeal_body, claims, JSON_KIND_OBJECT, true),
    JSON_ROW(struct appeal_body, message, JSON_KIND_STR, true),
};

/* One application on its way in. */
struct filing {
    enum appeal_kind kind;
    struct str school_code;
    struct str message;
    struct appeal_claims claims;
    char number[ID_NUMBER_SIZE];
    char document_index[INDEX_HEX_SIZE]; /* empty: it names no document */
};

/* Members of the kind's table, texts all; answers 400 and returns false otherwise. */
static bool
claims_read(struct api_call *call, const struct json *object, struct filing *filing)
{
    for (const struct json *one = json_first(object); one; one = json_next(one)) {
        struct str name = json_name(one);
        const struct appeal_claim *row = appeal_claim_find(filing->kind, name);
        if (row == NULL) {
            api_problem(call, PROBLEM_UNKNOWN_MEMBER, "claims 中有这类申请不需要的成员");
            return false;
        }
        if (json_type(one) != JSON_STRING) {
            api_problem(call, PROBLEM_MALFORMED, "claims 的每个成员都应是文字");
            return false;
        }
        filing->claims.value[row - appeal_kinds[filing->kind].claims] = json_str(one);
    }
    return true;
}

static size_t
add(struct problem_field *errors, size_t count, const char *field, const char *rule,
    const char *message)
{
    errors[count] = (struct problem_field){field, rule, str_of(message)};
    return count + 1;
}

/* The document's type and number belong together. */
static size_t
document_check(struct filing *filing, uint32_t today, struct problem_field *errors, size_t count)
{
    enum id_type type;
    struct str number = appeal_claim(&filing->claims, filing->kind, "id_number");
    if (!id_type_parse(appeal_claim(&filing->claims, filing->kind, "id_type"), &type))
        return add(errors, count, "claims.id_type", "code", "证件类型不在可用的范围内");
    if (id_number_normalise(number, filing->number)) {
        number = str_of(filing->number);
        filing->claims.value[appeal_claim_find(filing->kind, STR("id_number")) -
                             appeal_kinds[filing->kind].claims] = number;
    }
    enum id_fault fault = id_number_check(type, number, today);
    return fault ? add(errors, count, "claims.id_number", "document", id_fault_message(fault))
                 : count;
}

enum { FILING_ERRORS_MAX = APPEAL_CLAIMS_MAX + 4 };

/* Values of the claims by their table. */
static size_t
filing_check(struct api_call *call, struct filing *filing,
             struct problem_field errors[FILING_ERRORS_MAX])
{
    size_t count = 0;
    const struct appeal_claim *rows = appeal_kinds[filing->kind].claims;
    if (!appeal_text_valid(filing->school_code, 10, false))
        count = add(errors, count, "school_code", "length", "请选择学校");
    for (size_t i = 0; i < APPEAL_CLAIMS_MAX && rows[i].name; i++) {
        struct str value = filing->claims.value[i];
        bool needed = rows[i].required || value.len;
        if (!needed || appeal_text_valid(value, rows[i].max, false))
            continue;
        struct str field = arena_printf(call->arena, "claims.%s", rows[i].name);
        struct str text = arena_printf(call->arena, "请填写%s，最多 %u 个字，首尾不要有空格",
                                       rows[i].label, rows[i].max);
        count = add(errors, count, field.ptr, "length", text.ptr);
    }
    if (!appeal_text_valid(filing->message, APPEAL_MESSAGE_MAX, true))
        count = add(errors, count, "message", "length", "请用 1 至 500 个字说明情况");
    if (count)
        return count;
    if (appeal_claim_find(filing->kind, STR("id_number")))
        count = document_check(filing, clock_china_date(call->now_ms), errors, count);
    if (filing->kind == APPEAL_FIELD_CORRECTION &&
        field_find(appeal_claim(&filing->claims, filing->kind, "field")) == NULL)
        count = add(errors, count, "claims.field", "code", "没有这个项目，请从表单中选择");
    return count;
}

static bool
limit_allows(struct api_call *call, const char *what, struct str whose, const struct limit *limit)
{
    struct err err = {0};
    bool within = false;
    unsigned retry_s = 0;
    struct str key = arena_printf(call->arena, "lim:appeal:%s:%.*s", what, STR_ARG(whose));
    if (limit_take(call->worker->redis, key, limit, call->arena, &within, &retry_s, &err))
        api_problem_err(call, "limit not read", &err);
    else if (!within)
        api_problem_retry(call, PROBLEM_TOO_MANY_REQUESTS, retry_s);
    return within;
}

bool
appeal_allowed(struct api_call *call, struct str target)
{
    return limit_allows(call, "account", call->session->account_id, &limit_appeals) &&
           (target.len == 0 || limit_allows(call, "target", target, &limit_appeal_target));
}

bool
appeal_school_known(struct api_call *call, struct str school_code)
{
    struct err err = {0};
    const struct problem_field error = {"school_code", "known",
                                        STR("该学校还没有使用本系统，请核对学校代码")};
    enum err_code code = store_school_known(call->worker->pg, school_code, &err);
    if (code == ERR_NOT_FOUND)
        api_problem_fields(call, PROBLEM_INVALID_VALUE, &error, 1);
    else if (code)
        api_problem_err(call, "school not looked up", &err);
    return code == ERR_OK;
}

/* Whom it is about, and who is to be told of it. */
static enum err_code
filing_target(struct api_call *call, struct filing *filing, struct new_appeal *row, struct err *err)
{
    struct roster_match student;
    if (session_is_bound(call->session)) {
        row->student_id = call->session->student_id;
        return ERR_OK;
    }
    if (filing->document_index[0] == '\0')
        return ERR_OK;
    enum err_code code = appeal_student(
        call->worker->pg, call->worker->service, filing->school_code,
        appeal_claim(&filing->claims, filing->kind, "id_type"),
        appeal_claim(&filing->claims, filing->kind, "id_number"), call->arena, &student, err);
    if (code)
        return code == ERR_NOT_FOUND ? ERR_OK : code;
    row->student_id = student.student_id;
    if (filing->kind != APPEAL_LOST_ACCOUNT)
        return ERR_OK;
    return store_binding_owner(call->worker->pg, student.student_id, call->arena, &row->told_owner,
                               err);
}

static void
filing_store(struct api_call *call, struct filing *filing)
{
    struct err err = {0};
    char id[SUBMISSION_ID_SIZE];
    uuid_random(id);
    struct sealer *sealer = call->worker->sealer;
    struct new_appeal row = {
        .appeal_id = str_of(id),
        .account_id = call->session->account_id,
        .school_code = filing->school_code,
        .kind = filing->kind,
        .subject = appeal_claim(&filing->claims, filing->kind, "field"),
        .claims_sealed =
            appeal_claims_seal(sealer, str_of(id), filing->kind, &filing->claims, call->arena),
        .message_sealed =
            seal_text(sealer, filing->message, appeal_context(call->arena, str_of(id), "message"),
                      call->arena),
        .traceparent = trace_parent(&call->trace),
    };
    enum err_code code = filing_target(call, filing, &row, &err);
    if (code == ERR_OK)
        code = store_appeal_add(call->worker->pg, &row, NULL, &err);
    if (code == ERR_DUPLICATE)
        api_problem(call, PROBLEM_APPEAL_OPEN, NULL);
    else if (code)
        api_problem_err(call, "application not filed", &err);
    else
        appeal_answer(call, 201, row.appeal_id);
}

static void
filing_run(struct api_call *call, struct filing *filing)
{
    struct problem_field errors[FILING_ERRORS_MAX];
    size_t wrong = filing_check(call, filing, errors);
    if (wrong) {
        api_problem_fields(call, PROBLEM_INVALID_VALUE, errors, wrong);
        return;
    }
    if (appeal_claim_find(filing->kind, STR("id_number")))
        document_index_of(call->worker->service,
                          appeal_claim(&filing->claims, filing->kind, "id_type"),
                          appeal_claim(&filing->claims, filing->kind, "id_number"), call->arena,
                          filing->document_index);
    if (!appeal_school_known(call, filing->school_code) ||
        !appeal_allowed(call, str_of(filing->document_index)))
        return;
    if (appeal_kinds[filing->kind].by == APPEAL_BY_UNBOUND && session_is_bound(call->session))
        api_problem(call, PROBLEM_ALREADY_BOUND, "本账号已经绑定学籍，不需要这项申请");
    else
        filing_store(call, filing);
}

void
appeal_post(struct api_call *call)
{
    struct appeal_body body = {.kind = STR_NONE};
    struct filing *filing = arena_alloc(call->arena, sizeof *filing);
    const struct problem_field error = {"kind", "code", STR("没有这类申请，请从列表中选择")};
    if (!api_read_body(call, body_rows, sizeof body_rows / sizeof body_rows[0], &body))
        return;
    if (!appeal_kind_parse(body.kind, &filing->kind) ||
        appeal_kinds[filing->kind].by == APPEAL_BY_ITSELF) {
        api_problem_fields(call, PROBLEM_INVALID_VALUE, &error, 1);
        return;
    }
    filing->message = body.message;
    filing->school_code =
        session_is_bound(call->session) ? call->session->school_code : body.school_code;
    if (!claims_read(call, body.claims, filing))
        return;
    if (appeal_kinds[filing->kind].by == APPEAL_BY_BOUND && !session_is_bound(call->session))
        api_problem(call, PROBLEM_BINDING_REQUIRED, NULL);
    else
        filing_run(call, filing);
}
