#include "tests/unit/test.h"

#include "services/validation/domain.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static const int64_t NOW_MS = 1790000000123; /* 2026-09-21 in China */

#define PHONE "13800138000"

struct value {
    enum field_id field;
    const char *text;
};

/* What every rule accepts: the roster's part and the student's. Numbers are made. */
static const struct value roster[] = {
    {FIELD_YXDM, "10558"},
    {FIELD_YXMC, "示例大学"},
    {FIELD_XM, "张三"},
    {FIELD_ZJLX, "IDENTITY_CARD"},
    {FIELD_SFZH, "440103200402290016"},
    {FIELD_XBDM, "1"},
    {FIELD_CSRQ, "20040229"},
    {FIELD_MZDM, "01"},
    {FIELD_XLDM, "31"},
    {FIELD_ZYDM, "080901"},
    {FIELD_ZYMC, "计算机科学与技术"},
    {FIELD_PYFSDM, "1"},
    {FIELD_XZ, "4"},
    {FIELD_RXSJ, "20230901"},
    {FIELD_BYSJ, "202706"},
    {FIELD_SZYX, "计算机学院"},
    {FIELD_XH, "2023001"},
};
static const struct value form[] = {
    {FIELD_ZZMMDM, "03"},          {FIELD_SYSZDDM, "441900"},
    {FIELD_CXSY, "城镇"},          {FIELD_SFSLBDM, "2"},
    {FIELD_DASFZRXX, "1"},         {FIELD_HKSFZRXX, "0"},
    {FIELD_SJHM, PHONE},           {FIELD_DZYX, "zhangsan@test.cn"},
    {FIELD_JTDZ, "某市某路 1 号"}, {FIELD_JTYB, "523000"},
    {FIELD_YHKSZDDM, "441900"},
};

static struct campaign campaign;
static struct arena *arena;

static int
open_world(void **state)
{
    (void)state;
    campaign_default(&campaign);
    campaign.graduation_months[0] = 202706;
    campaign.graduation_month_count = 1;
    arena = arena_new(64 * 1024 * 1024);
    return 0;
}

