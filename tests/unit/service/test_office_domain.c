#include "tests/unit/test.h"

#include "services/office/domain.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* A record of which revision "b" is the newest, decided on as the test says. */
static struct decision_facts
facts_of(const char *decided_id, enum review_state decided)
{
    return (struct decision_facts){
        .known = true,
        .accepted_id = STR("b"),
        .accepted_revision = 2,
        .decided_id = str_of(decided_id),
        .decided_revision = decided_id && decided_id[0] == 'a' ? 1 : 2,
        .decided = decided,
        .version = decided_id ? 1 : 0,
        .decided_by = STR("somebody"),
    };
}

static void
decides_as_the_table_says(void **state)
{
    static const struct {
        const char *submission;
        const char *action;
        const char *reason_code;
        const char *reason;
        const char *decided_id;
        enum review_state decided;
        enum review_role role;
        enum decision_outcome outcome;
        enum review_state to;
    } rows[] = {
        {"b", "approve", NULL, NULL, NULL, REVIEW_NONE, REVIEW_BY_COLLEGE, DECISION_MADE,
         REVIEW_COLLEGE_APPROVED},
        {"b", "return", "area", NULL, NULL, REVIEW_NONE, REVIEW_BY_COUNSELLOR, DECISION_MADE,
         REVIEW_RETURNED},
        {"b", "return", "other", "门牌号", "b", REVIEW_COLLEGE_APPROVED, REVIEW_BY_SCHOOL,
         DECISION_MADE, REVIEW_RETURNED},
        /* decided on an older revision: the newest is to be reviewed */
        {"b", "approve", NULL, NULL, "a", REVIEW_RETURNED, REVIEW_BY_COLLEGE, DECISION_MADE,
         REVIEW_COLLEGE_APPROVED},
        {"a", "approve", NULL, NULL, "a", REVIEW_RETURNED, REVIEW_BY_COLLEGE, DECISION_STALE, 0},
        {"c", "approve", NULL, NULL, NULL, REVIEW_NONE, REVIEW_BY_COLLEGE, DECISION_STALE, 0},
        /* what the school vouched for stays what is decided on */
        {"a", "report", NULL, NULL, "a", REVIEW_SCHOOL_APPROVED, REVIEW_BY_SCHOOL, DECISION_MADE,
         REVIEW_REPORTED},
        {"b", "report", NULL, NULL, "a", REVIEW_SCHOOL_APPROVED, REVIEW_BY_SCHOOL, DECISION_STALE,
         0},
        {"b", "approve", NULL, NULL, NULL, REVIEW_NONE, REVIEW_BY_SCHOOL, DECISION_REFUSED, 0},
        {"b", "withdraw", NULL, NULL, NULL, REVIEW_NONE, REVIEW_BY_STUDENT, DECISION_MADE,
         REVIEW_WITHDRAWN},
        {"b", "withdraw", NULL, NULL, "b", REVIEW_REPORTED, REVIEW_BY_STUDENT, DECISION_REFUSED, 0},
        {"b", "unlock", NULL, "更正", "b", REVIEW_REPORTED, REVIEW_BY_PROVINCE, DECISION_MADE,
         REVIEW_SCHOOL_APPROVED},
        {"b", "unlock", NULL, NULL, "b", REVIEW_REPORTED, REVIEW_BY_PROVINCE, DECISION_INVALID, 0},
        {"b", "return", NULL, "x", NULL, REVIEW_NONE, REVIEW_BY_COLLEGE, DECISION_INVALID, 0},
        {"b", "return", "nothing", NULL, NULL, REVIEW_NONE, REVIEW_BY_COLLEGE, DECISION_INVALID, 0},
        {"b", "return", "other", NULL, NULL, REVIEW_NONE, REVIEW_BY_COLLEGE, DECISION_INVALID, 0},
        {"b", "submit", NULL, NULL, NULL, REVIEW_NONE, REVIEW_BY_STUDENT, DECISION_INVALID, 0},
        {"b", "", NULL, NULL, NULL, REVIEW_NONE, REVIEW_BY_COLLEGE, DECISION_INVALID, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct decision asked = {
            .student_id = STR("s"),
            .submission_id = str_of(rows[i].submission),
            .action = str_of(rows[i].action),
            .reason_code = str_of(rows[i].reason_code),
            .reason = str_of(rows[i].reason),
        };
        const struct decision_facts facts = facts_of(rows[i].decided_id, rows[i].decided);
        struct decision_verdict verdict = decide(&asked, &facts, rows[i].role, STR("me"));
        if (verdict.outcome != rows[i].outcome)
            fail_msg("row %zu: %d", i, (int)verdict.outcome);
        if (verdict.outcome == DECISION_MADE)
            assert_int_equal(verdict.to, rows[i].to);
        assert_int_equal(verdict.member != NULL, verdict.outcome == DECISION_INVALID);
    }
}

static void
what_is_not_within_the_scope_is_not_there(void **state)
{
    const struct decision asked = {.submission_id = STR("b"), .action = STR("approve")};
    struct decision_facts facts = facts_of(NULL, REVIEW_NONE);
    (void)state;
    facts.known = false;
    assert_int_equal(decide(&asked, &facts, REVIEW_BY_COLLEGE, STR("me")).outcome,
                     DECISION_UNKNOWN);
}

static void
the_same_again_by_the_same_person_is_done(void **state)
{
    const struct decision asked = {.submission_id = STR("b"), .action = STR("approve")};
    const struct decision_facts facts = facts_of("b", REVIEW_COLLEGE_APPROVED);
    (void)state;
    struct decision_verdict verdict = decide(&asked, &facts, REVIEW_BY_COLLEGE, STR("somebody"));
    assert_int_equal(verdict.outcome, DECISION_REPEATED);
    assert_int_equal(verdict.to, REVIEW_COLLEGE_APPROVED);
    assert_int_equal(decide(&asked, &facts, REVIEW_BY_COLLEGE, STR("another")).outcome,
                     DECISION_REFUSED);
}

static void
a_reason_is_at_most_so_long(void **state)
{
    char text[3 * (REASON_LENGTH_MAX + 1)];
    struct decision_facts facts = facts_of(NULL, REVIEW_NONE);
    (void)state;
    for (size_t i = 0; i < sizeof text; i += 3)
        memcpy(text + i, "字", 3);
    struct decision asked = {.submission_id = STR("b"),
                             .action = STR("return"),
                             .reason_code = STR("other"),
                             .reason = {text, sizeof text - 3}};
    assert_int_equal(decide(&asked, &facts, REVIEW_BY_COLLEGE, STR("me")).outcome, DECISION_MADE);
    asked.reason.len += 3;
    assert_string_equal(decide(&asked, &facts, REVIEW_BY_COLLEGE, STR("me")).member, "reason");
}

static void
numbers_and_phones_are_masked(void **state)
{
    static const struct {
        const char *text;
        const char *masked;
    } rows[] = {
        {"13800138000", "138****8000"}, {"1234567", "*******"}, {"", ""}, {"12345678", "123*5678"}};
    struct arena *arena = arena_new(1 << 16);
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str masked = text_masked(str_of(rows[i].text), arena);
        if (!str_eq_text(masked, rows[i].masked))
            fail_msg("'%s': '%.*s'", rows[i].text, STR_ARG(masked));
    }
    arena_free(arena);
    assert_false(field_shown(FIELD_SFZH, REVIEW_BY_SCHOOL));
    assert_false(field_shown(FIELD_SJHM, REVIEW_BY_COLLEGE));
    assert_true(field_shown(FIELD_JTDZ, REVIEW_BY_COLLEGE));
    assert_false(field_shown(FIELD_JTDZ, REVIEW_BY_PROVINCE));
    assert_true(field_shown(FIELD_SYSZDDM, REVIEW_BY_PROVINCE));
}

