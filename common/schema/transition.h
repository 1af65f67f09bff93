/*
 * The review of a record: its states, who may bring it from one into another, and what it is told
 * to be. One table; what it lacks is refused, with a sentence that says who can do it. A decision
 * is of one revision: what is seen is computed from the newest accepted revision (validation's) and
 * the newest decision (office's). Pure.
 */
#pragma once

#include "base/buf.h"

/* clang-format off */
/*    id                       word                label            locked  what now */
#define REVIEW_STATES(X) \
    X(REVIEW_NONE,             "none",             "尚未提交",      false,  "由学生填写并提交") \
    X(REVIEW_SUBMITTED,        "submitted",        "待学院审核",    false,  "由学院审核；学生可以撤回后修改") \
    X(REVIEW_WITHDRAWN,        "withdrawn",        "已撤回",        false,  "由学生修改后重新提交") \
    X(REVIEW_RETURNED,         "returned",         "已退回",        false,  "由学生按退回原因修改后重新提交") \
    X(REVIEW_COLLEGE_APPROVED, "college_approved", "学院已审核",    true,   "由学校审核；需要修改的，请联系学院退回") \
    X(REVIEW_SCHOOL_APPROVED,  "school_approved",  "学校已确认",    true,   "由学校上报；需要修改的，请联系学校退回") \
    X(REVIEW_REPORTED,         "reported",         "已上报省级",    true,   "需要修改的，请联系学校，由学校报请省级退回")
/*    id              word        what it is called */
#define REVIEW_ACTIONS(X) \
    X(REVIEW_SUBMIT,   "submit",   "提交") \
    X(REVIEW_WITHDRAW, "withdraw", "撤回") \
    X(REVIEW_RETURN,   "return",   "退回") \
    X(REVIEW_APPROVE,  "approve",  "审核通过") \
    X(REVIEW_REPORT,   "report",   "上报") \
    X(REVIEW_UNLOCK,   "unlock",   "解除上报")
#define REVIEW_ROLES(X) \
    X(REVIEW_BY_STUDENT,    "student",    "学生") \
    X(REVIEW_BY_COUNSELLOR, "counsellor", "辅导员") \
    X(REVIEW_BY_COLLEGE,    "college",    "学院") \
    X(REVIEW_BY_SCHOOL,     "school",     "学校") \
    X(REVIEW_BY_PROVINCE,   "province",   "省级")
/* clang-format on */

enum review_state {
#define X(id, ...) id,
    REVIEW_STATES(X)
#undef X
        REVIEW_STATE_COUNT_
};
enum review_action {
#define X(id, ...) id,
    REVIEW_ACTIONS(X)
#undef X
        REVIEW_ACTION_COUNT_
};
enum review_role {
#define X(id, ...) id,
    REVIEW_ROLES(X)
#undef X
        REVIEW_ROLE_COUNT_
};

struct review_state_row {
    const char *word;
    const char *label;
    bool locked; /* the student can change nothing */
    const char *next;
};
extern const struct review_state_row review_states[REVIEW_STATE_COUNT_];
const char *review_action_word(enum review_action action);
const char *review_role_word(enum review_role role);
bool review_state_parse(struct str word, enum review_state *ret_state);
bool review_action_parse(struct str word, enum review_action *ret_action);
bool review_role_parse(struct str word, enum review_role *ret_role);

/* The state seen: `decided` is of the submission `decided_id` (empty: nothing was ever decided),
 * `accepted_id` the newest accepted one (empty: none). A newer revision is to be reviewed anew,
 * unless the school has vouched for the older one. */
enum review_state review_visible(struct str accepted_id, struct str decided_id,
                                 enum review_state decided);

/* False: refused; review_refusal says why. */
bool review_transition(enum review_action action, enum review_role role, enum review_state from,
                       enum review_state *ret_to);
/* A sentence: how things stand, and who can do what is asked, or what can be done. */
void review_refusal(enum review_action action, enum review_role role, enum review_state from,
                    struct buf *out);
/* What the student of a locked record is told; NULL when it is not locked. */
const char *review_lock_text(enum review_state state);
/* The table as Markdown. */
void review_write_docs(struct buf *out);
