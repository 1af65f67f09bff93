#include "services/office/domain.h"

/* clang-format off */
const struct review_reason review_reasons[] = {
    {"area",      "生源地与入学前户籍所在地不符，请核对到区县",       false},
    {"household", "户口或户籍派出所信息有误，请核对后修改",           false},
    {"archive",   "入学前档案所在单位有误，请核对后修改",             false},
    {"contact",   "联系电话、邮箱或 QQ 有误，请核对后修改",           false},
    {"address",   "家庭地址不详细，请写到门牌号",                     false},
    {"unit",      "定向或委培单位有误，请与协议书核对",               false},
    {"category",  "师范生、困难生或城乡类别有误，请核对后修改",       false},
    {"political", "政治面貌有误，请核对后修改",                       false},
    {"roster",    "学籍信息有误，请先提交申请由学校更正",             false},
    {"asked",     "应本人要求退回修改",                               false},
    {"other",     "其他问题，请按说明修改",                           true},
};
/* clang-format on */
const size_t review_reason_count = sizeof review_reasons / sizeof review_reasons[0];

const struct review_reason *
review_reason_find(struct str code)
{
    for (size_t i = 0; i < review_reason_count; i++)
        if (str_eq_text(code, review_reasons[i].code))
            return &review_reasons[i];
    return NULL;
}

enum review_state
decision_visible(const struct decision_facts *facts)
{
    return review_visible(facts->accepted_id, facts->decided_id, facts->decided);
}

static bool
is_vouched(const struct decision_facts *facts)
{
    enum review_state seen = decision_visible(facts);
    return seen == REVIEW_SCHOOL_APPROVED || seen == REVIEW_REPORTED;
}

struct str
decision_current_id(const struct decision_facts *facts)
{
    return is_vouched(facts) ? facts->decided_id : facts->accepted_id;
}

int64_t
decision_current_revision(const struct decision_facts *facts)
{
    return is_vouched(facts) ? facts->decided_revision : facts->accepted_revision;
}

static struct decision_verdict
invalid(const char *member, const char *text)
{
    return (struct decision_verdict){.outcome = DECISION_INVALID, .member = member, .text = text};
}

/* What is wrong with the reason; NULL member when nothing is. */
static struct decision_verdict
reason_check(const struct decision *asked, enum review_action action)
{
    const struct review_reason *reason = review_reason_find(asked->reason_code);
    if (asked->reason_code.len && reason == NULL)
        return invalid("reason_code", "没有这个退回原因，请从原因列表中选择");
    if (utf8_length(asked->reason) > REASON_LENGTH_MAX)
        return invalid("reason", "说明过长，请控制在 200 字以内");
    if (action == REVIEW_RETURN && reason == NULL)
        return invalid("reason_code", "退回须说明原因，请从原因列表中选择");
    if (reason && reason->needs_text && asked->reason.len == 0)
        return invalid("reason", "请写明需要修改的内容");
    if (action == REVIEW_UNLOCK && asked->reason.len == 0)
        return invalid("reason", "解除上报须写明原因");
    return (struct decision_verdict){.member = NULL};
}

/* Sent twice, as after an answer that was lost: what was asked is how it stands. */
static bool
is_repeated(const struct decision *asked, const struct decision_facts *facts,
            enum review_action action, enum review_role role, struct str decided_by)
{
    enum review_state to = REVIEW_NONE;
    if (!str_eq(asked->submission_id, facts->decided_id) || !str_eq(facts->decided_by, decided_by))
        return false;
    for (enum review_state from = 0; from < REVIEW_STATE_COUNT_; from++)
        if (review_transition(action, role, from, &to) && to == facts->decided)
            return true;
    return false;
}

