/* GET and PUT /api/v1/draft: what was typed, kept sealed, replaced as a whole, never judged. */
#include <inttypes.h>
#include <stdio.h>

#include "base/jsonw.h"
#include "base/limits.h"
#include "services/intake/domain.h"
#include "services/intake/draft.h"
#include "services/intake/service.h"

enum { DRAFT_ETAG_SIZE = 32 };

struct draft_body {
    const struct json *fields;
};
static const struct json_row body_rows[] = {
    JSON_ROW(struct draft_body, fields, JSON_KIND_OBJECT, true),
};

static struct str
draft_context(const struct api_call *call)
{
    return arena_printf(call->arena, "%.*s/draft", STR_ARG(call->session->student_id));
}

static void
fields_write(struct jsonw *w, const struct str value[FIELD_COUNT_])
{
    jsonw_object_open(w);
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        if (value[i].len)
            jsonw_member(w, fields[i].name, value[i]);
    jsonw_object_close(w);
}

enum err_code
draft_load(struct api_call *call, struct str campaign_id, int64_t *ret_version,
           struct str ret_value[FIELD_COUNT_], struct err *err)
{
    struct draft draft;
    struct str plain;
    const struct json *root = NULL;
    struct fields_read *read = arena_alloc(call->arena, sizeof *read);
    enum err_code code = store_draft_get(call->worker->pg, call->session->student_id, campaign_id,
                                         call->arena, &draft, err);
    if (code)
        return code;
    *ret_version = draft.version;
    if (draft.version == 0)
        return ERR_OK;
    code = seal_open(call->worker->sealer, draft.fields_sealed, draft_context(call), call->arena,
                     &plain, err);
    if (code == ERR_OK)
        code = json_parse_in(call->arena, plain, &root, err);
    if (code)
        return err_wrap(err, "draft cannot be read");
    fields_read_object(root, 0, read);
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        ret_value[i] = read->value[i];
    return ERR_OK;
}

static void
draft_reply(struct api_call *call, int64_t version, const struct str value[FIELD_COUNT_])
{
    struct buf body;
    char etag[DRAFT_ETAG_SIZE];
    (void)snprintf(etag, sizeof etag, "\"draft-%" PRId64 "\"", version);
    const struct http_header headers[] = {
        {"ETag", etag}, {"Cache-Control", "private, no-cache"}, {NULL, NULL}};
    if (http_request_method(call->request) != HTTP_PUT &&
        etag_listed(api_header(call, "If-None-Match"), etag)) {
        api_reply_headers(call, 304, headers, STR_NONE);
        return;
    }
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_key(&w, "fields");
    fields_write(&w, value);
    jsonw_member_int(&w, "version", version);
    jsonw_object_close(&w);
    api_reply_headers(call, 200, headers, buf_str(&body));
    buf_done(&body);
}

void
draft_get(struct api_call *call)
{
    struct intake_campaign held;
    struct err err = {0};
    int64_t version = 0;
    struct str value[FIELD_COUNT_] = {{0}};
    if (!intake_campaign_of(call, &held))
        return;
    enum err_code code = draft_load(call, held.campaign->campaign_id, &version, value, &err);
    intake_campaign_done(call, &held);
    if (code)
        api_problem_err(call, "draft not read", &err);
    else
        draft_reply(call, version, value);
}

/* The body's fields, or the call answered. */
static bool
draft_read(struct api_call *call, struct fields_read *read)
{
    struct draft_body body = {0};
    if (!api_read_body(call, body_rows, 1, &body))
        return false;
    fields_read_object(body.fields, FIELDS_LENGTH_FACTOR, read);
    if (read->verdict == FIELDS_UNKNOWN || read->verdict == FIELDS_WRONG_TYPE) {
        enum problem_id id =
            read->verdict == FIELDS_UNKNOWN ? PROBLEM_UNKNOWN_MEMBER : PROBLEM_MALFORMED;
        api_problem(call, id,
                    arena_printf(call->arena, "%s：fields.%s", problems[id].title, read->name).ptr);
        return false;
    }
    return true;
}

static void
draft_save(struct api_call *call, struct str campaign_id, const struct fields_read *read)
{
    struct err err = {0};
    struct buf plain;
    int64_t seen = 0;
    int64_t version = 0;
    if (!draft_version_parse(api_header(call, "If-Match"), &seen)) {
        api_problem(call, PROBLEM_STALE, NULL);
        return;
    }
    buf_init(&plain, LIMIT_MESSAGE);
    struct jsonw w = jsonw_on(&plain);
    fields_write(&w, read->value);
    struct str sealed =
        seal_text(call->worker->sealer, buf_str(&plain), draft_context(call), call->arena);
    buf_done(&plain);
    enum err_code code = store_draft_put(call->worker->pg, call->session->student_id, campaign_id,
                                         seen, sealed, &version, &err);
    if (code == ERR_DUPLICATE)
        api_problem(call, PROBLEM_STALE, NULL);
    else if (code)
        api_problem_err(call, "draft not saved", &err);
    else
        draft_reply(call, version, read->value);
}

void
draft_put(struct api_call *call)
{
    struct intake_campaign held;
    struct fields_read *read = arena_alloc(call->arena, sizeof *read);
    if (!draft_read(call, read) || !intake_campaign_of(call, &held))
        return;
    struct str campaign_id = arena_copy(call->arena, held.campaign->campaign_id);
    intake_campaign_done(call, &held);
    if (read->verdict == FIELDS_NOT_OWNED)
        reply_field_errors(call, read->listed, read->listed_count, "not-editable",
                           "此项来自学籍或由学校填写，不能自行修改；如有误请提交申请");
    else if (read->verdict == FIELDS_TOO_LONG)
        reply_field_errors(call, read->listed, read->listed_count, "length",
                           "内容过长，请缩短后再保存");
    else if (api_header(call, "If-Match").ptr == NULL)
        api_problem(call, PROBLEM_PRECONDITION_REQUIRED, NULL);
    else
        draft_save(call, campaign_id, read);
}
