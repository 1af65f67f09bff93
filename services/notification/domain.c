#include "services/notification/domain.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "schema/json.h"

enum { RETRY_MAX_S = 3600, HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS, CHINA_MS = 8 * HOUR_MS };

/* clang-format off */
const struct notice_kind_row notice_kinds[NOTICE_KIND_COUNT_] = {
    [NOTICE_ACCEPTED]         = {"accepted",         NOTICE_RESULT,      "核验通过", "已提交，请等待学校审核"},
    [NOTICE_REJECTED]         = {"rejected",         NOTICE_RESULT,      "需要修改", "有%d项需修改，请打开小程序查看"},
    [NOTICE_RETURNED]         = {"returned",         NOTICE_RESULT,      "退回修改", "请按退回原因修改后再提交"},
    [NOTICE_COLLEGE_APPROVED] = {"college_approved", NOTICE_RESULT,      "院系通过", "请等待学校审核"},
    [NOTICE_SCHOOL_APPROVED]  = {"school_approved",  NOTICE_RESULT,      "学校通过", "请等待学校上报"},
    [NOTICE_REPORTED]         = {"reported",         NOTICE_RESULT,      "已经上报", "如需更正请联系学校就业部门"},
    [NOTICE_DECIDED]          = {"decided",          NOTICE_APPLICATION, "已经处理", "请打开小程序查看处理结果"},
    [NOTICE_WINDOW_CLOSING]   = {"window_closing",   NOTICE_CLOSING,     "即将截止", "还剩%d天，请尽快完成上报"},
};
const struct notice_template_row notice_templates[NOTICE_TEMPLATE_COUNT_] = {
    [NOTICE_RESULT]      = {"result",      4, {VALUE_SUBJECT, VALUE_RESULT, VALUE_TIME, VALUE_REMARK}, 2, {VALUE_SUBJECT, VALUE_RESULT}},
    [NOTICE_APPLICATION] = {"application", 4, {VALUE_SUBJECT, VALUE_RESULT, VALUE_TIME, VALUE_REMARK}, 2, {VALUE_SUBJECT, VALUE_RESULT}},
    [NOTICE_CLOSING]     = {"closing",     3, {VALUE_SUBJECT, VALUE_TIME, VALUE_REMARK},               2, {VALUE_SUBJECT, VALUE_TIME}},
};
/* Code points that a place of a template takes: the platforms refuse a longer value (47003). Of an
 * SMS the variable's: a message of one part has room for two of these. */
static const struct {
    const char *kind;
    size_t limit;
} field_limits[] = {
    {"thing", 20}, {"phrase", 5}, {"name", 10}, {"character_string", 32}, {"number", 32}, {"phone_number", 17},
    {"time", 32}, {"date", 32}, {"sms", 20},
};
static const struct errcode_row errcodes[] = {
    {0,     ERRCODE_SENT,  false, false},
    {-1,    ERRCODE_RETRY, false, false}, /* busy */
    {40001, ERRCODE_TOKEN, false, false},
    {40014, ERRCODE_TOKEN, false, false},
    {41001, ERRCODE_TOKEN, false, false},
    {42001, ERRCODE_TOKEN, false, false},
    {43108, ERRCODE_RETRY, false, false}, /* two messages to one person at the same time */
    {45009, ERRCODE_RETRY, false, false}, /* the day's quota */
    {45011, ERRCODE_RETRY, false, false}, /* the minute's */
    {40003, ERRCODE_SMS,   false, false}, /* openid */
    {43101, ERRCODE_SMS,   true,  false}, /* refused, or used up */
    {43107, ERRCODE_SMS,   false, true},  /* the account may send none */
    {45168, ERRCODE_SMS,   false, false}, /* a word that the platform does not like */
    {40037, ERRCODE_SMS,   false, true},  /* template */
    {41030, ERRCODE_SMS,   false, true},  /* page */
    {47003, ERRCODE_SMS,   false, true},  /* a parameter */
    {48001, ERRCODE_SMS,   false, true},  /* no right to this call */
};
/* clang-format on */
/* An answer is an answer: whatever it says, the message was not taken. */
static const struct errcode_row errcode_unknown = {1, ERRCODE_SMS, false, true};

bool
notice_kind_parse(struct str word, enum notice_kind *ret_kind)
{
    for (unsigned i = 0; i < NOTICE_KIND_COUNT_; i++)
        if (str_eq_text(word, notice_kinds[i].word)) {
            *ret_kind = (enum notice_kind)i;
            return true;
        }
    return false;
}

bool
notice_template_parse(struct str word, enum notice_template *ret_template)
{
    for (unsigned i = 0; i < NOTICE_TEMPLATE_COUNT_; i++)
        if (str_eq_text(word, notice_templates[i].word)) {
            *ret_template = (enum notice_template)i;
            return true;
        }
    return false;
}

