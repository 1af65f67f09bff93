#include "tests/unit/test.h"

#include "schema/rule.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

enum { CAMPAIGNS_MAX = 4 };

static void
a_schools_own_newest_campaign_comes_first(void **state)
{
    /* Campaigns as "school", "edition"; the expected one by number, -1: none. */
    static const struct {
        const char *title;
        const char *school;
        struct {
            const char *school, *edition;
        } campaigns[CAMPAIGNS_MAX];
        int expected;
    } rows[] = {
        {"none", "10558", {{NULL, NULL}}, -1},
        {"another school's", "10558", {{"10559", "2027"}}, -1},
        {"every school's", "10558", {{"*", "2027"}}, 0},
        {"its own", "10558", {{"10559", "2027"}, {"10558", "2027"}}, 1},
        {"its own before every school's", "10558", {{"*", "2027"}, {"10558", "2027"}}, 1},
        {"its own, in the other order", "10558", {{"10558", "2027"}, {"*", "2027"}}, 0},
        {"its own, though older", "10558", {{"*", "2028"}, {"10558", "2027"}}, 1},
        {"its own, though older, reversed", "10558", {{"10558", "2027"}, {"*", "2028"}}, 0},
        {"the newest edition", "10558", {{"10558", "2026"}, {"10558", "2027"}}, 1},
        {"the newest, in the other order", "10558", {{"10558", "2027"}, {"10558", "2026"}}, 0},
        {"the newest of every school's", "10558", {{"*", "2026"}, {"*", "2027"}, {"*", "2025"}}, 1},
        {"everything",
         "10558",
         {{"*", "2028"}, {"10558", "2026"}, {"10558", "2027"}, {"10559", "2029"}},
         2},
        {"no school known", "", {{"10558", "2027"}, {"*", "2027"}}, 1},
        {"a code is compared whole", "1055", {{"10558", "2027"}}, -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct campaign campaigns[CAMPAIGNS_MAX];
        size_t count = 0;
        for (; count < CAMPAIGNS_MAX && rows[i].campaigns[count].school; count++) {
            campaign_default(&campaigns[count]);
            campaigns[count].school_code = str_of(rows[i].campaigns[count].school);
            campaigns[count].edition = str_of(rows[i].campaigns[count].edition);
        }
        const struct campaign *found =
            campaign_of(campaigns, count, str_of(rows[i].school), LEVEL_ANY);
        int number = found ? (int)(found - campaigns) : -1;
        if (number != rows[i].expected)
            fail_msg("%s: %d", rows[i].title, number);
    }
}

struct row_campaign {
    const char *school, *province, *schools, *level;
};
static const struct {
    const char *title;
    const char *school;
    enum study_level level;
    struct row_campaign campaigns[CAMPAIGNS_MAX];
    int expected;
    bool asks;
} nearer_rows[] = {
    {"its province's",
     "10558",
     LEVEL_ANY,
     {{"*", "*", "", "*"}, {"*", "44", "10558,10559", "*"}},
     1,
     false},
    {"in the other order",
     "10559",
     LEVEL_ANY,
     {{"*", "44", "10558,10559", "*"}, {"*", "*", "", "*"}},
     0,
     false},
    {"another province's", "10001", LEVEL_ANY, {{"*", "44", "10558,10559", "*"}}, -1, false},
    {"a province without schools", "10558", LEVEL_ANY, {{"*", "44", "", "*"}}, -1, false},
    {"its own before its province's",
     "10558",
     LEVEL_ANY,
     {{"*", "44", "10558", "*"}, {"10558", "44", "10558", "*"}},
     1,
     false},
    {"its level's",
     "10558",
     LEVEL_POSTGRADUATE,
     {{"*", "*", "", "*"}, {"*", "*", "", "postgraduate"}},
     1,
     true},
    {"another level's",
     "10558",
     LEVEL_COLLEGE,
     {{"*", "*", "", "*"}, {"*", "*", "", "postgraduate"}},
     0,
     true},
    {"an unknown level", "10558", LEVEL_ANY, {{"*", "*", "", "undergraduate"}}, -1, true},
    {"its province's before its level's",
     "10558",
     LEVEL_COLLEGE,
     {{"*", "*", "", "college"}, {"*", "44", "10558", "*"}},
     1,
     true},
    {"both",
     "10558",
     LEVEL_COLLEGE,
     {{"*", "44", "10558", "college"}, {"*", "44", "10558", "*"}},
     0,
     true},
    {"another school's level is not asked",
     "10558",
     LEVEL_ANY,
     {{"10559", "*", "", "college"}, {"*", "*", "", "*"}},
     1,
     false},
};

static void
a_province_and_a_level_are_nearer_than_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(nearer_rows); i++) {
        struct campaign campaigns[CAMPAIGNS_MAX];
        size_t count = 0;
        for (; count < CAMPAIGNS_MAX && nearer_rows[i].campaigns[count].school; count++) {
            const struct row_campaign *made = &nearer_rows[i].campaigns[count];
            campaign_default(&campaigns[count]);
            campaigns[count].school_code = str_of(made->school);
            campaigns[count].province = str_of(made->province);
            campaigns[count].schools = str_of(made->schools);
            assert_int_equal(campaign_set_level(&campaigns[count], str_of(made->level)), 0);
        }
        struct str school = str_of(nearer_rows[i].school);
        const struct campaign *found = campaign_of(campaigns, count, school, nearer_rows[i].level);
        int number = found ? (int)(found - campaigns) : -1;
        if (number != nearer_rows[i].expected)
            fail_msg("%s: %d", nearer_rows[i].title, number);
        if (campaign_asks_level(campaigns, count, school) != nearer_rows[i].asks)
            fail_msg("%s: asks", nearer_rows[i].title);
    }
}

