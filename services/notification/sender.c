/*
 * Sends notices, one at a time a thread: takes the oldest whose time has come, decides, and marks
 * it `sending` with what it uses up (consent, budget) in one transaction; then it sends; then it
 * writes down what came of it. The platforms know no idempotency key, so what was marked and never
 * written down is not sent again (see scanner.c): at most once, and listed. What was certainly not
 * sent goes back to those that wait.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/limits.h"
#include "runtime/crash.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/progress.h"
#include "runtime/wechat_token.h"
#include "services/notification/service.h"
#include "services/notification/store_pg.h"

enum {
    SENDER_IDLE_MS = 250,
    SENDER_RETRY_MS = 500,
    STATEMENT_TIMEOUT_MS = 5000,
    SILENCE_MS_MAX = 60000,
    ARENA_BYTES_MAX = 4 * 1024 * 1024,
    DAY_MS = 24 * 3600 * 1000,
};

struct sender {
    struct notification *notification;
    struct pg *pg;
    struct redis *redis;
    struct sealer *sealer;
    struct http_client *client;
    struct arena *arena; /* of one notice */
    struct pulse *pulse;
};

/* --- what is said --- */

static enum err_code
details_open(struct sender *sender, const struct taken_notice *notice,
             struct notice_details *ret_details, struct err *err)
{
    struct str plain;
    *ret_details = (struct notice_details){0};
    if (notice->facts.kind == NOTICE_WINDOW_CLOSING) {
        int64_t left_ms = notice->closes_at_ms - clock_now_ms();
        ret_details->at_ms = notice->closes_at_ms;
        ret_details->number = left_ms > 0 ? (left_ms + DAY_MS - 1) / DAY_MS : 0;
    } else {
        struct str context = arena_printf(sender->arena, "notice/%.*s", STR_ARG(notice->notice_id));
        enum err_code code =
            seal_open(sender->sealer, notice->details_sealed, context, sender->arena, &plain, err);
        if (code == ERR_OK)
            code = notice_details_decode(plain, sender->arena, ret_details, err);
        if (code)
            return code;
    }
    if (ret_details->subject.len == 0)
        ret_details->subject = notice->campaign_name;
    return ERR_OK;
}

static void
count_call(const char *api, const char *outcome, uint64_t since_ns)
{
    metric_count(METRIC_sy_platform_calls_total, api, outcome);
    metric_observe(METRIC_sy_platform_call_duration_seconds,
                   (double)(clock_mono_ns() - since_ns) / 1e9, api, NULL, NULL);
}

/* --- sending: returns the plan of what comes next --- */

static struct notice_plan
unknown(void)
{
    return (struct notice_plan){.step = STEP_END, .state = "unknown", .outcome = "no-answer"};
}

/* With a token, and once more with a new one when it was stale: the first was not taken then. */
static enum wechat_delivery
wechat_deliver(struct sender *sender, const struct wechat_notice *message, int64_t *ret_errcode)
{
    struct notification *notification = sender->notification;
    const struct wechat_token_ports ports = {sender->redis, sender->sealer, sender->client,
                                             &notification->wechat, sender->arena};
    enum wechat_delivery delivery = WECHAT_NOT_SENT;
    struct str token = STR_NONE;
    for (int i = 0; i < 2; i++) {
        struct err err = {0};
        if (wechat_token_get(&ports, token, &token, &err)) {
            log_failure(LOG_WARN, "no access token", &err);
            return WECHAT_NOT_SENT;
        }
        uint64_t since_ns = clock_mono_ns();
        delivery = wechat_notice_send(sender->client, &notification->wechat, token, message,
                                      sender->arena, ret_errcode);
        bool answered = delivery == WECHAT_ANSWERED;
        const struct errcode_row *row = answered ? notice_errcode(*ret_errcode) : NULL;
        count_call("subscribe-send",
                   row == NULL                    ? "busy"
                   : row->misconfigured           ? "misconfigured"
                   : row->action == ERRCODE_SENT  ? "ok"
                   : row->action == ERRCODE_SMS   ? "user-refused"
                   : row->action == ERRCODE_TOKEN ? "token-stale"
                                                  : "busy",
                   since_ns);
        if (row == NULL || row->action != ERRCODE_TOKEN)
            break;
    }
    return delivery;
}