static int
close_world(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* An item that is accepted. */
static struct item
item_make(const char *submission, const char *student)
{
    struct item item = {
        .state = ITEM_DECODED, .campaign = &campaign, .partition = 3, .offset = 100};
    item.message.submission_id = str_of(submission);
    item.message.student_id = str_of(student);
    item.message.campaign_id = STR("gd-2027");
    item.facts.student_known = true;
    item.facts.phone = STR(PHONE);
    for (size_t i = 0; i < COUNT(roster); i++)
        item.facts.roster.value[roster[i].field] = str_of(roster[i].text);
    for (size_t i = 0; i < COUNT(form); i++)
        item.submitted.value[form[i].field] = str_of(form[i].text);
    return item;
}

enum { BATCH_MAX = 5 };

/* One message of a batch and what must become of it. */
struct step {
    const char *submission;
    const char *student;
    const char *campaign;
    bool wrong; /* breaks a rule */
    int64_t revision_last;
    /* expected */
    enum item_state state;
    bool accepted;
    int64_t revision;
    bool publish;
    bool newest;
    size_t accepted_place;
};

/* clang-format off */
static const struct {
    const char *title;
    struct step steps[BATCH_MAX];
} batches[] = {
    /*  submission student campaign wrong last   state        accepted revision publish newest place */
    {"a first submission", {
        {"s1", "a", "c", false, 0,  ITEM_JUDGED,   true,  1, true,  true,  1}}},
    {"a first one that is rejected", {
        {"s1", "a", "c", true,  0,  ITEM_JUDGED,   false, 1, true,  true,  0}}},
    {"a later one", {
        {"s1", "a", "c", false, 41, ITEM_JUDGED,   true, 42, true,  true,  1}}},
    {"two of one student get consecutive revisions", {
        {"s1", "a", "c", false, 4,  ITEM_JUDGED,   true,  5, true,  false, 1},
        {"s2", "a", "c", false, 4,  ITEM_JUDGED,   true,  6, true,  true,  2}}},
    {"two of two students do not meet", {
        {"s1", "a", "c", false, 4,  ITEM_JUDGED,   true,  5, true,  true,  1},
        {"s2", "b", "c", false, 7,  ITEM_JUDGED,   true,  8, true,  true,  2}}},
    {"two campaigns of one student do not meet", {
        {"s1", "a", "c", false, 4,  ITEM_JUDGED,   true,  5, true,  true,  1},
        {"s2", "a", "d", false, 0,  ITEM_JUDGED,   true,  1, true,  true,  2}}},
    {"a rejected one behind an accepted one: the accepted one stays", {
        {"s1", "a", "c", false, 0,  ITEM_JUDGED,   true,  1, true,  false, 1},
        {"s2", "a", "c", true,  0,  ITEM_JUDGED,   false, 2, true,  true,  1}}},
    {"an accepted one behind a rejected one", {
        {"s1", "a", "c", true,  0,  ITEM_JUDGED,   false, 1, true,  false, 0},
        {"s2", "a", "c", false, 0,  ITEM_JUDGED,   true,  2, true,  true,  2}}},
    {"two rejected ones", {
        {"s1", "a", "c", true,  0,  ITEM_JUDGED,   false, 1, true,  false, 0},
        {"s2", "a", "c", true,  0,  ITEM_JUDGED,   false, 2, true,  true,  0}}},
    {"the same submission twice in a batch is judged once", {
        {"s1", "a", "c", false, 0,  ITEM_JUDGED,   true,  1, true,  true,  1},
        {"s1", "a", "c", false, 0,  ITEM_REPEATED, false, 0, false, false, 0}}},
    {"and takes no revision from what follows", {
        {"s1", "a", "c", false, 0,  ITEM_JUDGED,   true,  1, true,  false, 1},
        {"s1", "a", "c", false, 0,  ITEM_REPEATED, false, 0, false, false, 0},
        {"s2", "a", "c", false, 0,  ITEM_JUDGED,   true,  2, true,  true,  3},
        {"s1", "a", "c", false, 0,  ITEM_REPEATED, false, 0, false, false, 0}}},
    {"students mixed", {
        {"s1", "a", "c", false, 0,  ITEM_JUDGED,   true,  1, true,  false, 1},
        {"s2", "b", "c", true,  9,  ITEM_JUDGED,   false, 10, true, false, 0},
        {"s3", "a", "c", true,  0,  ITEM_JUDGED,   false, 2, true,  false, 1},
        {"s4", "b", "c", false, 9,  ITEM_JUDGED,   true, 11, true,  true,  4},
        {"s5", "a", "c", false, 0,  ITEM_JUDGED,   true,  3, true,  true,  5}}},
};
/* clang-format on */

static void
judges_a_batch_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(batches); i++) {
        struct item items[BATCH_MAX];
        size_t count = 0;
        for (; count < BATCH_MAX && batches[i].steps[count].submission; count++) {
            const struct step *step = &batches[i].steps[count];
            items[count] = item_make(step->submission, step->student);
            items[count].message.campaign_id = str_of(step->campaign);
            items[count].facts.revision_last = step->revision_last;
            if (step->wrong)
                items[count].submitted.value[FIELD_JTYB] = STR("52300");
        }
        items_judge(items, count, NOW_MS, arena);
        for (size_t k = 0; k < count; k++) {
            const struct step *step = &batches[i].steps[k];
            const struct item *item = &items[k];
            bool as_expected = item->state == step->state && item->accepted == step->accepted &&
                               item->revision == step->revision && item->publish == step->publish &&
                               item->newest == step->newest &&
                               item->accepted_place == step->accepted_place;
            if (!as_expected)
                fail_msg("%s, item %zu: state %d accepted %d revision %lld publish %d newest %d "
                         "place %zu",
                         batches[i].title, k, (int)item->state, item->accepted,
                         (long long)item->revision, item->publish, item->newest,
                         item->accepted_place);
            if (item->state == ITEM_JUDGED) {
                assert_int_equal(item->judged_at_ms, NOW_MS);
                assert_int_equal(item->findings.len == 0, item->accepted);
            }
        }
    }
}

