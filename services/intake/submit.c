/*
 * POST /api/v1/submissions: bound, remembered, sealed, published, and only then acknowledged.
 *
 * Everything in a worker's turn goes together: one round trip to Redis tells for all of them
 * whether their key was used for other fields. Then each is produced; the delivery report answers.
 * PostgreSQL is asked only while Redis is being filled again after a loss (refill.c).
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "runtime/crash.h"
#include "runtime/event.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/progress.h"
#include "schema/submission_event.h"
#include "services/intake/domain.h"
#include "services/intake/refill.h"
#include "services/intake/service.h"

/* What a call carries from its turn to its delivery report; in the call's arena. */
struct submission {
    char id[SUBMISSION_ID_SIZE];
    char body_index[INDEX_HEX_SIZE];
    struct str key;
    struct str campaign_id;
    struct fields_read read;
    uint64_t produced_ns;
    bool allowed; /* may be new: the student has sent less than it may in a day */
};

struct submission_body {
    const struct json *fields;
};
static const struct json_row body_rows[] = {
    JSON_ROW(struct submission_body, fields, JSON_KIND_OBJECT, true),
};

static struct intake *
intake_of(const struct api_call *call)
{
    return call->worker->service;
}

static void
answer_accepted(struct api_call *call)
{
    const struct submission *submission = call->user;
    struct buf body;
    buf_init(&body, 256);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_member_text(&w, "submission_id", submission->id);
    jsonw_member_text(&w, "state", "received");
    jsonw_object_close(&w);
    static const char before[] = "/api/v1/submissions/";
    char location[sizeof before + SUBMISSION_ID_SIZE];
    memcpy(location, before, sizeof before - 1);
    memcpy(location + sizeof before - 1, submission->id, sizeof submission->id);
    const struct http_header headers[] = {{"Location", location}, {NULL, NULL}};
    api_reply_headers(call, 202, headers, buf_str(&body));
    buf_done(&body);
}

void
submission_delivered(void *message_ctx, enum err_code code, int32_t partition, int64_t offset,
                     void *ctx)
{
    struct api_call *call = message_ctx;
    const struct submission *submission = call->user;
    (void)ctx;
    metric_count(METRIC_sy_kafka_deliveries_total, TOPIC_SUBMISSION_RECEIVED,
                 code ? "failed" : "delivered");
    metric_observe(METRIC_sy_kafka_delivery_seconds,
                   (double)(clock_mono_ns() - submission->produced_ns) / 1e9,
                   TOPIC_SUBMISSION_RECEIVED, NULL, NULL);
    log_trace_set(trace_id(&call->trace));
    if (code == ERR_OK) {
        crash_at(CRASH_CONFIRMED);
        metric_count(METRIC_sy_submissions_total, "acknowledged");
        log_event(LOG_DEBUG, "submission acknowledged", LOG_TEXT("submission_id", submission->id),
                  LOG_INT("partition", partition), LOG_INT("offset", offset));
        answer_accepted(call);
        crash_at(CRASH_ANSWERED);
    } else {
        struct err err = {0};
        metric_count(METRIC_sy_submissions_total, "unavailable");
        (void)ERR(&err, code, "submission '%s' was not confirmed by Kafka in time", submission->id);
        api_problem_err(call, "submission not acknowledged", &err);
    }
    log_trace_set(STR_NONE);
}

static void
answer_fields(struct api_call *call, const struct fields_read *read)
{
    if (read->verdict == FIELDS_NOT_OWNED) {
        reply_field_errors(call, read->listed, read->listed_count, "not-editable",
                           "此项来自学籍或由学校填写，不能自行修改；如有误请提交申请");
        return;
    }
    if (read->verdict == FIELDS_TOO_LONG) {
        reply_field_errors(call, read->listed, read->listed_count, "length",
                           "内容过长，请缩短后再提交");
        return;
    }
    enum problem_id id =
        read->verdict == FIELDS_UNKNOWN ? PROBLEM_UNKNOWN_MEMBER : PROBLEM_MALFORMED;
    struct str detail = arena_printf(call->arena, "%s：fields.%s", problems[id].title, read->name);
    api_problem(call, id, detail.ptr);
}