static struct notice_plan
send_wechat(struct sender *sender, const struct taken_notice *notice,
            const struct notice_details *details, int64_t *ret_errcode)
{
    const struct notification *notification = sender->notification;
    enum notice_template template = notice_kinds[notice->facts.kind].template;
    const struct notice_template_row *row = &notice_templates[template];
    struct wechat_field places[NOTICE_VALUES_MAX];
    struct err err = {0};
    struct wechat_notice message = {
        .template_id = notification->wechat_template[template],
        .page = notification->conf->wechat_page,
        .fields = places,
        .field_count = row->value_count,
    };
    struct str context = arena_printf(sender->arena, "openid/%.*s", STR_ARG(notice->account_id));
    if (seal_open(sender->sealer, notice->openid_sealed, context, sender->arena, &message.openid,
                  &err)) {
        log_failure(LOG_ERROR, "an openid cannot be opened", &err);
        return notice_again(&notice->facts, &notification->policy, "sealed", clock_now_ms());
    }
    for (size_t i = 0; i < row->value_count; i++) {
        struct str name = notification->wechat_field[template][i];
        struct str text =
            notice_value_text(notice->facts.kind, details, row->values[i], sender->arena);
        places[i] = (struct wechat_field){arena_copy(sender->arena, name).ptr,
                                          notice_value_fit(name, text, sender->arena)};
    }
    switch (wechat_deliver(sender, &message, ret_errcode)) {
    case WECHAT_NOT_SENT:
        *ret_errcode = -1;
        break;
    case WECHAT_MAYBE_SENT:
        *ret_errcode = 0; /* the consent counts as used */
        return unknown();
    case WECHAT_ANSWERED:
        break;
    }
    if (notice_errcode(*ret_errcode)->misconfigured)
        log_event(LOG_ERROR, "WeChat refuses a message for what is configured",
                  LOG_TEXT("template", row->word), LOG_INT("errcode", *ret_errcode));
    return notice_after_wechat(&notice->facts, &notification->policy, *ret_errcode, clock_now_ms());
}

static struct notice_plan
send_sms(struct sender *sender, const struct taken_notice *notice,
         const struct notice_details *details)
{
    const struct notification *notification = sender->notification;
    enum notice_template template = notice_kinds[notice->facts.kind].template;
    const struct notice_template_row *row = &notice_templates[template];
    struct str params[NOTICE_VALUES_MAX];
    struct err err = {0};
    struct sms_message message = {
        .params = params,
        .param_count = row->sms_value_count,
    };
    struct str context = arena_printf(sender->arena, "phone/%.*s", STR_ARG(notice->phone_index));
    if (seal_open(sender->sealer, notice->phone_sealed, context, sender->arena, &message.phone,
                  &err)) {
        log_failure(LOG_ERROR, "a phone cannot be opened", &err);
        return notice_again(&notice->facts, &notification->policy, "sealed", clock_now_ms());
    }
    struct str ids = str_of(notification->sms_template[template]);
    struct str mainland = str_cut(&ids, ',');
    message.template_id =
        arena_copy(sender->arena, sms_phone_abroad(message.phone) && ids.len ? ids : mainland).ptr;
    for (size_t i = 0; i < row->sms_value_count; i++)
        params[i] = notice_value_fit(
            STR("sms"),
            notice_value_text(notice->facts.kind, details, row->sms_values[i], sender->arena),
            sender->arena);
    uint64_t since_ns = clock_mono_ns();
    int64_t now_ms = clock_now_ms();
    enum sms_outcome outcome = sms_message_send(sender->client, &notification->sms, &message,
                                                now_ms / 1000, sender->arena);
    count_call("sms-notice", sms_outcome_name(outcome), since_ns);
    return notice_after_sms(&notice->facts, &notification->policy, outcome, clock_now_ms());
}

/* --- what sending uses up --- */

/* From all of the budgets or none: the caller rolls back when *ret_taken is false. */
static enum err_code
budget_take(struct sender *sender, const struct taken_notice *notice, enum notice_channel channel,
            bool *ret_taken, struct err *err)
{
    const struct notification_conf *conf = sender->notification->conf;
    struct arena *arena = sender->arena;
    struct str day = notice_day(clock_now_ms(), arena);
    bool sms = channel == CHANNEL_SMS;
    const struct {
        struct str scope;
        uint64_t max;
    } rows[] = {
        {arena_printf(arena, "recipient/%.*s", STR_ARG(notice->recipient)),
         conf->recipient_day_max},
        {sms ? arena_printf(arena, "number/%.*s", STR_ARG(notice->phone_index)) : STR_NONE,
         conf->sms_number_day_max},
        /* last, since everybody wants this row */
        {str_of(notice_channel_name(channel)),
         sms ? conf->sms_notice_day_max : conf->wechat_day_max},
    };
    *ret_taken = true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && *ret_taken; i++) {
        if (rows[i].scope.len == 0)
            continue;
        enum err_code code =
            store_budget_take(sender->pg, day, rows[i].scope, rows[i].max, ret_taken, err);
        if (code)
            return code;
    }
    return ERR_OK;
}

