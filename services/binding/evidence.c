/*
 * POST /api/v1/identity/appeals/{id}/evidence: the body is the image. It is decoded and written
 * anew before anything of it is kept, and kept sealed in PostgreSQL, where no web server looks.
 */
#include <strings.h>

#include "base/jsonw.h"
#include "base/limits.h"
#include "io/blob.h"
#include "io/image.h"
#include "services/binding/appeal.h"
#include "services/binding/domain.h"
#include "services/binding/limits_redis.h"

enum { SEALED_EXTRA_MAX = 256 };

/* The type that is claimed; what it is, the content says. */
static bool
media_type_image(const struct api_call *call)
{
    struct str rest = api_header(call, "Content-Type");
    struct str media = str_cut(&rest, ';');
    return (media.len == 10 && strncasecmp(media.ptr, "image/jpeg", 10) == 0) ||
           (media.len == 9 && strncasecmp(media.ptr, "image/png", 9) == 0);
}

static bool
evidence_allowed(struct api_call *call)
{
    struct err err = {0};
    bool within = false;
    unsigned retry_s = 0;
    struct str key =
        arena_printf(call->arena, "lim:evidence:%.*s", STR_ARG(call->session->account_id));
    if (limit_take(call->worker->redis, key, &limit_evidence, call->arena, &within, &retry_s, &err))
        api_problem_err(call, "limit not read", &err);
    else if (!within)
        api_problem_retry(call, PROBLEM_TOO_MANY_REQUESTS, retry_s);
    return within;
}

static void
answer_kept(struct api_call *call, struct str evidence_id, size_t bytes)
{
    struct buf body;
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_member(&w, "evidence_id", evidence_id);
    jsonw_member_text(&w, "media_type", "image/jpeg");
    jsonw_member_int(&w, "bytes", (int64_t)bytes);
    jsonw_object_close(&w);
    api_reply_json(call, 201, buf_str(&body));
    buf_done(&body);
}

static void
evidence_store(struct api_call *call, struct str image)
{
    struct err err = {0};
    char id[SUBMISSION_ID_SIZE];
    char content_index[INDEX_HEX_SIZE];
    struct buf sealed;
    struct buf text;
    const struct binding *binding = call->worker->service;
    uuid_random(id);
    keyring_index(binding->runtime->keyring, "evidence", call->body, content_index);
    struct new_evidence row = {
        .evidence_id = str_of(id),
        .appeal_id = call->args[0],
        .account_id = call->session->account_id,
        .bytes = image.len,
        .content_index = str_of(content_index),
    };
    buf_init(&sealed, image.len + SEALED_EXTRA_MAX);
    blob_seal(call->worker->sealer, image, arena_printf(call->arena, "evidence/%s", id),
              call->arena, &row.key_sealed, &sealed);
    buf_init(&text, base64_length(image.len + SEALED_EXTRA_MAX));
    base64_encode(&text, buf_str(&sealed));
    buf_done(&sealed);
    row.content_base64 = buf_str(&text);
    struct str evidence_id = STR_NONE;
    enum err_code code =
        store_evidence_add(call->worker->pg, &row, call->arena, &evidence_id, &err);
    buf_done(&text);
    if (code == ERR_NOT_FOUND)
        api_problem(call, PROBLEM_NOT_FOUND, NULL);
    else if (code == ERR_DUPLICATE)
        api_problem(call, PROBLEM_APPEAL_CLOSED, NULL);
    else if (code == ERR_TOO_LARGE)
        api_problem(call, PROBLEM_EVIDENCE_FULL, NULL);
    else if (code)
        api_problem_err(call, "evidence not stored", &err);
    else
        answer_kept(call, evidence_id, image.len);
}

/* An application of one's own, asked for before the image costs anything. */
static bool
appeal_own(struct api_call *call)
{
    struct err err = {0};
    struct appeal appeal;
    enum err_code code =
        uuid_valid(call->args[0])
            ? store_appeal_get(call->worker->pg, call->args[0], call->session->account_id,
                               call->arena, &appeal, &err)
            : ERR_NOT_FOUND;
    if (code == ERR_NOT_FOUND)
        api_problem(call, PROBLEM_NOT_FOUND, NULL);
    else if (code)
        api_problem_err(call, "application not read", &err);
    else if (!str_eq_text(appeal.state, appeal_state_name(APPEAL_FILED)))
        api_problem(call, PROBLEM_APPEAL_CLOSED, NULL);
    else
        return true;
    return false;
}

void
evidence_post(struct api_call *call)
{
    struct buf image;
    if (!media_type_image(call)) {
        api_problem(call, PROBLEM_MEDIA_TYPE, "请以 image/jpeg 或 image/png 发送图片");
        return;
    }
    if (!appeal_own(call) || !evidence_allowed(call))
        return;
    buf_init(&image, IMAGE_BYTES_MAX);
    enum image_fault fault = image_clean(call->body, &image);
    if (fault) {
        const struct problem_field error = {"evidence", "image",
                                            str_of(image_fault_message(fault))};
        api_problem_fields(call, PROBLEM_INVALID_VALUE, &error, 1);
    } else {
        evidence_store(call, buf_str(&image));
    }
    buf_done(&image);
}