static void
answer_window(struct api_call *call, enum window_state state)
{
    api_problem(call, PROBLEM_WINDOW_CLOSED,
                state == WINDOW_BEFORE ? "上报尚未开始，请在学校通知的时间内提交"
                                       : "上报时间已结束，如需补报请联系学校就业部门");
}

/* Everything that can be said without asking anybody. False when the call was answered. */
static bool
submission_read(struct api_call *call)
{
    struct intake_campaign held;
    struct submission_body body = {0};
    struct submission *submission = arena_alloc(call->arena, sizeof *submission);
    submission->key = api_header(call, "Idempotency-Key");
    if (!idempotency_key_valid(submission->key) ||
        http_request_header_count(call->request, "Idempotency-Key") != 1) {
        api_problem(call, PROBLEM_IDEMPOTENCY_KEY, NULL);
        return false;
    }
    if (!api_read_body(call, body_rows, 1, &body))
        return false;
    fields_read_object(body.fields, FIELDS_LENGTH_FACTOR, &submission->read);
    if (submission->read.verdict == FIELDS_UNKNOWN ||
        submission->read.verdict == FIELDS_WRONG_TYPE) {
        answer_fields(call, &submission->read);
        return false;
    }
    if (!intake_campaign_of(call, &held))
        return false;
    enum window_state window = window_at(held.campaign, call->now_ms);
    submission->campaign_id = arena_copy(call->arena, held.campaign->campaign_id);
    intake_campaign_done(call, &held);
    if (submission->read.verdict != FIELDS_OK) {
        answer_fields(call, &submission->read);
        return false;
    }
    if (window != WINDOW_OPEN) {
        answer_window(call, window);
        return false;
    }
    call->user = submission;
    return true;
}

static void
submission_identify(struct api_call *call, struct buf *scratch)
{
    struct submission *submission = call->user;
    const struct keyring *keyring = intake_of(call)->runtime->keyring;
    buf_reset(scratch);
    fields_canonical(submission->read.value, scratch);
    keyring_index(keyring, "body", buf_str(scratch), submission->body_index);
    submission_id_make(keyring, call->session->student_id, submission->campaign_id, submission->key,
                       submission->id);
}

/* Redis is not complete. What it does not know may have been judged, or wait for it: PostgreSQL is
 * asked, after Redis, so that what is judged in between is in both. Unless the topic's unjudged end
 * was in Redis (`sure`), nothing new can be told from a key that was used for something else. */
static enum err_code
ask_elsewhere(struct api_call **calls, size_t count, bool sure, const char **known, struct err *err)
{
    struct str ids[API_TURN_MAX];
    struct judgement rows[API_TURN_MAX];
    size_t row_count = 0;
    /* All their findings come along: more than one call's arena may hold. */
    CLEANUP(arena_free) struct arena *arena = arena_new(LIMIT_BATCH_ARENA);
    for (size_t i = 0; i < count; i++)
        ids[i] = str_of(((struct submission *)calls[i]->user)->id);
    enum err_code code =
        store_judgements(calls[0]->worker->pg, ids, count, arena, rows, &row_count, err);
    if (code)
        return code;
    for (size_t i = 0; i < count; i++) {
        if (!sure) /* Redis may have it from a call that was refused meanwhile */
            known[i] = NULL;
        for (size_t r = 0; r < row_count; r++)
            if (str_eq(rows[r].submission_id, ids[i]))
                known[i] = arena_copy(calls[i]->arena, rows[r].body_index).ptr;
    }
    return ERR_OK;
}

/* Of a student who has sent all it may today nothing is kept, only asked whether it is known. */
static struct redis_command
remembering(struct api_call *call, struct str keep)
{
    struct submission *submission = call->user;
    struct str key = ARENA_JOIN(call->arena, STR("idem:"), str_of(submission->id));
    submission->allowed =
        allowance_take(intake_of(call)->allowance, call->session->student_id, call->now_ms);
    return submission->allowed ? REDIS_COMMAND(STR("SET"), key, str_of(submission->body_index),
                                               STR("NX"), STR("GET"), STR("EX"), keep)
                               : REDIS_COMMAND(STR("GET"), key);
}