static void
a_student_outside_the_roster_is_dead(void **state)
{
    struct item items[2] = {item_make("s1", "a"), item_make("s2", "b")};
    (void)state;
    items[0].facts.student_known = false;
    items[0].facts.judged_before = true;
    items_judge(items, 2, NOW_MS, arena);
    assert_int_equal(items[0].state, ITEM_DEAD);
    assert_string_equal(items[0].reason, "unknown-student");
    assert_string_equal(items[0].text, "student is not in the roster");
    assert_false(items[0].publish);
    assert_false(items[0].newest);
    assert_int_equal(items[1].state, ITEM_JUDGED);
}

static void
only_what_is_decoded_is_judged(void **state)
{
    static const enum item_state states[] = {ITEM_JUDGED, ITEM_REPEATED, ITEM_DEAD};
    (void)state;
    for (size_t i = 0; i < COUNT(states); i++) {
        struct item items[2] = {item_make("s1", "a"), item_make("s1", "a")};
        items[0].state = states[i];
        items[0].revision = 99;
        items_judge(items, 2, NOW_MS, arena);
        assert_int_equal(items[0].state, states[i]);
        assert_int_equal(items[0].revision, 99);
        assert_int_equal(items[1].state, ITEM_JUDGED);
        assert_int_equal(items[1].revision, 1);
    }
}

