/* GET /api/v1/submissions/{id} and …/events: where a submission stands. Whose it is can be told
 * from its id alone; anybody else's and none at all are the same 404. */
#include "services/intake/status.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "services/intake/domain.h"
#include "services/intake/service.h"

static void
member_time(struct jsonw *w, const char *name, int64_t time_ms)
{
    char text[CLOCK_RFC3339_SIZE];
    jsonw_member_text(w, name, clock_format_rfc3339(time_ms, text));
}

void
state_write_received(struct str submission_id, struct buf *out)
{
    struct jsonw w = jsonw_on(out);
    jsonw_object_open(&w);
    jsonw_member(&w, "submission_id", submission_id);
    jsonw_member_text(&w, "state", "received");
    jsonw_key(&w, "revision");
    jsonw_null(&w);
    jsonw_key(&w, "findings");
    jsonw_raw(&w, STR("[]"));
    jsonw_object_close(&w);
}

void
state_write_judged(struct str submission_id, struct str outcome, int64_t revision,
                   int64_t judged_at_ms, struct str findings, struct buf *out)
{
    struct jsonw w = jsonw_on(out);
    jsonw_object_open(&w);
    jsonw_member(&w, "submission_id", submission_id);
    jsonw_member(&w, "state", outcome);
    jsonw_member_int(&w, "revision", revision);
    jsonw_key(&w, "findings");
    jsonw_raw(&w, findings.len ? findings : STR("[]"));
    member_time(&w, "judged_at", judged_at_ms);
    jsonw_object_close(&w);
}

/* In any campaign of the caller's school: a student may look at last year's too. */
static bool
is_callers(struct api_call *call, struct str submission_id)
{
    struct intake *intake = call->worker->service;
    const struct campaign_list *list = campaigns_acquire(intake->campaigns);
    bool is = false;
    for (size_t i = 0; list && i < list->count && !is; i++)
        is = submission_id_is_of(intake->runtime->keyring, call->session->student_id,
                                 list->rows[i].campaign_id, submission_id);
    campaigns_release(intake->campaigns, list);
    return is;
}

/* Checks the caller; answers and returns false when it is not theirs. */
static bool
submission_admit(struct api_call *call)
{
    if (!session_is_bound(call->session)) {
        api_problem(call, PROBLEM_BINDING_REQUIRED, NULL);
        return false;
    }
    if (!is_callers(call, call->args[0])) {
        api_problem(call, PROBLEM_NOT_FOUND, NULL);
        return false;
    }
    return true;
}

/* Writes the state now; *ret_judged tells whether it is the last one. */
static enum err_code
state_read(struct api_call *call, struct str submission_id, struct buf *out, bool *ret_judged,
           struct err *err)
{
    struct judgement judgement;
    size_t count = 0;
    enum err_code code =
        store_judgements(call->worker->pg, &submission_id, 1, call->arena, &judgement, &count, err);
    if (code)
        return code;
    *ret_judged = count == 1;
    if (count)
        state_write_judged(submission_id, judgement.outcome, judgement.revision,
                           judgement.judged_at_ms, judgement.findings, out);
    else
        state_write_received(submission_id, out);
    return ERR_OK;
}

void
submission_get(struct api_call *call)
{
    struct err err = {0};
    struct buf body;
    bool judged = false;
    if (!submission_admit(call))
        return;
    buf_init(&body, LIMIT_HTTP_ANSWER);
    if (state_read(call, call->args[0], &body, &judged, &err))
        api_problem_err(call, "state not read", &err);
    else
        api_reply_json(call, 200, buf_str(&body));
    buf_done(&body);
}

void
submission_events(struct api_call *call)
{
    struct intake *intake = call->worker->service;
    struct err err = {0};
    struct buf state;
    bool judged = false;
    char id_text[SUBMISSION_ID_SIZE];
    if (!submission_admit(call))
        return;
    if (streams_full(intake->streams)) {
        (void)ERR(&err, ERR_BUSY, "all event streams are in use");
        api_problem_err(call, "event stream refused", &err);
        return;
    }
    /* Read first: what is judged between the reading and streams_add is caught by the second look.
     */
    buf_init(&state, LIMIT_HTTP_ANSWER);
    if (state_read(call, call->args[0], &state, &judged, &err)) {
        api_problem_err(call, "state not read", &err);
        buf_done(&state);
        return;
    }
    (void)snprintf(id_text, sizeof id_text, "%.*s", STR_ARG(call->args[0]));
    struct pg *pg = call->worker->pg;
    struct http_stream *stream = api_reply_events(call); /* the call is gone now */
    stream_send_state(stream, buf_str(&state));
    buf_done(&state);
    if (judged) {
        http_stream_end(stream);
        return;
    }
    streams_add(intake->streams, str_of(id_text), stream);
    /* When this look fails the housekeeper asks again. */
    (void)streams_ask_store(intake, pg, id_text);
}

enum err_code
streams_tell_judged(struct intake *intake, struct pg *pg, char (*ids)[40], size_t count)
{
    struct err err = {0};
    struct str wanted[STREAMS_ASK_MAX];
    struct judgement rows[STREAMS_ASK_MAX];
    size_t row_count = 0;
    struct arena *arena = arena_new(LIMIT_BATCH_ARENA);
    for (size_t i = 0; i < count; i++)
        wanted[i] = str_of(ids[i]);
    enum err_code code = store_judgements(pg, wanted, count, arena, rows, &row_count, &err);
    for (size_t i = 0; code == ERR_OK && i < row_count; i++) {
        struct buf state;
        buf_init(&state, LIMIT_HTTP_ANSWER);
        state_write_judged(rows[i].submission_id, rows[i].outcome, rows[i].revision,
                           rows[i].judged_at_ms, rows[i].findings, &state);
        streams_judged(intake->streams, rows[i].submission_id, buf_str(&state));
        buf_done(&state);
    }
    arena_free(arena);
    return code;
}

enum err_code
streams_ask_store(struct intake *intake, struct pg *pg, const char *id)
{
    char ids[1][40];
    (void)snprintf(ids[0], sizeof ids[0], "%s", id);
    return streams_tell_judged(intake, pg, ids, 1);
}