/* Nothing was added to what Redis keeps. */
static void
not_new(struct api_call *call)
{
    const struct submission *submission = call->user;
    if (submission->allowed)
        allowance_give_back(intake_of(call)->allowance, call->session->student_id, call->now_ms);
}

/* The marks go before the keys and the life of Redis' memory behind them: a mark of this life was
 * set before the keys were asked for, and nothing was forgotten since. */
enum { ASK_READY, ASK_WAITING, ASK_KEYS };

static bool
mark_holds(const struct redis_value *mark, const struct redis_value *life)
{
    return mark->type == REDIS_STR && life->type == REDIS_STR && str_eq(mark->text, life->text);
}

/* Remembers each key's fingerprint and learns the one it was first used with. *ret_sure: a key that
 * is not known was never used. */
static enum err_code
remember(struct api_call **calls, size_t count, const char **known, bool *ret_sure, struct err *err)
{
    struct redis_command commands[ASK_KEYS + API_TURN_MAX + 1] UNINITIALIZED;
    struct redis_value values[ASK_KEYS + API_TURN_MAX + 1] UNINITIALIZED;
    struct arena *arena = calls[0]->arena;
    struct str keep = arena_printf(arena, "%d", IDEM_KEEP_S);
    commands[ASK_READY] = REDIS_COMMAND(STR("GET"), IDEM_READY_KEY);
    commands[ASK_WAITING] = REDIS_COMMAND(STR("GET"), IDEM_WAITING_KEY);
    commands[ASK_KEYS + count] = REDIS_COMMAND(STR("GET"), IDEM_LIFE_KEY);
    for (size_t i = 0; i < count; i++)
        commands[ASK_KEYS + i] = remembering(calls[i], keep);
    enum err_code code =
        redis_pipeline(calls[0]->worker->redis, commands, ASK_KEYS + count + 1, arena, values, err);
    for (size_t i = 0; i < count; i++)
        if (code || values[ASK_KEYS + i].type != REDIS_NIL)
            not_new(calls[i]);
    if (code)
        return code;
    for (size_t i = 0; i < count; i++) {
        const struct redis_value *value = &values[ASK_KEYS + i];
        if (value->type == REDIS_ERROR)
            return ERR(err, ERR_UNAVAILABLE, "redis answered: %.*s", STR_ARG(value->text));
        known[i] = value->type == REDIS_STR ? value->text.ptr : NULL;
    }
    const struct redis_value *life = &values[ASK_KEYS + count];
    *ret_sure = mark_holds(&values[ASK_READY], life);
    if (*ret_sure)
        return ERR_OK;
    *ret_sure = mark_holds(&values[ASK_WAITING], life);
    return ask_elsewhere(calls, count, *ret_sure, known, err);
}

/* The sensitive fields, sealed as one; empty when none was sent. */
static struct str
fields_sealed(struct api_call *call, const struct submission *submission, struct buf *scratch)
{
    struct str sealed = STR_NONE;
    buf_reset(scratch);
    if (submission_sealed_encode(submission->read.value, scratch))
        sealed = seal_text(call->worker->sealer, buf_str(scratch),
                           submission_sealed_context(call->session->student_id,
                                                     str_of(submission->id), call->arena),
                           call->arena);
    crypto_wipe(scratch->ptr, scratch->len);
    return sealed;
}