static void
what_was_judged_before_is_told_again_for_the_same_message_only(void **state)
{
    static const struct {
        int32_t partition;
        int64_t offset;
        const char *outcome;
        bool publish;
        bool accepted;
    } rows[] = {
        {3, 100, "accepted", true, true},
        {3, 100, "rejected", true, false},
        {3, 101, "accepted", false, true},
        {3, 99, "accepted", false, true},
        {4, 100, "accepted", false, true},
        {4, 100, "rejected", false, false},
        {3, INT64_C(100) + INT64_C(4294967296), "accepted", false, true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct item item = item_make("s1", "a");
        item.submitted.value[FIELD_JTYB] = STR("52300"); /* would be rejected today */
        item.facts.judged_before = true;
        item.facts.judged_revision = 5;
        item.facts.judged_outcome = str_of(rows[i].outcome);
        item.facts.judged_findings = STR("[]");
        item.facts.judged_at_ms = 1234;
        item.facts.judged_partition = rows[i].partition;
        item.facts.judged_offset = rows[i].offset;
        item.facts.revision_last = 9;
        items_judge(&item, 1, NOW_MS, arena);
        assert_int_equal(item.state, ITEM_REPEATED);
        assert_int_equal(item.publish, rows[i].publish);
        assert_int_equal(item.accepted, rows[i].accepted);
        assert_int_equal(item.revision, 5);
        assert_int_equal(item.judged_at_ms, 1234);
        assert_str(item.findings, "[]");
        assert_false(item.newest);
    }
}

static void
a_key_used_for_other_fields_is_kept_and_told(void **state)
{
    (void)state;
    struct item item = item_make("s1", "a");
    item.message.body_index = STR("these");
    item.facts.judged_before = true;
    item.facts.judged_outcome = STR("accepted");
    item.facts.judged_body_index = STR("those");
    items_judge(&item, 1, NOW_MS, arena);
    assert_int_equal(item.state, ITEM_DEAD);
    assert_string_equal(item.reason, "key-conflict");

    struct item twins[] = {item_make("s1", "a"), item_make("s1", "a"), item_make("s1", "a")};
    twins[0].message.body_index = twins[2].message.body_index = STR("these");
    twins[1].message.body_index = STR("those");
    items_judge(twins, 3, NOW_MS, arena);
    assert_int_equal(twins[0].state, ITEM_JUDGED);
    assert_int_equal(twins[1].state, ITEM_DEAD);
    assert_string_equal(twins[1].reason, "key-conflict");
    assert_int_equal(twins[2].state, ITEM_REPEATED);
}

static void
a_repeated_one_leaves_the_next_revision_alone(void **state)
{
    struct item items[2] = {item_make("s1", "a"), item_make("s2", "a")};
    (void)state;
    items[0].facts.judged_before = true;
    items[0].facts.judged_revision = 9;
    items[0].facts.revision_last = items[1].facts.revision_last = 9;
    items_judge(items, 2, NOW_MS, arena);
    assert_int_equal(items[0].state, ITEM_REPEATED);
    assert_int_equal(items[1].revision, 10);
    assert_true(items[1].newest);
    assert_int_equal(items[1].accepted_place, 2);
}

/* Which values are judged: the student's from the form, everything else from the roster. */
static void
takes_from_a_form_what_the_student_owns_and_nothing_else(void **state)
{
    static const struct {
        const char *title;
        struct value roster;
        struct value form;
        bool accepted;
        const char *finds; /* a part of the findings */
    } rows[] = {
        {"the roster's name missing, sent in the form",
         {FIELD_XM, ""},
         {FIELD_XM, "张三"},
         false,
         "{\"field\":\"XM\",\"rule\":\"required\",\"severity\":\"reject\","},
        {"the roster's name, another in the form",
         {FIELD_XM, "张三"},
         {FIELD_XM, " x"},
         true,
         NULL},
        {"the school's remark in the form", {FIELD_XM, "张三"}, {FIELD_BZ, " x"}, true, NULL},
        {"an address of the roster does not fill the form",
         {FIELD_JTDZ, "旧地址"},
         {FIELD_JTDZ, ""},
         false,
         "{\"field\":\"JTDZ\",\"rule\":\"required\""},
        {"a wrong one of the roster does not hurt",
         {FIELD_JTDZ, " "},
         {FIELD_JTDZ, "新地址"},
         true,
         NULL},
        {"a wrong roster is told",
         {FIELD_BYSJ, "202606"},
         {FIELD_JTDZ, "新地址"},
         false,
         "{\"field\":\"BYSJ\",\"rule\":\"graduation-month\""},
        {"an absent one with a default", {FIELD_XM, "张三"}, {FIELD_KNSLBDM, ""}, true, NULL},
        {"another phone than the verified",
         {FIELD_XM, "张三"},
         {FIELD_SJHM, "13900139000"},
         false,
         "{\"field\":\"SJHM\",\"rule\":\"phone-verified\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct item item = item_make("s1", "a");
        item.facts.roster.value[rows[i].roster.field] = str_of(rows[i].roster.text);
        item.submitted.value[rows[i].form.field] = str_of(rows[i].form.text);
        items_judge(&item, 1, NOW_MS, arena);
        char *findings = mem_strndup(item.findings);
        if (item.accepted != rows[i].accepted ||
            (rows[i].finds && strstr(findings, rows[i].finds) == NULL))
            fail_msg("%s: accepted %d, '%s'", rows[i].title, item.accepted, findings);
        free(findings);
    }
}

static void
a_locked_record_is_not_changed(void **state)
{
    static const struct {
        enum review_state review;
        bool accepted;
    } rows[] = {
        {REVIEW_NONE, true},      {REVIEW_SUBMITTED, true},         {REVIEW_RETURNED, true},
        {REVIEW_WITHDRAWN, true}, {REVIEW_COLLEGE_APPROVED, false}, {REVIEW_SCHOOL_APPROVED, false},
        {REVIEW_REPORTED, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct item item = item_make("s1", "a");
        item.facts.review = rows[i].review;
        items_judge(&item, 1, NOW_MS, arena);
        assert_int_equal(item.accepted, rows[i].accepted);
        assert_int_equal(item.findings.len == 0, rows[i].accepted);
    }
}

/* Findings end at their maximum; a record with so many is refused, locked or not. */
static void
a_locked_record_with_every_mistake_is_refused(void **state)
{
    static char spaces[1000];
    struct campaign strict;
    struct item item = item_make("s1", "a");
    (void)state;
    memset(spaces, ' ', sizeof spaces - 1);
    campaign_default(&strict);
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        strict.fixed_value[i] = STR("另一个");
        item.facts.roster.value[i] = str_of(spaces);
        item.submitted.value[i] = str_of(spaces);
    }
    item.campaign = &strict;
    item.facts.review = REVIEW_REPORTED;
    items_judge(&item, 1, NOW_MS, arena);
    assert_false(item.accepted);
}

static void
a_campaign_fixes_what_it_fixes(void **state)
{
    static const struct {
        const char *sent;
        bool accepted;
    } rows[] = {{"", true}, {"2", true}, {"1", false}};
    (void)state;
    campaign.fixed_value[FIELD_SFSLBDM] = STR("2");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct item item = item_make("s1", "a");
        item.submitted.value[FIELD_SFSLBDM] = str_of(rows[i].sent);
        items_judge(&item, 1, NOW_MS, arena);
        assert_int_equal(item.accepted, rows[i].accepted);
    }
}

/* What filled a gap becomes part of the record; what was sent does not stand there twice. */
static void
remembers_the_defaults_that_filled_a_gap(void **state)
{
    static const struct {
        const char *title;
        struct value roster;
        struct value form;
        const char *fixed; /* SFSLBDM; NULL: free */
        struct value expected;
    } rows[] = {
        {"absent", {FIELD_XM, "张三"}, {FIELD_KNSLBDM, ""}, NULL, {FIELD_KNSLBDM, "0"}},
        {"sent", {FIELD_XM, "张三"}, {FIELD_KNSLBDM, "3"}, NULL, {FIELD_KNSLBDM, ""}},
        {"fixed", {FIELD_XM, "张三"}, {FIELD_SFSLBDM, ""}, "2", {FIELD_SFSLBDM, "2"}},
        {"fixed and sent", {FIELD_XM, "张三"}, {FIELD_SFSLBDM, "1"}, "2", {FIELD_SFSLBDM, ""}},
        {"no default", {FIELD_XM, "张三"}, {FIELD_JTDH, ""}, NULL, {FIELD_JTDH, ""}},
        {"the roster's", {FIELD_FXMC, "分校"}, {FIELD_JTDH, ""}, NULL, {FIELD_FXMC, ""}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct item item = item_make("s1", "a");
        campaign.fixed_value[FIELD_SFSLBDM] = str_of(rows[i].fixed);
        item.facts.roster.value[rows[i].roster.field] = str_of(rows[i].roster.text);
        item.submitted.value[rows[i].form.field] = str_of(rows[i].form.text);
        items_judge(&item, 1, NOW_MS, arena);
        if (!str_eq_text(item.defaults.value[rows[i].expected.field], rows[i].expected.text))
            fail_msg("%s: '%.*s'", rows[i].title,
                     STR_ARG(item.defaults.value[rows[i].expected.field]));
    }
}

static void
findings_are_written_as_the_contract_says(void **state)
{
    struct item item = item_make("s1", "a");
    (void)state;
    item.submitted.value[FIELD_JTYB] = STR("52300");
    item.submitted.value[FIELD_SJHM] = STR("1390013900");
    item.facts.phone = STR_NONE;
    items_judge(&item, 1, NOW_MS, arena);
    assert_str(item.findings, "[{\"field\":\"SJHM\",\"rule\":\"phone\",\"severity\":\"reject\","
                              "\"message\":\"手机号码应为 11 位大陆手机号，请核对\"},"
                              "{\"field\":\"JTYB\",\"rule\":\"postcode\",\"severity\":\"reject\","
                              "\"message\":\"请填写 6 位邮政编码\"}]");
}

/* Midnight in China is 16:00 UTC; a birthday of "today" is not in the future. */
static void
today_is_chinas(void **state)
{
    static const struct {
        int64_t now_ms;
        bool accepted;
    } rows[] = {
        {INT64_C(1790006399999), false}, /* 2026-09-21 23:59:59.999 */
        {INT64_C(1790006400000), true},  /* 2026-09-22 00:00 */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct item item = item_make("s1", "a");
        item.facts.roster.value[FIELD_SFZH] = STR("440103202609220014");
        items_judge(&item, 1, rows[i].now_ms, arena);
        if (item.accepted != rows[i].accepted)
            fail_msg("%lld: %.*s", (long long)rows[i].now_ms, STR_ARG(item.findings));
    }
}

static void
a_large_batch_keeps_every_student_apart(void **state)
{
    enum { ITEMS = 1200, STUDENTS = 300 };
    struct item *items = mem_zalloc(ITEMS * sizeof *items);
    (void)state;
    for (size_t i = 0; i < ITEMS; i++) {
        items[i] = item_make("", "");
        items[i].message.submission_id = arena_printf(arena, "submission-%zu", i);
        items[i].message.student_id = arena_printf(arena, "student-%zu", i % STUDENTS);
        items[i].facts.revision_last = (int64_t)(i % STUDENTS) * 10;
    }
    items_judge(items, ITEMS, NOW_MS, arena);
    for (size_t i = 0; i < ITEMS; i++) {
        size_t round = i / STUDENTS;
        assert_int_equal(items[i].state, ITEM_JUDGED);
        assert_int_equal(items[i].revision, (i % STUDENTS) * 10 + round + 1);
        assert_int_equal(items[i].newest, round + 1 == ITEMS / STUDENTS);
        assert_int_equal(items[i].accepted_place, i + 1);
    }
    free(items);
}

static void
an_empty_batch_is_nothing(void **state)
{
    struct item none = {.state = ITEM_DECODED};
    (void)state;
    items_judge(&none, 0, NOW_MS, arena);
    assert_int_equal(none.state, ITEM_DECODED);
}

static void
every_reason_to_bury_has_its_own_word(void **state)
{
    static const char *const words[] = {
#define X(id, word, meaning) [id] = word,
        DEAD_REASONS(X)
#undef X
    };
    (void)state;
    assert_int_equal(COUNT(words), DEAD_COUNT_);
    for (unsigned i = 0; i < DEAD_COUNT_; i++) {
        assert_string_equal(dead_reason_word((enum dead_reason)i), words[i]);
        for (const char *c = words[i]; *c; c++)
            assert_true((*c >= 'a' && *c <= 'z') || *c == '-');
        for (unsigned k = i + 1; k < DEAD_COUNT_; k++)
            assert_string_not_equal(words[i], words[k]);
    }
    assert_string_equal(dead_reason_word(DEAD_KEY), "key-mismatch");
}

static void
buries_with_a_reason_and_a_bounded_text(void **state)
{
    struct item item = item_make("s1", "a");
    char text[1000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    item_bury(&item, DEAD_MALFORMED, text);
    assert_int_equal(item.state, ITEM_DEAD);
    assert_string_equal(item.reason, "malformed");
    assert_int_equal(strlen(item.text), sizeof item.text - 1);
    item_bury(&item, DEAD_KEY, "100% of it");
    assert_string_equal(item.text, "100% of it");
    assert_string_equal(item.reason, "key-mismatch");
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(judges_a_batch_in_order),
        IN_WORLD(a_student_outside_the_roster_is_dead),
        IN_WORLD(only_what_is_decoded_is_judged),
        IN_WORLD(what_was_judged_before_is_told_again_for_the_same_message_only),
        IN_WORLD(a_key_used_for_other_fields_is_kept_and_told),
        IN_WORLD(a_repeated_one_leaves_the_next_revision_alone),
        IN_WORLD(takes_from_a_form_what_the_student_owns_and_nothing_else),
        IN_WORLD(a_locked_record_is_not_changed),
        IN_WORLD(a_locked_record_with_every_mistake_is_refused),
        IN_WORLD(a_campaign_fixes_what_it_fixes),
        IN_WORLD(remembers_the_defaults_that_filled_a_gap),
        IN_WORLD(findings_are_written_as_the_contract_says),
        IN_WORLD(today_is_chinas),
        IN_WORLD(a_large_batch_keeps_every_student_apart),
        IN_WORLD(an_empty_batch_is_nothing),
        IN_WORLD(every_reason_to_bury_has_its_own_word),
        IN_WORLD(buries_with_a_reason_and_a_bounded_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