/* Marks it, in the transaction that is open, with all it uses up. */
static enum err_code
mark(struct sender *sender, const struct taken_notice *notice, enum notice_channel channel,
     bool *ret_within, struct err *err)
{
    enum err_code code = budget_take(sender, notice, channel, ret_within, err);
    if (code || !*ret_within)
        return code;
    if (channel == CHANNEL_WECHAT)
        code = store_consent_change(sender->pg, notice->account_id,
                                    notice_kinds[notice->facts.kind].template, CONSENT_USED, err);
    return code ? code : store_notice_mark(sender->pg, notice->notice_id, channel, err);
}

/* --- one notice --- */

static void
count_end(const struct taken_notice *notice, const struct notice_plan *plan)
{
    if (plan->step == STEP_END)
        metric_count(METRIC_sy_notices_total, notice_kinds[notice->facts.kind].word, plan->state,
                     plan->outcome);
}

/* Writes down what comes next, for as long as the store is away: the message is out. */
static void
put_patiently(struct sender *sender, const struct taken_notice *notice,
              const struct notice_plan *plan, bool sms_only)
{
    for (unsigned tries = 0; tries == 0 || !service_stopping(); tries++) {
        struct err err = {0};
        progress_beat(sender->pulse);
        if (store_notice_put(sender->pg, notice->notice_id, plan, sms_only, &err) == ERR_OK) {
            count_end(notice, plan);
            return;
        }
        if (tries % 25 == 0)
            log_failure(LOG_WARN, "what came of a notice is not written down", &err);
        clock_pause_ms(SENDER_RETRY_MS);
    }
}

/* After WeChat: the consent that was used, given back or gone. */
static void
consent_settle(struct sender *sender, const struct taken_notice *notice, int64_t errcode)
{
    const struct errcode_row *row = notice_errcode(errcode);
    struct err err = {0};
    if (row->action == ERRCODE_SENT)
        return;
    if (store_consent_change(sender->pg, notice->account_id,
                             notice_kinds[notice->facts.kind].template,
                             row->consent_gone ? CONSENT_GONE : CONSENT_GIVEN_BACK, &err))
        log_failure(LOG_WARN, "consent not settled", &err);
}

/* Marks for the other channel in a transaction of its own; what is not within the budget waits. */
static bool
mark_again(struct sender *sender, struct taken_notice *notice, struct notice_plan *plan)
{
    struct err err = {0};
    bool within = true;
    notice->facts.wechat_over = true;
    enum err_code code = pg_begin(sender->pg, &err);
    if (code == ERR_OK)
        code = mark(sender, notice, CHANNEL_SMS, &within, &err);
    if (code == ERR_OK && within)
        code = pg_commit(sender->pg, &err);
    else
        pg_rollback(sender->pg);
    if (code == ERR_OK && within)
        return true;
    int64_t now_ms = clock_now_ms();
    const struct notice_policy *policy = &sender->notification->policy;
    *plan = code ? notice_again(&notice->facts, policy, "store", now_ms)
                 : notice_without_budget(&notice->facts, policy, now_ms);
    return false;
}

static void
send(struct sender *sender, struct taken_notice *notice, enum notice_channel channel)
{
    struct err err = {0};
    struct notice_details details;
    struct notice_plan plan;
    crash_at(CRASH_NOTICE_MARKED);
    if (details_open(sender, notice, &details, &err)) {
        log_failure(LOG_ERROR, "a notice cannot be read", &err);
        plan = (struct notice_plan){.step = STEP_END, .state = "failed", .outcome = "sealed"};
        put_patiently(sender, notice, &plan, false);
        return;
    }
    if (channel == CHANNEL_WECHAT) {
        int64_t errcode = 0;
        plan = send_wechat(sender, notice, &details, &errcode);
        crash_at(CRASH_NOTICE_SENT);
        consent_settle(sender, notice, errcode);
    } else {
        plan = (struct notice_plan){.step = STEP_SEND};
    }
    bool sms =
        plan.step == STEP_SEND && (channel == CHANNEL_SMS || mark_again(sender, notice, &plan));
    if (sms) {
        plan = send_sms(sender, notice, &details);
        crash_at(CRASH_NOTICE_SENT);
    }
    put_patiently(sender, notice, &plan, sms || notice->facts.wechat_over);
}