static void
submission_publish(struct api_call *call, struct buf *scratch)
{
    struct err err = {0};
    struct submission *submission = call->user;
    struct event_envelope envelope = {
        .id = str_of(submission->id),
        .type = TYPE_SUBMISSION_RECEIVED,
        .source = "/intake",
        .traceparent = trace_parent(&call->trace),
    };
    struct submission_received message = {
        .submission_id = str_of(submission->id),
        .student_id = call->session->student_id,
        .campaign_id = submission->campaign_id,
        .idempotency_key = submission->key,
        .body_index = str_of(submission->body_index),
        .received_at_ms = clock_now_ms(),
        .fields_sealed = fields_sealed(call, submission, scratch),
    };
    memcpy(message.value, submission->read.value, sizeof message.value);
    buf_reset(scratch);
    submission_received_encode(&message, scratch);
    event_headers(&envelope, message.received_at_ms);
    if (scratch->overflow) { /* the fields' limits are far below: our own mistake, and no message */
        (void)ERR(&err, ERR_INTERNAL, "submission '%s' is too large", submission->id);
        api_problem_err(call, "submission not written", &err);
        return;
    }
    submission->produced_ns = clock_mono_ns();
    struct kafka_message out = {
        .topic = TOPIC_SUBMISSION_RECEIVED,
        .key = call->session->student_id,
        .value = buf_str(scratch),
        .headers = envelope.headers,
        .header_count = EVENT_HEADER_COUNT,
        .message_ctx = call,
    };
    enum err_code code = kafka_producer_send(intake_of(call)->producer, &out, &err);
    crash_at(CRASH_PRODUCED);
    if (code) { /* not queued: there will be no report */
        metric_count(METRIC_sy_submissions_total, "unavailable");
        api_problem_err(call, "submission not queued", &err);
    }
}

static void
answer_unknown(struct api_call **calls, size_t count, const struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        metric_count(METRIC_sy_submissions_total, "unavailable");
        api_problem_err(calls[i], "submission not remembered", err);
    }
}

static void
answer_over(struct api_call *call)
{
    metric_count(METRIC_sy_submissions_total, "limited");
    api_problem_retry_detail(call, PROBLEM_TOO_MANY_REQUESTS,
                             "今天提交的次数已达上限，请明天再提交；已经提交的不受影响",
                             allowance_wait_s(call->now_ms));
}

void
submissions_post(struct api_call **calls, size_t count)
{
    const char *known[API_TURN_MAX] = {NULL};
    size_t kept = 0;
    struct err err = {0};
    CLEANUP(buf_done) struct buf scratch; /* one text at a time */
    buf_init(&scratch, 4 * LIMIT_MESSAGE);
    for (size_t i = 0; i < count; i++) {
        if (!submission_read(calls[i]))
            continue;
        submission_identify(calls[i], &scratch);
        calls[kept++] = calls[i];
    }
    if (kept == 0)
        return;
    bool sure = false;
    uint64_t asked_ns = clock_mono_ns();
    if (remember(calls, kept, known, &sure, &err)) {
        answer_unknown(calls, kept, &err);
        return;
    }
    crash_at(CRASH_REMEMBERED);
    /* Fingerprints first: `known` may live in the arena of a call that is answered below. */
    bool conflict[API_TURN_MAX];
    bool unsure[API_TURN_MAX];
    bool over[API_TURN_MAX];
    for (size_t i = 0; i < kept; i++) {
        const struct submission *submission = calls[i]->user;
        conflict[i] = known[i] && !crypto_equal(str_of(known[i]), str_of(submission->body_index));
        unsure[i] = !sure && known[i] == NULL;
        over[i] = known[i] == NULL && !submission->allowed;
    }
    for (size_t i = 0; i < kept; i++) {
        if (conflict[i]) {
            metric_count(METRIC_sy_submissions_total, "conflict");
            api_problem(calls[i], PROBLEM_IDEMPOTENCY_CONFLICT, NULL);
        } else if (unsure[i]) {
            (void)ERR(&err, ERR_UNAVAILABLE, "redis has forgotten which keys were used");
            answer_unknown(&calls[i], 1, &err);
        } else if (over[i]) {
            answer_over(calls[i]);
        } else if (clock_mono_ns() - asked_ns > (uint64_t)TAKE_MS_MAX * 1000000) {
            (void)ERR(&err, ERR_BUSY, "too long ago that redis remembered the key");
            answer_unknown(&calls[i], 1, &err);
        } else {
            submission_publish(calls[i], &scratch);
        }
    }
}