/* --- values --- */

size_t
notice_field_limit(struct str field)
{
    while (field.len && field.ptr[field.len - 1] >= '0' && field.ptr[field.len - 1] <= '9')
        field.len--;
    for (size_t i = 0; i < sizeof field_limits / sizeof field_limits[0]; i++)
        if (str_eq_text(field, field_limits[i].kind))
            return field_limits[i].limit;
    return 0;
}

bool
notice_fields_parse(struct str text, enum notice_template template,
                    struct str ret_names[NOTICE_VALUES_MAX])
{
    size_t count = 0;
    while (text.len) {
        struct str name = str_cut(&text, ',');
        if (count == notice_templates[template].value_count || notice_field_limit(name) == 0)
            return false;
        ret_names[count++] = name;
    }
    return count == notice_templates[template].value_count;
}

struct str
notice_value_fit(struct str field, struct str text, struct arena *arena)
{
    size_t limit = notice_field_limit(field);
    bool long_one = utf8_length(text) > limit;
    struct str kept = long_one ? utf8_prefix(text, limit - 1) : text;
    struct str copy = arena_copy(arena, kept);
    char *bytes = (char *)(uintptr_t)copy.ptr;
    for (size_t i = 0; i < copy.len; i++)
        if ((unsigned char)bytes[i] < ' ' || bytes[i] == 0x7f)
            bytes[i] = ' ';
    if (long_one)
        return arena_printf(arena, "%.*s…", STR_ARG(copy));
    return copy.len ? copy : STR("-");
}

struct str
notice_time_text(int64_t time_ms, struct arena *arena)
{
    uint32_t date = clock_china_date(time_ms);
    int64_t of_day_ms = (time_ms + CHINA_MS) % DAY_MS;
    return arena_printf(arena, "%u年%u月%u日 %02d:%02d", date / 10000, date / 100 % 100, date % 100,
                        (int)(of_day_ms / HOUR_MS), (int)(of_day_ms / 60000 % 60));
}

struct str
notice_day(int64_t now_ms, struct arena *arena)
{
    uint32_t date = clock_china_date(now_ms);
    return arena_printf(arena, "%04u-%02u-%02u", date / 10000, date / 100 % 100, date % 100);
}

static struct str
remark_of(const char *remark, int64_t number, struct arena *arena)
{
    struct str rest = str_of(remark);
    const char *place = strstr(remark, "%d");
    if (place == NULL)
        return rest;
    struct str before = {remark, (size_t)(place - remark)};
    return arena_printf(arena, "%.*s%" PRId64 "%s", STR_ARG(before), number, place + 2);
}

struct str
notice_value_text(enum notice_kind kind, const struct notice_details *details,
                  enum notice_value value, struct arena *arena)
{
    const struct notice_kind_row *row = &notice_kinds[kind];
    switch (value) {
    case VALUE_SUBJECT:
        return details->subject.len ? details->subject : STR("生源信息上报");
    case VALUE_RESULT:
        return details->result.len ? details->result : str_of(row->result);
    case VALUE_TIME:
        return notice_time_text(details->at_ms, arena);
    case VALUE_REMARK:
        break;
    }
    return details->remark.len ? details->remark : remark_of(row->remark, details->number, arena);
}

/* --- events --- */

static const struct json_row detail_rows[] = {
    JSON_ROW(struct notice_details, at_ms, JSON_KIND_INT, true),
    JSON_ROW(struct notice_details, number, JSON_KIND_INT, false),
    JSON_ROW(struct notice_details, subject, JSON_KIND_STR, false),
    JSON_ROW(struct notice_details, result, JSON_KIND_STR, false),
    JSON_ROW(struct notice_details, remark, JSON_KIND_STR, false),
};

struct str
notice_details_encode(const struct notice_details *details, struct arena *arena)
{
    struct buf text;
    buf_init(&text, LIMIT_MESSAGE);
    struct jsonw w = jsonw_on(&text);
    jsonw_object_open(&w);
    jsonw_member_int(&w, "at_ms", details->at_ms);
    jsonw_member_int(&w, "number", details->number);
    if (details->subject.len)
        jsonw_member(&w, "subject", details->subject);
    if (details->result.len)
        jsonw_member(&w, "result", details->result);
    if (details->remark.len)
        jsonw_member(&w, "remark", details->remark);
    jsonw_object_close(&w);
    struct str copy = arena_copy(arena, buf_str(&text));
    buf_done(&text);
    return copy;
}

enum err_code
notice_details_decode(struct str text, struct arena *arena, struct notice_details *ret_details,
                      struct err *err)
{
    const struct json *root = NULL;
    enum err_code code = json_parse_in(arena, text, &root, err);
    return code ? code
                : json_read(root, detail_rows, sizeof detail_rows / sizeof detail_rows[0], false,
                            ret_details, NULL, err);
}

