#include "services/binding/appeal_apply.h"

#include <inttypes.h>

#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/session_news.h"
#include "services/binding/card.h"
#include "services/binding/domain.h"

/* A decision on its way. */
struct applying {
    const struct appeal_decided *decided;
    struct str traceparent;
    struct appeal_locked appeal;
    const char *outcome;
    struct identity_changed news; /* account_id empty: there are none */
};

static enum err_code
tell_unbound(struct applier *applier, struct applying *applying, struct str account_id,
             struct err *err)
{
    applying->news = (struct identity_changed){.account_id = account_id, .kind = STR("unbound")};
    enum err_code code = store_news_add(applier->pg, &applying->news, applying->traceparent,
                                        &applying->news.sequence, err);
    return code ? code
                : store_notice_add(applier->pg, account_id, "unbound", applying->decided->appeal_id,
                                   err);
}

/* The student whom the application is about, as the roll says now. */
static enum err_code
student_now(struct applier *applier, const struct applying *applying, struct str *ret_name,
            struct roster_match *ret_student, struct err *err)
{
    struct appeal_claims claims;
    enum appeal_kind kind = applying->appeal.kind;
    enum err_code code =
        appeal_claims_open(applier->sealer, applying->decided->appeal_id, kind,
                           applying->appeal.claims_sealed, applier->arena, &claims, err);
    if (code)
        return code;
    *ret_name = appeal_claim(&claims, kind, "name");
    return appeal_student(applier->pg, applier->binding, applying->appeal.school_code,
                          appeal_claim(&claims, kind, "id_type"),
                          appeal_claim(&claims, kind, "id_number"), applier->arena, ret_student,
                          err);
}

static enum err_code
apply_unbind(struct applier *applier, struct applying *applying, struct err *err)
{
    struct str owner = STR_NONE;
    const struct appeal_locked *appeal = &applying->appeal;
    applying->outcome = "not-bound";
    if (appeal->student_id.len == 0)
        return ERR_OK;
    enum err_code code = store_binding_drop(applier->pg, appeal->student_id, appeal->account_id,
                                            applier->arena, &owner, err);
    if (code || owner.len == 0)
        return code;
    applying->outcome = "unbound";
    return tell_unbound(applier, applying, owner, err);
}

/* The student is freed for the account that asked, and for no other: it still has to bind, by all
 * its checks. */
static enum err_code
apply_lost_account(struct applier *applier, struct applying *applying, struct err *err)
{
    struct str owner = STR_NONE;
    struct str name;
    struct roster_match student;
    enum err_code code = student_now(applier, applying, &name, &student, err);
    if (code == ERR_NOT_FOUND) {
        applying->outcome = "no-match";
        return ERR_OK;
    }
    if (code == ERR_OK)
        code = store_binding_owner(applier->pg, student.student_id, applier->arena, &owner, err);
    if (code || str_eq(owner, applying->appeal.account_id)) {
        applying->outcome = "bound"; /* it has bound meanwhile */
        return code;
    }
    applying->outcome = "released";
    code =
        store_binding_drop(applier->pg, student.student_id, STR_NONE, applier->arena, &owner, err);
    if (code == ERR_OK)
        code = store_reserve(applier->pg, student.student_id, applying->appeal.account_id,
                             applying->decided->appeal_id, err);
    if (code == ERR_OK && owner.len)
        code = tell_unbound(applier, applying, owner, err);
    return code;
}

static struct identity_changed
news_bound(struct applier *applier, const struct applying *applying,
           const struct roster_match *student, const struct confirmation *confirmation,
           struct str phone)
{
    struct card card = {
        .name = student->name,
        .id_number = student->id_number_masked,
        .student_number = student->student_number,
        .school = student->school,
    };
    card_set_phone(&card, phone);
    return (struct identity_changed){
        .account_id = applying->appeal.account_id,
        .kind = STR("bound"),
        .document_index = confirmation->document_index,
        .student_id = student->student_id,
        .school_code = student->school_code,
        .phone_index = confirmation->phone_index,
        .phone_sealed = confirmation->phone_sealed,
        .card_sealed =
            card_seal(applier->sealer, applying->appeal.account_id, &card, applier->arena),
    };
}

static enum err_code
bind_confirmed(struct applier *applier, struct applying *applying,
               const struct roster_match *student, struct str name,
               const struct confirmation *confirmation, struct err *err)
{
    bool bound = false;
    struct str phone = STR_NONE;
    struct str context =
        arena_printf(applier->arena, "phone/%.*s", STR_ARG(confirmation->phone_index));
    const struct new_binding row = {
        .student = student,
        .account_id = applying->appeal.account_id,
        .by = confirmation->bound_by,
        .document_index = confirmation->document_index,
        .name_differs = !names_agree(student->name, name),
        .phone_index = confirmation->phone_index,
        .phone_sealed = confirmation->phone_sealed,
        .traceparent = applying->traceparent,
    };
    enum err_code code = seal_open(applier->sealer, confirmation->phone_sealed, context,
                                   applier->arena, &phone, err);
    if (code == ERR_OK)
        code = store_binding_confirm(applier->pg, &row, applying->decided->appeal_id, &bound, err);
    if (code || !bound)
        return code;
    applying->outcome = "bound";
    applying->news = news_bound(applier, applying, student, confirmation, phone);
    code = store_news_add(applier->pg, &applying->news, applying->traceparent,
                          &applying->news.sequence, err);
    return code ? code
                : store_notice_add(applier->pg, row.account_id, "bound",
                                   applying->decided->appeal_id, err);
}