struct decision_verdict
decide(const struct decision *asked, const struct decision_facts *facts, enum review_role role,
       struct str decided_by)
{
    struct decision_verdict verdict = {.outcome = DECISION_MADE};
    if (!review_action_parse(asked->action, &verdict.action) || verdict.action == REVIEW_SUBMIT)
        return invalid("action", "没有这个操作");
    struct decision_verdict wrong = reason_check(asked, verdict.action);
    if (wrong.member)
        return wrong;
    if (!facts->known) {
        verdict.outcome = DECISION_UNKNOWN;
        return verdict;
    }
    verdict.from = decision_visible(facts);
    if (is_repeated(asked, facts, verdict.action, role, decided_by)) {
        verdict.outcome = DECISION_REPEATED;
        verdict.to = facts->decided;
    } else if (!str_eq(asked->submission_id, decision_current_id(facts))) {
        verdict.outcome = DECISION_STALE;
        verdict.text = "学生已有新的提交，请刷新后按最新内容审核";
    } else if (!review_transition(verdict.action, role, verdict.from, &verdict.to)) {
        verdict.outcome = DECISION_REFUSED;
    }
    return verdict;
}

bool
field_shown(enum field_id field, enum review_role role)
{
    switch ((int)field) {
    case FIELD_SFZH:
    case FIELD_KSH:
    case FIELD_SJHM:
    case FIELD_JTDH:
        return false;
    default: /* who reviews has to read what was written */
        return !fields[field].sensitive || role != REVIEW_BY_PROVINCE;
    }
}

struct str
text_masked(struct str text, struct arena *arena)
{
    enum { HEAD = 3, TAIL = 4 };
    struct buf out;
    size_t length = utf8_length(text);
    size_t offset = 0;
    buf_init(&out, 4096);
    for (size_t i = 0; offset < text.len; i++) {
        size_t from = offset;
        (void)utf8_next(text, &offset);
        bool shown = length > HEAD + TAIL && (i < HEAD || i >= length - TAIL);
        buf_add(&out, shown ? (struct str){text.ptr + from, offset - from} : STR("*"));
    }
    struct str copy = arena_copy(arena, buf_str(&out));
    buf_done(&out);
    return copy;
}

/* --- applications --- */

#define MAY(role) (1u << (role))
static const unsigned appeal_deciders[APPEAL_KIND_COUNT_] = {
    [APPEAL_ROSTER_MISMATCH] = MAY(REVIEW_BY_COLLEGE) | MAY(REVIEW_BY_SCHOOL),
    [APPEAL_MAJOR_MISSING] = MAY(REVIEW_BY_SCHOOL),
    [APPEAL_FIELD_CORRECTION] = MAY(REVIEW_BY_COLLEGE) | MAY(REVIEW_BY_SCHOOL),
    [APPEAL_UNBIND] = MAY(REVIEW_BY_SCHOOL),
    [APPEAL_LOST_ACCOUNT] = MAY(REVIEW_BY_SCHOOL),
    [APPEAL_ERASURE] = MAY(REVIEW_BY_SCHOOL),
    /* the path beside the face check: who knows the student in person */
    [APPEAL_IDENTITY_CONFIRMATION] =
        MAY(REVIEW_BY_COUNSELLOR) | MAY(REVIEW_BY_COLLEGE) | MAY(REVIEW_BY_SCHOOL),
};

bool
appeal_decider(enum appeal_kind kind, enum review_role role)
{
    return appeal_deciders[kind] & MAY(role);
}

void
appeal_deciders_write(enum appeal_kind kind, struct buf *out)
{
    static const char *const labels[REVIEW_ROLE_COUNT_] = {
        [REVIEW_BY_COUNSELLOR] = "辅导员",
        [REVIEW_BY_COLLEGE] = "学院",
        [REVIEW_BY_SCHOOL] = "学校",
    };
    bool any = false;
    for (unsigned role = 0; role < REVIEW_ROLE_COUNT_; role++)
        if (appeal_deciders[kind] & MAY(role)) {
            buf_printf(out, "%s%s", any ? "、" : "", labels[role]);
            any = true;
        }
}

bool
text_has_number(struct str text)
{
    enum { DIGITS = 11 }; /* a mobile number; document numbers are longer */
    size_t run = 0;
    bool landline = false; /* begins with 0: the office's own, to be called */
    for (size_t i = 0; i < text.len && run < DIGITS; i++) {
        char c = text.ptr[i];
        bool digit = c >= '0' && c <= '9';
        if (digit && run == 0)
            landline = landline || c == '0';
        if (digit && !landline)
            run++;
        else if (!digit && c != ' ' && c != '-') {
            run = 0;
            landline = false;
        }
    }
    return run >= DIGITS;
}
