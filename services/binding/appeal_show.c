/* Applications as they are shown to who filed them: GET one and all, cancelling, and notices. */
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "services/binding/appeal.h"

struct told_row {
    const char *word;
    const char *text;
};
/* clang-format off */
/* What became of an accepted application, where that is not what its kind says. */
static const struct told_row outcomes[] = {
    {"bound",         "学校已确认，学籍绑定已完成"},
    {"already-bound", "学校已确认，但该学籍或本账号已经绑定；如非本人操作，请提交“原账号无法使用”申请"},
    {"no-match",      "学校已确认，但学籍中还没有与申请一致的记录，请联系学校就业部门"},
    {"not-bound",     "该账号此前已经解除绑定"},
};
static const struct told_row notices[] = {
    {"release_asked", "有人以您的身份向学校申请解除原账号的绑定。如不是您本人，请立即联系学校就业部门"},
    {"unbound",       "学校已解除本账号与学籍的绑定。如不是您本人申请，请立即联系学校就业部门"},
    {"bound",         "学校已确认您的身份，本账号已绑定学籍"},
};
/* clang-format on */

static const char *
told_of(const struct told_row *rows, size_t count, struct str word)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq_text(word, rows[i].word))
            return rows[i].text;
    return NULL;
}

static void
member_time(struct jsonw *w, const char *key, int64_t time_ms)
{
    char time[CLOCK_RFC3339_SIZE];
    jsonw_member_text(w, key, time_ms ? clock_format_rfc3339(time_ms, time) : NULL);
}

static enum err_code
part_open(struct api_call *call, const struct appeal *appeal, const char *part, struct str sealed,
          struct str *ret_plain, struct err *err)
{
    if (sealed.len == 0)
        return ERR_OK;
    return seal_open(call->worker->sealer, sealed,
                     appeal_context(call->arena, appeal->appeal_id, part), call->arena, ret_plain,
                     err);
}

static enum err_code
appeal_write(struct api_call *call, struct jsonw *w, const struct appeal *appeal, struct err *err)
{
    enum appeal_kind kind = APPEAL_KIND_COUNT_;
    enum appeal_state state = APPEAL_STATE_COUNT_;
    struct str claims = STR_NONE;
    struct str message = STR_NONE;
    struct str reason = STR_NONE;
    if (!appeal_kind_parse(appeal->kind, &kind) || !appeal_state_parse(appeal->state, &state))
        return ERR(err, ERR_INTERNAL, "kind or state of an application is not known");
    enum err_code code = part_open(call, appeal, "claims", appeal->claims_sealed, &claims, err);
    if (code == ERR_OK)
        code = part_open(call, appeal, "message", appeal->message_sealed, &message, err);
    if (code == ERR_OK)
        code = part_open(call, appeal, "reason", appeal->reason_sealed, &reason, err);
    if (code)
        return code;
    const char *told = told_of(outcomes, sizeof outcomes / sizeof outcomes[0], appeal->outcome);
    jsonw_object_open(w);
    jsonw_member(w, "appeal_id", appeal->appeal_id);
    jsonw_member(w, "kind", appeal->kind);
    jsonw_member_text(w, "title", appeal_kinds[kind].title);
    jsonw_member(w, "school_code", appeal->school_code);
    jsonw_member(w, "state", appeal->state);
    jsonw_member_text(w, "told", told ? told : appeal_told(kind, state));
    jsonw_member_text(w, "reason", reason.len ? reason.ptr : NULL);
    jsonw_key(w, "claims");
    jsonw_raw(w, claims);
    jsonw_member(w, "message", message);
    jsonw_member_int(w, "evidence", appeal->evidence);
    member_time(w, "created_at", appeal->created_at_ms);
    member_time(w, "decided_at", appeal->decided_at_ms);
    jsonw_key(w, "history");
    jsonw_raw(w, appeal->history);
    jsonw_object_close(w);
    return ERR_OK;
}

void
appeal_answer(struct api_call *call, unsigned status, struct str appeal_id)
{
    struct err err = {0};
    struct appeal appeal;
    struct buf body;
    enum err_code code = store_appeal_get(call->worker->pg, appeal_id, call->session->account_id,
                                          call->arena, &appeal, &err);
    if (code == ERR_NOT_FOUND) {
        api_problem(call, PROBLEM_NOT_FOUND, NULL);
        return;
    }
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    if (code == ERR_OK)
        code = appeal_write(call, &w, &appeal, &err);
    if (code)
        api_problem_err(call, "application not shown", &err);
    else
        api_reply_json(call, status, buf_str(&body));
    buf_done(&body);
}

void
appeal_get(struct api_call *call)
{
    if (uuid_valid(call->args[0]))
        appeal_answer(call, 200, call->args[0]);
    else
        api_problem(call, PROBLEM_NOT_FOUND, NULL);
}

void
appeal_list(struct api_call *call)
{
    struct err err = {0};
    struct appeal *appeals = arena_alloc(call->arena, APPEALS_SHOWN_MAX * sizeof *appeals);
    size_t count = 0;
    struct buf body;
    enum err_code code = store_appeal_list(call->worker->pg, call->session->account_id, call->arena,
                                           appeals, &count, &err);
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_key(&w, "appeals");
    jsonw_array_open(&w);
    for (size_t i = 0; code == ERR_OK && i < count; i++)
        code = appeal_write(call, &w, &appeals[i], &err);
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    if (code)
        api_problem_err(call, "applications not shown", &err);
    else
        api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}

void
appeal_cancel(struct api_call *call)
{
    struct err err = {0};
    struct appeal appeal;
    struct str appeal_id = call->args[0];
    struct str account_id = call->session->account_id;
    enum err_code code =
        uuid_valid(appeal_id)
            ? store_appeal_get(call->worker->pg, appeal_id, account_id, call->arena, &appeal, &err)
            : ERR_NOT_FOUND;
    if (code == ERR_OK)
        code = store_appeal_cancel(call->worker->pg, appeal_id, account_id, &err);
    if (code == ERR_NOT_FOUND)
        api_problem(call, PROBLEM_NOT_FOUND, NULL);
    else if (code == ERR_DUPLICATE)
        api_problem(call, PROBLEM_APPEAL_CLOSED, NULL);
    else if (code)
        api_problem_err(call, "application not cancelled", &err);
    else
        appeal_answer(call, 200, appeal_id);
}

void
notice_get(struct api_call *call)
{
    struct err err = {0};
    struct notice *rows = arena_alloc(call->arena, APPEALS_SHOWN_MAX * sizeof *rows);
    size_t count = 0;
    struct buf body;
    if (store_notice_list(call->worker->pg, call->session->account_id, call->arena, rows, &count,
                          &err)) {
        api_problem_err(call, "notices not read", &err);
        return;
    }
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_key(&w, "notices");
    jsonw_array_open(&w);
    for (size_t i = 0; i < count; i++) {
        jsonw_object_open(&w);
        jsonw_member(&w, "kind", rows[i].kind);
        jsonw_member_text(&w, "text",
                          told_of(notices, sizeof notices / sizeof notices[0], rows[i].kind));
        member_time(&w, "at", rows[i].created_at_ms);
        jsonw_object_close(&w);
    }
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}