/* Takes one, and marks it if it is to be sent now. */
static enum err_code
turn_begin(struct sender *sender, struct taken_notice *notice, struct notice_plan *plan,
           bool *ret_found, struct err *err)
{
    const struct notice_policy *policy = &sender->notification->policy;
    bool within = true;
    enum err_code code = store_notice_take(sender->pg, sender->arena, notice, ret_found, err);
    if (code || !*ret_found)
        return code;
    *plan = notice_plan(&notice->facts, policy, clock_now_ms());
    if (plan->step != STEP_SEND)
        return store_notice_put(sender->pg, notice->notice_id, plan, notice->facts.wechat_over,
                                err);
    code = pg_script(sender->pg, "SAVEPOINT budget", err);
    if (code == ERR_OK)
        code = mark(sender, notice, plan->channel, &within, err);
    if (code || within)
        return code;
    *plan = notice_without_budget(&notice->facts, policy, clock_now_ms());
    code = pg_script(sender->pg, "ROLLBACK TO SAVEPOINT budget", err);
    return code ? code
                : store_notice_put(sender->pg, notice->notice_id, plan, notice->facts.wechat_over,
                                   err);
}

static enum err_code
sender_turn(struct sender *sender, bool *ret_found, struct err *err)
{
    struct taken_notice notice;
    struct notice_plan plan = {.step = STEP_LATER};
    *ret_found = false;
    arena_reset(sender->arena);
    enum err_code code = pg_begin(sender->pg, err);
    if (code)
        return code;
    code = turn_begin(sender, &notice, &plan, ret_found, err);
    if (code) {
        pg_rollback(sender->pg);
        return code;
    }
    /* In doubt after a failure here: it may be marked, and then it is not sent. */
    code = pg_commit(sender->pg, err);
    if (code || !*ret_found)
        return code;
    log_trace_set(notice.traceparent.len > 3 + 32 ? (struct str){notice.traceparent.ptr + 3, 32}
                                                  : STR_NONE);
    if (plan.step == STEP_SEND)
        send(sender, &notice, plan.channel);
    else
        count_end(&notice, &plan);
    log_trace_set(STR_NONE);
    return ERR_OK;
}

static enum err_code
sender_open(struct sender *sender, struct err *err)
{
    const struct runtime_conf *conf = &sender->notification->conf->runtime;
    sender->arena = arena_new(ARENA_BYTES_MAX);
    sender->pulse = progress_add("sending notices", SILENCE_MS_MAX);
    sender->sealer = sealer_new(sender->notification->runtime->keyring);
    sender->pg =
        pg_new(&(struct pg_conf){conf->pg_dsn, conf->instance, STATEMENT_TIMEOUT_MS, PG_BY_KEY});
    enum err_code code = http_client_new(&sender->client, err);
    if (code)
        return code;
    return redis_new(
        &(struct redis_conf){conf->redis_url, conf->redis_password_file, REDIS_TIMEOUT_MS},
        &sender->redis, err);
}

void *
notice_sender(void *arg)
{
    struct sender sender = {.notification = arg};
    struct err err = {0};
    bool failing = false;
    enum err_code code = sender_open(&sender, &err);
    if (code)
        log_failure(LOG_ERROR, "notices cannot be sent", &err);
    while (code == ERR_OK && !service_stopping()) {
        bool found = false;
        progress_beat(sender.pulse);
        enum err_code turn = sender_turn(&sender, &found, &err);
        if (turn && !failing)
            log_failure(LOG_WARN, "notices not sent, trying again", &err);
        if (turn)
            metric_count(METRIC_sy_retries_total, "send", err_class_name(err_class(turn)));
        failing = turn != ERR_OK;
        if (failing || !found)
            clock_pause_ms(failing ? SENDER_RETRY_MS : SENDER_IDLE_MS);
    }
    progress_rest(sender.pulse);
    redis_free(sender.redis);
    http_client_free(sender.client);
    sealer_free(sender.sealer);
    pg_free(sender.pg);
    arena_free(sender.arena);
    return NULL;
}