static void
a_code_of_education_tells_the_level(void **state)
{
    static const struct {
        const char *xldm;
        enum study_level level;
    } rows[] = {
        {"01", LEVEL_POSTGRADUATE},
        {"11", LEVEL_POSTGRADUATE},
        {"25", LEVEL_UNDERGRADUATE},
        {"31", LEVEL_UNDERGRADUATE},
        {"41", LEVEL_COLLEGE},
        {"61", LEVEL_COLLEGE},
        {"", LEVEL_ANY},
        {"51", LEVEL_ANY},
        {"本科", LEVEL_ANY},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(study_level_of(str_of(rows[i].xldm)), rows[i].level);
}

static void
takes_what_it_understands_and_counts_the_rest(void **state)
{
    static const struct {
        size_t (*set)(struct campaign *, struct str);
        const char *list;
        size_t unknown;
    } rows[] = {
        {campaign_set_months, "", 0},
        {campaign_set_months, "202706,202701", 0},
        {campaign_set_months, "202700", 1},
        {campaign_set_months, "202713", 1},
        {campaign_set_months, "2027年", 1},
        {campaign_set_fixed, "SFSLBDM=2,KNSLBDM=0", 0},
        {campaign_set_fixed, "nope=2", 1},
        {campaign_set_fixed, "KNSLBDM", 0},
        {campaign_set_severities, "", 0},
        {campaign_set_severities, "age=off,ksh=reject,qq=warn,email=note", 0},
        {campaign_set_severities, "required=warn", 1}, /* is not adjustable */
        {campaign_set_severities, "nope=warn,age=nope,age", 3},
        {campaign_set_level, "college", 0},
        {campaign_set_level, "", 1},
        {campaign_set_level, "Bachelor", 1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct campaign campaign;
        campaign_default(&campaign);
        if (rows[i].set(&campaign, str_of(rows[i].list)) != rows[i].unknown)
            fail_msg("'%s'", rows[i].list);
        assert_int_equal(campaign.severity[rule_find(STR("required"))], RULE_REJECT);
    }
}

static void
months_end_at_their_maximum(void **state)
{
    struct campaign campaign;
    struct buf list;
    (void)state;
    buf_init(&list, 4096);
    campaign_default(&campaign);
    for (unsigned i = 0; i < CAMPAIGN_MONTHS_MAX + 2; i++)
        buf_printf(&list, "%s%u", i ? "," : "", 202701 + i % 12);
    assert_int_equal(campaign_set_months(&campaign, buf_str(&list)), 2);
    assert_int_equal(campaign.graduation_month_count, CAMPAIGN_MONTHS_MAX);
    buf_done(&list);
}

static void
requires_more_and_less(void **state)
{
    struct campaign campaign;
    (void)state;
    campaign_default(&campaign);
    assert_int_equal(campaign_set_required(&campaign, STR("QQHM,nope"), true), 1);
    assert_int_equal(campaign_set_required(&campaign, STR("JTDZ"), false), 0);
    assert_true(campaign.required[FIELD_QQHM]);
    assert_false(campaign.required[FIELD_JTDZ]);
    assert_true(campaign.required[FIELD_JTYB]);
}

static void
severities_begin_as_the_table_says_and_have_words(void **state)
{
    static const char *const words[] = {"reject", "warn", "note", "off"};
    struct campaign campaign;
    (void)state;
    campaign_default(&campaign);
    for (size_t i = 0; i < rule_count; i++)
        assert_int_equal(campaign.severity[i], rules[i].severity);
    for (size_t i = 0; i < COUNT(words); i++)
        assert_string_equal(rule_severity_word((enum rule_severity)i), words[i]);
    assert_int_equal(rule_find(STR("nope")), rule_count);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schools_own_newest_campaign_comes_first),
        cmocka_unit_test(a_province_and_a_level_are_nearer_than_all),
        cmocka_unit_test(a_code_of_education_tells_the_level),
        cmocka_unit_test(takes_what_it_understands_and_counts_the_rest),
        cmocka_unit_test(months_end_at_their_maximum),
        cmocka_unit_test(requires_more_and_less),
        cmocka_unit_test(severities_begin_as_the_table_says_and_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