static enum err_code
apply_confirmation(struct applier *applier, struct applying *applying, struct err *err)
{
    struct confirmation confirmation;
    struct roster_match student;
    struct str name;
    enum err_code code = store_confirmation_take(applier->pg, applying->decided->appeal_id,
                                                 applier->arena, &confirmation, err);
    if (code)
        return code == ERR_NOT_FOUND ? ERR(err, ERR_INTERNAL, "a confirmation without its binding")
                                     : code;
    code = student_now(applier, applying, &name, &student, err);
    applying->outcome = code == ERR_NOT_FOUND ? "no-match" : "already-bound";
    if (code == ERR_NOT_FOUND)
        return ERR_OK;
    return code ? code : bind_confirmed(applier, applying, &student, name, &confirmation, err);
}

/* clang-format off */
/* What is done besides the state; NULL: the school has done it in the roll. */
static enum err_code (*const effects[APPEAL_KIND_COUNT_])(struct applier *, struct applying *,
                                                          struct err *) = {
    [APPEAL_UNBIND] = apply_unbind,
    [APPEAL_LOST_ACCOUNT] = apply_lost_account,
    [APPEAL_IDENTITY_CONFIRMATION] = apply_confirmation,
};
/* clang-format on */

/* All of it in the open transaction. */
static enum err_code
apply_open(struct applier *applier, struct applying *applying, struct err *err)
{
    const struct appeal_decided *decided = applying->decided;
    enum appeal_kind kind = applying->appeal.kind;
    bool accepted = str_eq_text(decided->decision, appeal_state_name(APPEAL_ACCEPTED));
    enum err_code code = accepted && effects[kind] ? effects[kind](applier, applying, err) : ERR_OK;
    if (code == ERR_OK && kind == APPEAL_IDENTITY_CONFIRMATION)
        code = store_confirmation_drop(applier->pg, decided->appeal_id, err);
    if (code)
        return code;
    struct str reason =
        decided->reason.len
            ? seal_text(applier->sealer, decided->reason,
                        appeal_context(applier->arena, decided->appeal_id, "reason"),
                        applier->arena)
            : STR_NONE;
    return store_appeal_decide(applier->pg, decided->appeal_id, decided->decision, reason,
                               applying->outcome, applying->news.sequence, err);
}

/* What a log-in finds that comes before authorization has read the news, and what live sessions
 * know. Neither goes back behind newer news. */
static enum err_code
tell_redis(struct applier *applier, const struct identity_changed *news, struct err *err)
{
    struct redis_value value;
    struct session known = {0};
    struct str key = arena_printf(applier->arena, "bound:%.*s", STR_ARG(news->account_id));
    const struct redis_command get = REDIS_COMMAND(STR("GET"), key);
    enum err_code code = redis_call(applier->redis, &get, applier->arena, &value, err);
    if (code)
        return code;
    if (value.type != REDIS_STR || !session_decode(value.text, &known))
        known = (struct session){.session_id = STR("-"), .channel = STR("-")};
    known.account_id = news->account_id;
    if (session_take_news(&known, news)) {
        const struct redis_command set = REDIS_COMMAND(
            STR("SET"), key, session_encode(&known, applier->arena), STR("EX"), STR("86400"));
        code = redis_call(applier->redis, &set, applier->arena, &value, err);
    }
    return code ? code : session_tell_news(applier->redis, news, applier->arena, err);
}

/* Applied before, and perhaps not told: the same news again, by its number. What is bound now is
 * asked, not remembered. */
static enum err_code
tell_again(struct applier *applier, const struct applying *applying, struct err *err)
{
    if (applying->appeal.sequence == 0 ||
        str_eq(applying->appeal.outcome, STR("bound"))) /* authorization tells it */
        return ERR_OK;
    struct identity_changed news = {
        .account_id = applying->appeal.account_id,
        .kind = STR("unbound"),
        .sequence = applying->appeal.sequence,
    };
    /* The owner of a released student is known to the news alone: authorization tells those. */
    return str_eq(applying->appeal.outcome, STR("unbound")) ? tell_redis(applier, &news, err)
                                                            : ERR_OK;
}

enum err_code
appeal_apply(struct applier *applier, const struct appeal_decided *decided, struct str traceparent,
             struct err *err)
{
    struct applying applying = {.decided = decided, .traceparent = traceparent};
    enum err_code code = pg_begin(applier->pg, err);
    if (code)
        return code;
    code =
        store_appeal_lock(applier->pg, decided->appeal_id, applier->arena, &applying.appeal, err);
    bool same = code == ERR_OK && str_eq(applying.appeal.account_id, decided->account_id) &&
                str_eq_text(decided->kind, appeal_kinds[applying.appeal.kind].name);
    if (code == ERR_OK && !same)
        code = ERR(err, ERR_NOT_FOUND, "the application is another account's or of another kind");
    bool open = code == ERR_OK && applying.appeal.state == APPEAL_FILED;
    if (open)
        code = apply_open(applier, &applying, err);
    if (code || !open) {
        pg_rollback(applier->pg);
        return code ? code : tell_again(applier, &applying, err);
    }
    code = pg_commit(applier->pg, err);
    if (code)
        return code;
    metric_count(METRIC_sy_appeals_decided_total, appeal_kinds[applying.appeal.kind].name,
                 applying.outcome ? applying.outcome : decided->decision.ptr);
    if (applying.news.account_id.len == 0)
        return ERR_OK;
    relay_wake(applier->binding->relay);
    log_event(LOG_INFO, "decision applied", LOG_STR("appeal_id", decided->appeal_id),
              LOG_TEXT("outcome", applying.outcome));
    return tell_redis(applier, &applying.news, err);
}