/* How many findings keep a submission from being accepted. */
static int64_t
findings_count(struct str findings, struct arena *arena)
{
    struct err err = {0};
    const struct json *root = NULL;
    int64_t count = 0;
    if (findings.len == 0 || json_parse_in(arena, findings, &root, &err))
        return 0;
    for (const struct json *one = json_first(root); one; one = json_next(one))
        count += str_eq(json_str(json_get(one, "severity")), STR("reject"));
    return count;
}

bool
notice_of_judged(const struct submission_judged *event, struct arena *arena,
                 struct notice_made *ret_notice)
{
    bool accepted = str_eq(event->outcome, STR("accepted"));
    *ret_notice = (struct notice_made){
        .kind = accepted ? NOTICE_ACCEPTED : NOTICE_REJECTED,
        .recipient = event->student_id,
        .transition = event->submission_id,
        .student_id = event->student_id,
        .campaign_id = event->campaign_id,
        .details = {.at_ms = event->judged_at_ms,
                    .number = accepted ? 0 : findings_count(event->findings, arena)},
    };
    if (!accepted && ret_notice->details.number == 0)
        ret_notice->details.remark = STR("请打开小程序查看并修改");
    return true;
}

bool
notice_of_review(const struct review_decided *event, struct arena *arena,
                 struct notice_made *ret_notice)
{
    static const struct {
        const char *to;
        enum notice_kind kind;
    } rows[] = {{"returned", NOTICE_RETURNED},
                {"college_approved", NOTICE_COLLEGE_APPROVED},
                {"school_approved", NOTICE_SCHOOL_APPROVED},
                {"reported", NOTICE_REPORTED}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!str_eq_text(event->to, rows[i].to))
            continue;
        *ret_notice = (struct notice_made){
            .kind = rows[i].kind,
            .recipient = event->student_id,
            /* One revision may be approved, returned and approved again: the moment is part of it.
             */
            .transition =
                arena_printf(arena, "%.*s/%" PRId64, STR_ARG(event->submission_id), event->at_ms),
            .student_id = event->student_id,
            .campaign_id = event->campaign_id,
            .details = {.at_ms = event->at_ms,
                        .remark = rows[i].kind == NOTICE_RETURNED ? event->reason : STR_NONE},
        };
        return true;
    }
    return false; /* a withdrawal is the student's own doing */
}

