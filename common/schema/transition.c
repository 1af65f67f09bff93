#include "schema/transition.h"

#define AT(state) (1u << (state))

const struct review_state_row review_states[REVIEW_STATE_COUNT_] = {
#define X(id, word, label, locked, next) [id] = {(word), (label), (locked), (next)},
    REVIEW_STATES(X)
#undef X
};
static const struct {
    const char *word;
    const char *label;
} actions[REVIEW_ACTION_COUNT_] =
    {
#define X(id, word, label) [id] = {(word), (label)},
        REVIEW_ACTIONS(X)
#undef X
},
  roles[REVIEW_ROLE_COUNT_] = {
#define X(id, word, label) [id] = {(word), (label)},
      REVIEW_ROLES(X)
#undef X
};

/* clang-format off */
/* `submit` is what an accepted judgement does: nobody writes it, review_visible sees it. */
static const struct {
    enum review_action action;
    enum review_role role;
    unsigned from; /* AT(…), or-ed */
    enum review_state to;
} table[] = {
    {REVIEW_SUBMIT,   REVIEW_BY_STUDENT,    AT(REVIEW_NONE) | AT(REVIEW_SUBMITTED) | AT(REVIEW_WITHDRAWN) | AT(REVIEW_RETURNED), REVIEW_SUBMITTED},
    {REVIEW_WITHDRAW, REVIEW_BY_STUDENT,    AT(REVIEW_SUBMITTED),                                  REVIEW_WITHDRAWN},
    {REVIEW_RETURN,   REVIEW_BY_COUNSELLOR, AT(REVIEW_SUBMITTED),                                  REVIEW_RETURNED},
    {REVIEW_RETURN,   REVIEW_BY_COLLEGE,    AT(REVIEW_SUBMITTED) | AT(REVIEW_COLLEGE_APPROVED),    REVIEW_RETURNED},
    {REVIEW_RETURN,   REVIEW_BY_SCHOOL,     AT(REVIEW_SUBMITTED) | AT(REVIEW_COLLEGE_APPROVED) | AT(REVIEW_SCHOOL_APPROVED), REVIEW_RETURNED},
    {REVIEW_RETURN,   REVIEW_BY_PROVINCE,   AT(REVIEW_REPORTED),                                   REVIEW_RETURNED},
    {REVIEW_APPROVE,  REVIEW_BY_COLLEGE,    AT(REVIEW_SUBMITTED),                                  REVIEW_COLLEGE_APPROVED},
    {REVIEW_APPROVE,  REVIEW_BY_SCHOOL,     AT(REVIEW_COLLEGE_APPROVED),                           REVIEW_SCHOOL_APPROVED},
    {REVIEW_REPORT,   REVIEW_BY_SCHOOL,     AT(REVIEW_SCHOOL_APPROVED),                            REVIEW_REPORTED},
    {REVIEW_UNLOCK,   REVIEW_BY_PROVINCE,   AT(REVIEW_REPORTED),                                   REVIEW_SCHOOL_APPROVED},
};
/* clang-format on */
enum { TABLE_ROWS = sizeof table / sizeof table[0] };

const char *
review_action_word(enum review_action action)
{
    return actions[action].word;
}

const char *
review_role_word(enum review_role role)
{
    return roles[role].word;
}

bool
review_state_parse(struct str word, enum review_state *ret_state)
{
    for (unsigned i = 0; i < REVIEW_STATE_COUNT_; i++)
        if (str_eq_text(word, review_states[i].word)) {
            *ret_state = (enum review_state)i;
            return true;
        }
    return false;
}

bool
review_action_parse(struct str word, enum review_action *ret_action)
{
    for (unsigned i = 0; i < REVIEW_ACTION_COUNT_; i++)
        if (str_eq_text(word, actions[i].word)) {
            *ret_action = (enum review_action)i;
            return true;
        }
    return false;
}

bool
review_role_parse(struct str word, enum review_role *ret_role)
{
    for (unsigned i = 0; i < REVIEW_ROLE_COUNT_; i++)
        if (str_eq_text(word, roles[i].word)) {
            *ret_role = (enum review_role)i;
            return true;
        }
    return false;
}

enum review_state
review_visible(struct str accepted_id, struct str decided_id, enum review_state decided)
{
    if (accepted_id.len == 0)
        return REVIEW_NONE;
    if (decided_id.len == 0)
        return REVIEW_SUBMITTED;
    bool vouched = decided == REVIEW_SCHOOL_APPROVED || decided == REVIEW_REPORTED;
    return vouched || str_eq(accepted_id, decided_id) ? decided : REVIEW_SUBMITTED;
}

bool
review_transition(enum review_action action, enum review_role role, enum review_state from,
                  enum review_state *ret_to)
{
    for (size_t i = 0; i < TABLE_ROWS; i++)
        if (table[i].action == action && table[i].role == role && table[i].from & AT(from)) {
            *ret_to = table[i].to;
            return true;
        }
    return false;
}

void
review_refusal(enum review_action action, enum review_role role, enum review_state from,
               struct buf *out)
{
    bool somebody = false;
    buf_printf(out, "现为“%s”，%s不能%s。", review_states[from].label, roles[role].label,
               actions[action].label);
    for (size_t i = 0; i < TABLE_ROWS; i++)
        if (table[i].action == action && table[i].from & AT(from)) {
            buf_printf(out, "%s%s", somebody ? "、" : "", roles[table[i].role].label);
            somebody = true;
        }
    if (somebody)
        buf_printf(out, "可以%s", actions[action].label);
    else
        buf_add_text(out, review_states[from].next);
}

const char *
review_lock_text(enum review_state state)
{
    static const char *const texts[REVIEW_STATE_COUNT_] = {
        [REVIEW_COLLEGE_APPROVED] = "学院已审核，不能再提交；需要修改的，请联系学院退回后再提交",
        [REVIEW_SCHOOL_APPROVED] = "学校已确认，不能再提交；需要修改的，请联系学校退回后再提交",
        [REVIEW_REPORTED] = "已上报省级，不能再提交；需要修改的，请联系学校，由学校报请省级退回",
    };
    return texts[state];
}

void
review_write_docs(struct buf *out)
{
    buf_add_text(out, "| from | action | by | to |\n|---|---|---|---|\n");
    for (unsigned from = 0; from < REVIEW_STATE_COUNT_; from++)
        for (size_t i = 0; i < TABLE_ROWS; i++)
            if (table[i].from & AT(from))
                buf_printf(out, "| %s `%s`%s | %s | %s | `%s` |\n", review_states[from].label,
                           review_states[from].word, review_states[from].locked ? " (locked)" : "",
                           actions[table[i].action].word, roles[table[i].role].word,
                           review_states[table[i].to].word);
}