static void
reasons_have_codes_of_their_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < review_reason_count; i++)
        assert_ptr_equal(review_reason_find(str_of(review_reasons[i].code)), &review_reasons[i]);
    assert_null(review_reason_find(STR("")));
}

static void
an_application_is_decided_by_whom_its_kind_says(void **state)
{
    static const struct {
        enum appeal_kind kind;
        const char *by;
    } rows[] = {
        {APPEAL_IDENTITY_CONFIRMATION, "辅导员、学院、学校"},
        {APPEAL_ROSTER_MISMATCH, "学院、学校"},
        {APPEAL_UNBIND, "学校"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out;
        buf_init(&out, 256);
        appeal_deciders_write(rows[i].kind, &out);
        assert_string_equal(out.ptr, rows[i].by);
        buf_done(&out);
    }
    for (enum appeal_kind kind = 0; kind < APPEAL_KIND_COUNT_; kind++) {
        assert_true(appeal_decider(kind, REVIEW_BY_SCHOOL));
        assert_false(appeal_decider(kind, REVIEW_BY_STUDENT));
        assert_false(appeal_decider(kind, REVIEW_BY_PROVINCE));
    }
}

static void
numbers_of_people_are_found_in_a_reason(void **state)
{
    (void)state;
    assert_true(text_has_number(STR("电话13800138000")));
    assert_true(text_has_number(STR("110101 19900307 002X")));
    assert_true(text_has_number(STR("138-0013-8000")));
    assert_false(text_has_number(STR("请拨打 020-87654321")));
    assert_false(text_has_number(STR("2027 届，第 12 条，共 3456 人")));
    assert_false(text_has_number(STR("")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_as_the_table_says),
        cmocka_unit_test(what_is_not_within_the_scope_is_not_there),
        cmocka_unit_test(the_same_again_by_the_same_person_is_done),
        cmocka_unit_test(a_reason_is_at_most_so_long),
        cmocka_unit_test(numbers_and_phones_are_masked),
        cmocka_unit_test(reasons_have_codes_of_their_own),
        cmocka_unit_test(an_application_is_decided_by_whom_its_kind_says),
        cmocka_unit_test(numbers_of_people_are_found_in_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
