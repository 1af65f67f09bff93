/*
 * GET and POST /api/v1/notice-consents: what a student agreed to be told. A subscribe message takes
 * one consent; the page asks for it (wx.requestSubscribeMessage) and says here what was agreed to.
 */
#include "base/jsonw.h"
#include "base/limits.h"
#include "schema/json.h"
#include "services/notification/service.h"
#include "services/notification/store_pg.h"

/* What a page can ask for before the first is used; the platform keeps them for ever. */
enum { CONSENTS_MAX = 20 };

/* One member a template, in the order of notice_templates. */
struct consent_body {
    bool result;
    bool application;
    bool closing;
};
static const struct json_row body_rows[] = {
    JSON_ROW(struct consent_body, result, JSON_KIND_BOOL, false),
    JSON_ROW(struct consent_body, application, JSON_KIND_BOOL, false),
    JSON_ROW(struct consent_body, closing, JSON_KIND_BOOL, false),
};
enum { BODY_ROWS = sizeof body_rows / sizeof body_rows[0] };
_Static_assert((size_t)BODY_ROWS == (size_t)NOTICE_TEMPLATE_COUNT_, "a template has no member");

static void
consents_reply(struct api_call *call)
{
    const struct notification *notification = call->worker->service;
    int64_t remaining[NOTICE_TEMPLATE_COUNT_] = {0};
    struct err err = {0};
    struct buf body;
    if (store_consents_list(call->worker->pg, call->session->account_id, remaining, &err)) {
        api_problem_err(call, "consents not read", &err);
        return;
    }
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_key(&w, "templates");
    jsonw_array_open(&w);
    for (unsigned i = 0; i < NOTICE_TEMPLATE_COUNT_; i++) {
        jsonw_object_open(&w);
        jsonw_member_text(&w, "name", notice_templates[i].word);
        jsonw_member_text(&w, "template_id", notification->wechat_template[i]);
        jsonw_member_int(&w, "remaining", remaining[i]);
        jsonw_object_close(&w);
    }
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}

void
consents_get(struct api_call *call)
{
    consents_reply(call);
}

void
consents_post(struct api_call *call)
{
    struct consent_body body = {0};
    enum notice_template templates[NOTICE_TEMPLATE_COUNT_];
    size_t count = 0;
    struct err err = {0};
    if (!api_read_body(call, body_rows, BODY_ROWS, &body))
        return;
    const bool agreed[NOTICE_TEMPLATE_COUNT_] = {
        [NOTICE_RESULT] = body.result,
        [NOTICE_APPLICATION] = body.application,
        [NOTICE_CLOSING] = body.closing,
    };
    for (unsigned i = 0; i < NOTICE_TEMPLATE_COUNT_; i++)
        if (agreed[i])
            templates[count++] = (enum notice_template)i;
    if (count && store_consents_add(call->worker->pg, call->session->account_id, templates, count,
                                    CONSENTS_MAX, &err))
        api_problem_err(call, "consents not kept", &err);
    else
        consents_reply(call);
}
