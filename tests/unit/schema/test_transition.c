#include "tests/unit/test.h"

#include "schema/transition.h"

/* What was agreed, written a second time: from, action, who, to. Everything else is refused. */
static const struct {
    const char *from;
    const char *action;
    const char *role;
    const char *to;
} agreed[] = {
    {"none", "submit", "student", "submitted"},
    {"submitted", "submit", "student", "submitted"},
    {"withdrawn", "submit", "student", "submitted"},
    {"returned", "submit", "student", "submitted"},
    {"submitted", "withdraw", "student", "withdrawn"},
    {"submitted", "return", "counsellor", "returned"},
    {"submitted", "return", "college", "returned"},
    {"submitted", "return", "school", "returned"},
    {"college_approved", "return", "college", "returned"},
    {"college_approved", "return", "school", "returned"},
    {"school_approved", "return", "school", "returned"},
    {"reported", "return", "province", "returned"},
    {"submitted", "approve", "college", "college_approved"},
    {"college_approved", "approve", "school", "school_approved"},
    {"school_approved", "report", "school", "reported"},
    {"reported", "unlock", "province", "school_approved"},
};
enum { AGREED = sizeof agreed / sizeof agreed[0] };

static const char *
agreed_to(enum review_state from, enum review_action action, enum review_role role)
{
    for (size_t i = 0; i < AGREED; i++)
        if (strcmp(agreed[i].from, review_states[from].word) == 0 &&
            strcmp(agreed[i].action, review_action_word(action)) == 0 &&
            strcmp(agreed[i].role, review_role_word(role)) == 0)
            return agreed[i].to;
    return NULL;
}

static void
every_cell_is_as_agreed(void **state)
{
    size_t allowed = 0;
    (void)state;
    for (enum review_state from = 0; from < REVIEW_STATE_COUNT_; from++)
        for (enum review_action action = 0; action < REVIEW_ACTION_COUNT_; action++)
            for (enum review_role role = 0; role < REVIEW_ROLE_COUNT_; role++) {
                enum review_state to = REVIEW_NONE;
                const char *want = agreed_to(from, action, role);
                bool may = review_transition(action, role, from, &to);
                allowed += may;
                if (may != (want != NULL) || (may && strcmp(review_states[to].word, want) != 0))
                    fail_msg("%s %s by %s", review_states[from].word, review_action_word(action),
                             review_role_word(role));
            }
    assert_int_equal(allowed, AGREED);
}

static void
what_is_locked_cannot_be_submitted_and_says_who_can_return_it(void **state)
{
    (void)state;
    for (enum review_state at = 0; at < REVIEW_STATE_COUNT_; at++) {
        enum review_state to = REVIEW_NONE;
        bool may = review_transition(REVIEW_SUBMIT, REVIEW_BY_STUDENT, at, &to);
        assert_int_equal(may, !review_states[at].locked);
        assert_int_equal(review_lock_text(at) != NULL, review_states[at].locked);
        if (review_lock_text(at))
            assert_non_null(strstr(review_lock_text(at), "退回"));
    }
}

static void
a_refusal_says_who_can(void **state)
{
    static const struct {
        enum review_action action;
        enum review_role role;
        enum review_state from;
        const char *text;
    } rows[] = {
        {REVIEW_APPROVE, REVIEW_BY_COUNSELLOR, REVIEW_SUBMITTED,
         "现为“待学院审核”，辅导员不能审核通过。学院可以审核通过"},
        {REVIEW_WITHDRAW, REVIEW_BY_STUDENT, REVIEW_COLLEGE_APPROVED,
         "现为“学院已审核”，学生不能撤回。由学校审核；需要修改的，请联系学院退回"},
        {REVIEW_RETURN, REVIEW_BY_COUNSELLOR, REVIEW_COLLEGE_APPROVED,
         "现为“学院已审核”，辅导员不能退回。学院、学校可以退回"},
        {REVIEW_RETURN, REVIEW_BY_SCHOOL, REVIEW_REPORTED,
         "现为“已上报省级”，学校不能退回。省级可以退回"},
        {REVIEW_APPROVE, REVIEW_BY_SCHOOL, REVIEW_NONE,
         "现为“尚未提交”，学校不能审核通过。由学生填写并提交"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out;
        buf_init(&out, 1024);
        review_refusal(rows[i].action, rows[i].role, rows[i].from, &out);
        assert_string_equal(out.ptr, rows[i].text);
        buf_done(&out);
    }
}

static void
a_newer_revision_is_to_be_reviewed_unless_the_school_vouched(void **state)
{
    (void)state;
    for (enum review_state decided = 0; decided < REVIEW_STATE_COUNT_; decided++) {
        bool vouched = decided == REVIEW_SCHOOL_APPROVED || decided == REVIEW_REPORTED;
        assert_int_equal(review_visible(STR("a"), STR("a"), decided), decided);
        assert_int_equal(review_visible(STR("b"), STR("a"), decided),
                         vouched ? decided : REVIEW_SUBMITTED);
        assert_int_equal(review_visible(STR_NONE, STR_NONE, decided), REVIEW_NONE);
        assert_int_equal(review_visible(STR("a"), STR_NONE, decided), REVIEW_SUBMITTED);
    }
}

static void
words_are_read_as_they_are_written(void **state)
{
    enum review_state at = REVIEW_NONE;
    enum review_action action = REVIEW_SUBMIT;
    enum review_role role = REVIEW_BY_STUDENT;
    (void)state;
    for (enum review_state i = 0; i < REVIEW_STATE_COUNT_; i++)
        assert_true(review_state_parse(str_of(review_states[i].word), &at) && at == i);
    for (enum review_action i = 0; i < REVIEW_ACTION_COUNT_; i++)
        assert_true(review_action_parse(str_of(review_action_word(i)), &action) && action == i);
    for (enum review_role i = 0; i < REVIEW_ROLE_COUNT_; i++)
        assert_true(review_role_parse(str_of(review_role_word(i)), &role) && role == i);
    assert_false(review_state_parse(STR("Submitted"), &at));
    assert_false(review_action_parse(STR(""), &action));
    assert_false(review_role_parse(STR("root"), &role));
}

static void
the_table_is_documented_row_by_row(void **state)
{
    struct buf out;
    size_t lines = 0;
    (void)state;
    buf_init(&out, 65536);
    review_write_docs(&out);
    for (size_t i = 0; i < out.len; i++)
        lines += out.ptr[i] == '\n';
    assert_int_equal(lines, 2 + AGREED);
    buf_done(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_is_as_agreed),
        cmocka_unit_test(what_is_locked_cannot_be_submitted_and_says_who_can_return_it),
        cmocka_unit_test(a_refusal_says_who_can),
        cmocka_unit_test(a_newer_revision_is_to_be_reviewed_unless_the_school_vouched),
        cmocka_unit_test(words_are_read_as_they_are_written),
        cmocka_unit_test(the_table_is_documented_row_by_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
