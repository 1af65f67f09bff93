/* What several handlers of intake answer with. */
#include <stdio.h>
#include <string.h>

#include "io/crypto.h"
#include "services/intake/domain.h"
#include "services/intake/service.h"

enum { ETAG_SIZE = 40 };

/* The roster is asked only where the level decides; everywhere else a submission needs no database.
 */
static enum err_code
campaign_choose(struct api_call *call, struct intake_campaign *ret, struct err *err)
{
    enum study_level level = LEVEL_ANY;
    const struct campaign_list *list = ret->list;
    struct str school_code = call->session->school_code;
    if (campaign_asks_level(list->rows, list->count, school_code)) {
        enum err_code code = store_level(call->worker->pg, call->session->student_id, &level, err);
        if (code)
            return code;
    }
    ret->campaign = campaign_of(list->rows, list->count, school_code, level);
    return ERR_OK;
}

bool
intake_campaign_of(struct api_call *call, struct intake_campaign *ret)
{
    struct err err = {0};
    struct intake *intake = call->worker->service;
    *ret = (struct intake_campaign){0};
    if (!session_is_bound(call->session)) {
        api_problem(call, PROBLEM_BINDING_REQUIRED, NULL);
        return false;
    }
    ret->list = campaigns_acquire(intake->campaigns);
    if (ret->list == NULL)
        (void)ERR(&err, ERR_UNAVAILABLE, "campaigns are not loaded yet");
    else if (campaign_choose(call, ret, &err) == ERR_OK && ret->campaign)
        return true;
    intake_campaign_done(call, ret);
    if (err.code)
        api_problem_err(call, "no campaign", &err);
    else
        api_problem(call, PROBLEM_WINDOW_CLOSED, "学校尚未开启生源信息上报，请留意学校通知");
    return false;
}

void
intake_campaign_done(struct api_call *call, struct intake_campaign *held)
{
    struct intake *intake = call->worker->service;
    campaigns_release(intake->campaigns, held->list);
    held->list = NULL;
}

void
reply_tagged(struct api_call *call, struct str body, const char *cache_control)
{
    char hex[SHA256_HEX_SIZE];
    char etag[ETAG_SIZE];
    crypto_sha256_hex(body, hex);
    (void)snprintf(etag, sizeof etag, "\"%.32s\"", hex);
    const struct http_header headers[] = {
        {"ETag", etag},
        {"Cache-Control", cache_control ? cache_control : "private, no-cache"},
        {NULL, NULL}};
    if (etag_listed(api_header(call, "If-None-Match"), etag))
        api_reply_headers(call, 304, headers, STR_NONE);
    else
        api_reply_headers(call, 200, headers, body);
}

void
reply_field_errors(struct api_call *call, const enum field_id *ids, size_t count, const char *rule,
                   const char *message)
{
    struct problem_field errors[FIELD_COUNT_];
    for (size_t i = 0; i < count; i++)
        errors[i] = (struct problem_field){fields[ids[i]].name, rule, str_of(message)};
    api_problem_fields(call, PROBLEM_INVALID_VALUE, errors, count);
}