bool
notice_of_appeal(const struct appeal_decided *event, struct notice_made *ret_notice)
{
    static const struct {
        const char *kind;
        const char *subject;
    } rows[] = {
        {"roster_mismatch", "学籍信息不一致申请"}, {"major_missing", "专业缺失申请"},
        {"field_correction", "信息更正申请"},      {"unbind", "解除绑定申请"},
        {"lost_account", "账号找回申请"},          {"identity_confirmation", "身份确认申请"}};
    *ret_notice = (struct notice_made){
        .kind = NOTICE_DECIDED,
        .recipient = event->account_id,
        .transition = event->appeal_id,
        .student_id = event->student_id,
        .account_id = event->account_id,
        .details = {.at_ms = event->at_ms,
                    .subject = STR("申请"),
                    .result =
                        str_eq(event->decision, STR("accepted")) ? STR("已同意") : STR("未同意"),
                    .remark = event->reason},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (str_eq_text(event->kind, rows[i].kind))
            ret_notice->details.subject = str_of(rows[i].subject);
    return true;
}

/* --- when and how --- */

bool
notice_sms_kinds_parse(struct str text, struct notice_policy *policy)
{
    while (text.len) {
        enum notice_kind kind;
        if (!notice_kind_parse(str_cut(&text, ','), &kind))
            return false;
        policy->sms_kind[kind] = true;
    }
    return true;
}

const char *
notice_channel_name(enum notice_channel channel)
{
    return channel == CHANNEL_SMS ? "sms" : "wechat";
}

int64_t
notice_due_ms(const struct notice_policy *policy, bool urgent, int64_t now_ms)
{
    unsigned from = policy->quiet_from_h;
    unsigned to = policy->quiet_to_h;
    int64_t day_ms = (now_ms + CHINA_MS) / DAY_MS * DAY_MS - CHINA_MS; /* midnight in China */
    unsigned hour = (unsigned)((now_ms - day_ms) / HOUR_MS);
    bool quiet = from < to ? hour >= from && hour < to : from > to && (hour >= from || hour < to);
    if (urgent || !quiet)
        return now_ms;
    int64_t end_ms = day_ms + (int64_t)to * HOUR_MS;
    return end_ms > now_ms ? end_ms : end_ms + DAY_MS;
}

int64_t
notice_tomorrow_ms(const struct notice_policy *policy, int64_t now_ms)
{
    int64_t midnight_ms = ((now_ms + CHINA_MS) / DAY_MS + 1) * DAY_MS - CHINA_MS;
    return notice_due_ms(policy, false, midnight_ms);
}

static struct notice_plan
send_by(enum notice_channel channel)
{
    return (struct notice_plan){.step = STEP_SEND, .channel = channel};
}

static struct notice_plan
end_with(const char *state, const char *outcome)
{
    return (struct notice_plan){.step = STEP_END, .state = state, .outcome = outcome};
}

static struct notice_plan
later_at(const struct notice_facts *facts, int64_t due_ms, const char *outcome)
{
    if (due_ms > facts->deadline_ms)
        return end_with("failed", outcome);
    return (struct notice_plan){.step = STEP_LATER, .due_ms = due_ms, .outcome = outcome};
}

/* By SMS, or the end for want of it. */
static struct notice_plan
by_sms(const struct notice_facts *facts, const struct notice_policy *policy, const char *state,
       const char *outcome)
{
    bool worth =
        policy->sms_kind[facts->kind] && policy->sms_template[notice_kinds[facts->kind].template];
    if (!worth)
        return end_with(state, outcome);
    return facts->phone_known ? send_by(CHANNEL_SMS) : end_with("undeliverable", "no-phone");
}

struct notice_plan
notice_plan(const struct notice_facts *facts, const struct notice_policy *policy, int64_t now_ms)
{
    if (now_ms > facts->deadline_ms)
        return end_with("failed", "deadline");
    if (!facts->account_known)
        return end_with("undeliverable", "no-account");
    int64_t due_ms = notice_due_ms(policy, facts->urgent, now_ms);
    if (due_ms > now_ms)
        return later_at(facts, due_ms, "quiet-hours");
    if (facts->wechat_over)
        return by_sms(facts, policy, "undeliverable", "refused");
    if (facts->mini_program && facts->consents > 0 &&
        policy->wechat_template[notice_kinds[facts->kind].template])
        return send_by(CHANNEL_WECHAT);
    return by_sms(facts, policy, "skipped", "no-consent");
}

struct notice_plan
notice_again(const struct notice_facts *facts, const struct notice_policy *policy,
             const char *outcome, int64_t now_ms)
{
    int64_t wait_s = policy->retry_min_s;
    for (int64_t i = 0; i < facts->tries && wait_s < RETRY_MAX_S; i++)
        wait_s *= 2;
    wait_s = wait_s < RETRY_MAX_S ? wait_s : RETRY_MAX_S;
    return later_at(facts, now_ms + wait_s * 1000, outcome);
}

struct notice_plan
notice_without_budget(const struct notice_facts *facts, const struct notice_policy *policy,
                      int64_t now_ms)
{
    return later_at(facts, notice_tomorrow_ms(policy, now_ms), "budget");
}

const struct errcode_row *
notice_errcode(int64_t errcode)
{
    for (size_t i = 0; i < sizeof errcodes / sizeof errcodes[0]; i++)
        if (errcodes[i].errcode == errcode)
            return &errcodes[i];
    return &errcode_unknown;
}

struct notice_plan
notice_after_wechat(const struct notice_facts *facts, const struct notice_policy *policy,
                    int64_t errcode, int64_t now_ms)
{
    const struct errcode_row *row = notice_errcode(errcode);
    switch (row->action) {
    case ERRCODE_SENT:
        return end_with("sent", "wechat");
    case ERRCODE_RETRY:
    case ERRCODE_TOKEN: /* a new one was refused as well */
        return notice_again(facts, policy, "wechat-busy", now_ms);
    case ERRCODE_SMS:
        break;
    }
    return by_sms(facts, policy, row->misconfigured ? "failed" : "undeliverable",
                  row->misconfigured ? "wechat-misconfigured" : "wechat-refused");
}

struct notice_plan
notice_after_sms(const struct notice_facts *facts, const struct notice_policy *policy,
                 enum sms_outcome outcome, int64_t now_ms)
{
    switch (outcome) {
    case SMS_SENT:
        return end_with("sent", "sms");
    case SMS_LIMITED:
        return later_at(facts, notice_tomorrow_ms(policy, now_ms), "sms-limited");
    case SMS_NUMBER:
        return end_with("undeliverable", "sms-number");
    case SMS_MAYBE_SENT:
        return end_with("unknown", "no-answer");
    case SMS_BUSY:
        return notice_again(facts, policy, "sms-busy", now_ms);
    case SMS_MISCONFIGURED: /* an operator mends that, and then it goes out */
        break;
    }
    return notice_again(facts, policy, "sms-misconfigured", now_ms);
}
