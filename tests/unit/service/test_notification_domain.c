/* What students are told: texts within the platforms' lengths, channels, hours, answers. */
#include "tests/unit/test.h"

#include "services/notification/domain.h"

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };
/* 2026-11-25 00:00 in China. */
static const int64_t midnight_ms = 1795536000000;

static struct arena *arena;

static int
setup(void **state)
{
    (void)state;
    arena = arena_new(1024 * 1024);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct notice_policy
policy_of(void)
{
    struct notice_policy policy = {.quiet_from_h = 22, .quiet_to_h = 8, .retry_min_s = 30};
    assert_true(notice_sms_kinds_parse(STR("rejected,returned,decided,window_closing"), &policy));
    for (unsigned i = 0; i < NOTICE_TEMPLATE_COUNT_; i++) {
        policy.wechat_template[i] = true;
        policy.sms_template[i] = true;
    }
    return policy;
}

static struct notice_facts
facts_of(void)
{
    return (struct notice_facts){.kind = NOTICE_REJECTED,
                                 .deadline_ms = midnight_ms + 3 * (int64_t)DAY_MS,
                                 .account_known = true,
                                 .mini_program = true,
                                 .consents = 1,
                                 .phone_known = true};
}

/* --- lengths --- */

static void
a_value_is_cut_at_its_places_length_between_code_points(void **state)
{
    static const struct {
        const char *field;
        const char *text;
        const char *fits;
    } rows[] = {
        {"phrase2", "一二三四五", "一二三四五"},
        {"phrase2", "一二三四五六", "一二三四…"},
        {"thing1", "一二三四五六七八九十一二三四五六七八九十",
         "一二三四五六七八九十一二三四五六七八九十"},
        {"thing1", "一二三四五六七八九十一二三四五六七八九十一",
         "一二三四五六七八九十一二三四五六七八九…"},
        {"phrase1", "𠮷𠮷𠮷𠮷𠮷", "𠮷𠮷𠮷𠮷𠮷"},
        {"phrase1", "𠮷𠮷𠮷𠮷𠮷𠮷", "𠮷𠮷𠮷𠮷…"},
        {"thing4", "一\n二\t三\x7f", "一 二 三 "},
        {"thing4", "", "-"},
        {"name1", "阿卜杜热合曼江·买买提", "阿卜杜热合曼江·买…"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_str(notice_value_fit(str_of(rows[i].field), str_of(rows[i].text), arena),
                   rows[i].fits);
}

static void
every_word_of_the_table_fits_without_being_cut(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NOTICE_KIND_COUNT_; i++) {
        const struct notice_details details = {.at_ms = midnight_ms, .number = 44};
        enum notice_kind kind = (enum notice_kind)i;
        assert_true(utf8_length(notice_value_text(kind, &details, VALUE_RESULT, arena)) <= 5);
        assert_true(utf8_length(notice_value_text(kind, &details, VALUE_REMARK, arena)) <= 20);
        assert_true(utf8_length(notice_value_text(kind, &details, VALUE_SUBJECT, arena)) <= 20);
        assert_true(utf8_length(notice_value_text(kind, &details, VALUE_TIME, arena)) <= 32);
    }
}

static void
places_are_counted_and_of_known_kinds(void **state)
{
    struct str names[NOTICE_VALUES_MAX];
    (void)state;
    assert_true(notice_fields_parse(STR("thing1,phrase2,time3,thing4"), NOTICE_RESULT, names));
    assert_str(names[3], "thing4");
    assert_true(notice_fields_parse(STR("thing11,date2,thing9"), NOTICE_CLOSING, names));
    assert_false(notice_fields_parse(STR("thing1,phrase2,time3"), NOTICE_RESULT, names));
    assert_false(notice_fields_parse(STR("thing1,time2,thing3,thing4"), NOTICE_CLOSING, names));
    assert_false(notice_fields_parse(STR("thing1,word2,time3,thing4"), NOTICE_RESULT, names));
    assert_false(notice_fields_parse(STR(""), NOTICE_RESULT, names));
    assert_int_equal(notice_field_limit(STR("thing12")), 20);
    assert_int_equal(notice_field_limit(STR("things")), 0);
}

static void
times_are_chinas(void **state)
{
    (void)state;
    assert_str(notice_time_text(midnight_ms - 60000, arena), "2026年11月24日 23:59");
    assert_str(notice_time_text(midnight_ms, arena), "2026年11月25日 00:00");
    assert_str(notice_day(midnight_ms - 1, arena), "2026-11-24");
    assert_str(notice_day(midnight_ms, arena), "2026-11-25");
}

/* --- events --- */

static void
a_rejection_counts_what_is_to_be_corrected(void **state)
{
    struct notice_made made;
    const struct submission_judged event = {
        .submission_id = STR("s"),
        .student_id = STR("p"),
        .campaign_id = STR("c"),
        .outcome = STR("rejected"),
        .judged_at_ms = 5,
        .findings =
            STR("[{\"severity\":\"reject\"},{\"severity\":\"warn\"},{\"severity\":\"reject\"}]")};
    (void)state;
    assert_true(notice_of_judged(&event, arena, &made));
    assert_int_equal(made.kind, NOTICE_REJECTED);
    assert_str(made.recipient, "p");
    assert_str(made.transition, "s");
    assert_int_equal(made.details.number, 2);
    assert_str(notice_value_text(made.kind, &made.details, VALUE_REMARK, arena),
               "有2项需修改，请打开小程序查看");
}

static void
a_rejection_without_a_count_says_none(void **state)
{
    struct notice_made made;
    const struct submission_judged event = {.outcome = STR("rejected"), .findings = STR("[]")};
    (void)state;
    assert_true(notice_of_judged(&event, arena, &made));
    assert_str(notice_value_text(made.kind, &made.details, VALUE_REMARK, arena),
               "请打开小程序查看并修改");
}

static void
decisions_are_told_but_not_the_students_own(void **state)
{
    static const struct {
        const char *to;
        enum notice_kind kind;
        bool told;
        const char *remark;
    } rows[] = {
        {"returned", NOTICE_RETURNED, true, "少一个字"},
        {"college_approved", NOTICE_COLLEGE_APPROVED, true, "请等待学校审核"},
        {"school_approved", NOTICE_SCHOOL_APPROVED, true, "请等待学校上报"},
        {"reported", NOTICE_REPORTED, true, "如需更正请联系学校就业部门"},
        {"withdrawn", NOTICE_ACCEPTED, false, NULL},
        {"submitted", NOTICE_ACCEPTED, false, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct notice_made made;
        const struct review_decided event = {.student_id = STR("p"),
                                             .submission_id = STR("s"),
                                             .to = str_of(rows[i].to),
                                             .reason = STR("少一个字"),
                                             .at_ms = 7};
        assert_int_equal(notice_of_review(&event, arena, &made), rows[i].told);
        if (!rows[i].told)
            continue;
        assert_int_equal(made.kind, rows[i].kind);
        assert_str(made.transition, "s/7");
        assert_str(notice_value_text(made.kind, &made.details, VALUE_REMARK, arena),
                   rows[i].remark);
    }
}

static void
a_decided_application_is_told_to_its_account(void **state)
{
    static const char *const kinds[] = {"roster_mismatch",  "major_missing",
                                        "field_correction", "unbind",
                                        "lost_account",     "identity_confirmation"};
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct notice_made made;
        struct appeal_decided event = {.appeal_id = STR("f"),
                                       .account_id = STR("a"),
                                       .kind = str_of(kinds[i]),
                                       .decision = STR("refused"),
                                       .reason = STR("请补学信网截图")};
        assert_true(notice_of_appeal(&event, &made));
        assert_str(made.recipient, "a");
        assert_str(made.transition, "f");
        assert_true(made.details.subject.len > STR("申请").len);
        assert_true(utf8_length(made.details.subject) <= 20);
        assert_str(notice_value_text(made.kind, &made.details, VALUE_RESULT, arena), "未同意");
        assert_str(notice_value_text(made.kind, &made.details, VALUE_REMARK, arena),
                   "请补学信网截图");
        event.decision = STR("accepted");
        event.reason = STR_NONE;
        event.kind = STR("another");
        assert_true(notice_of_appeal(&event, &made));
        assert_str(made.details.subject, "申请");
        assert_str(notice_value_text(made.kind, &made.details, VALUE_RESULT, arena), "已同意");
        assert_str(notice_value_text(made.kind, &made.details, VALUE_REMARK, arena),
                   "请打开小程序查看处理结果");
    }
}

static void
details_survive_being_kept(void **state)
{
    struct notice_details back = {0};
    struct err err;
    const struct notice_details details = {1, 2, STR("事"), STR("果"), STR("\"因\"\n")};
    (void)state;
    assert_int_equal(
        notice_details_decode(notice_details_encode(&details, arena), arena, &back, &err), ERR_OK);
    assert_true(back.at_ms == 1 && back.number == 2);
    assert_str(back.subject, "事");
    assert_str(back.result, "果");
    assert_str(back.remark, "\"因\"\n");
    assert_int_equal(notice_details_decode(STR("{}"), arena, &back, &err), ERR_MISSING_MEMBER);
}

/* --- hours --- */

static void
quiet_hours_end_in_the_morning(void **state)
{
    static const struct {
        unsigned from, to;
        int64_t at_min, due_min; /* of the day */
    } rows[] = {
        {22, 8, 21 * 60 + 59, 21 * 60 + 59},
        {22, 8, 22 * 60, 32 * 60},
        {22, 8, 23 * 60 + 59, 32 * 60},
        {22, 8, 24 * 60, 32 * 60},
        {22, 8, 0, 8 * 60},
        {22, 8, 8 * 60 - 1, 8 * 60},
        {22, 8, 8 * 60, 8 * 60},
        {12, 14, 13 * 60, 14 * 60},
        {12, 14, 14 * 60, 14 * 60},
        {12, 14, 11 * 60, 11 * 60},
        {0, 0, 60, 60},
        {5, 5, 5 * 60, 5 * 60},
        {23, 0, 23 * 60, 24 * 60},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct notice_policy policy = {.quiet_from_h = rows[i].from,
                                             .quiet_to_h = rows[i].to};
        int64_t now_ms = midnight_ms + rows[i].at_min * 60000;
        assert_int_equal(notice_due_ms(&policy, false, now_ms),
                         midnight_ms + rows[i].due_min * 60000);
        assert_int_equal(notice_due_ms(&policy, true, now_ms), now_ms);
    }
}

static void
tomorrow_begins_when_people_are_awake(void **state)
{
    const struct notice_policy policy = policy_of();
    const struct notice_policy always = {0};
    (void)state;
    assert_int_equal(notice_tomorrow_ms(&policy, midnight_ms), midnight_ms + DAY_MS + 8 * HOUR_MS);
    assert_int_equal(notice_tomorrow_ms(&policy, midnight_ms + DAY_MS - 1),
                     midnight_ms + DAY_MS + 8 * HOUR_MS);
    assert_int_equal(notice_tomorrow_ms(&always, midnight_ms), midnight_ms + DAY_MS);
}

/* --- the way it goes --- */

static void
the_way_follows_from_the_facts(void **state)
{
    const struct notice_policy policy = policy_of();
    const int64_t noon_ms = midnight_ms + 12 * HOUR_MS;
    struct notice_facts facts = facts_of();
    (void)state;
#define PLAN() notice_plan(&facts, &policy, noon_ms)
    assert_true(PLAN().step == STEP_SEND && PLAN().channel == CHANNEL_WECHAT);
    facts.consents = 0;
    assert_true(PLAN().step == STEP_SEND && PLAN().channel == CHANNEL_SMS);
    facts.consents = 1;
    facts.mini_program = false; /* an openid of H5 */
    assert_true(PLAN().step == STEP_SEND && PLAN().channel == CHANNEL_SMS);
    facts.phone_known = false;
    assert_string_equal(PLAN().outcome, "no-phone");
    facts.kind = NOTICE_ACCEPTED; /* not worth an SMS */
    assert_string_equal(PLAN().state, "skipped");
    facts = facts_of();
    facts.wechat_over = true;
    assert_true(PLAN().step == STEP_SEND && PLAN().channel == CHANNEL_SMS);
    facts.kind = NOTICE_ACCEPTED;
    assert_string_equal(PLAN().state, "undeliverable");
    facts.account_known = false;
    assert_string_equal(PLAN().outcome, "no-account");
    facts.deadline_ms = noon_ms - 1;
    assert_string_equal(PLAN().state, "failed");
    assert_string_equal(PLAN().outcome, "deadline");
#undef PLAN
}

static void
at_night_only_what_is_urgent_goes(void **state)
{
    const struct notice_policy policy = policy_of();
    struct notice_facts facts = facts_of();
    (void)state;
    struct notice_plan plan = notice_plan(&facts, &policy, midnight_ms);
    assert_true(plan.step == STEP_LATER && plan.due_ms == midnight_ms + 8 * HOUR_MS);
    facts.urgent = true;
    assert_int_equal(notice_plan(&facts, &policy, midnight_ms).step, STEP_SEND);
    facts = facts_of();
    facts.deadline_ms = midnight_ms + HOUR_MS; /* over before the morning */
    assert_string_equal(notice_plan(&facts, &policy, midnight_ms).state, "failed");
}

static void
tries_are_spread_up_to_an_hour_and_end_at_the_deadline(void **state)
{
    const struct notice_policy policy = policy_of();
    struct notice_facts facts = facts_of();
    static const int64_t waits_s[] = {30, 60, 120, 240, 480, 960, 1920, 3600, 3600};
    (void)state;
    for (size_t i = 0; i < sizeof waits_s / sizeof waits_s[0]; i++) {
        facts.tries = (int64_t)i;
        struct notice_plan plan = notice_again(&facts, &policy, "x", midnight_ms);
        assert_true(plan.step == STEP_LATER && plan.due_ms == midnight_ms + waits_s[i] * 1000);
    }
    facts.deadline_ms = midnight_ms + 3599 * 1000;
    assert_string_equal(notice_again(&facts, &policy, "x", midnight_ms).state, "failed");
    assert_string_equal(notice_without_budget(&facts, &policy, midnight_ms).outcome, "budget");
}

/* --- answers --- */

static void
every_errcode_has_its_way(void **state)
{
    static const struct {
        int64_t errcode;
        enum notice_step step;
        const char *outcome; /* without a phone; NULL: does not depend on it */
        bool gone, misconfigured;
    } rows[] = {
        {0, STEP_END, "wechat", false, false},
        {-1, STEP_LATER, "wechat-busy", false, false},
        {45009, STEP_LATER, "wechat-busy", false, false},
        {45011, STEP_LATER, "wechat-busy", false, false},
        {43108, STEP_LATER, "wechat-busy", false, false},
        {40001, STEP_LATER, "wechat-busy", false, false},
        {42001, STEP_LATER, "wechat-busy", false, false},
        {43101, STEP_SEND, NULL, true, false},
        {40003, STEP_SEND, NULL, false, false},
        {45168, STEP_SEND, NULL, false, false},
        {40037, STEP_SEND, NULL, false, true},
        {41030, STEP_SEND, NULL, false, true},
        {47003, STEP_SEND, NULL, false, true},
        {48001, STEP_SEND, NULL, false, true},
        {43107, STEP_SEND, NULL, false, true},
        {99999, STEP_SEND, NULL, false, true},
    };
    const struct notice_policy policy = policy_of();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct notice_facts facts = facts_of();
        struct notice_plan plan =
            notice_after_wechat(&facts, &policy, rows[i].errcode, midnight_ms);
        const struct errcode_row *row = notice_errcode(rows[i].errcode);
        assert_int_equal(plan.step, rows[i].step);
        assert_int_equal(row->consent_gone, rows[i].gone);
        assert_int_equal(row->misconfigured, rows[i].misconfigured);
        if (rows[i].outcome)
            assert_string_equal(plan.outcome, rows[i].outcome);
        if (plan.step != STEP_SEND)
            continue;
        assert_int_equal(plan.channel, CHANNEL_SMS);
        facts.kind = NOTICE_ACCEPTED;
        plan = notice_after_wechat(&facts, &policy, rows[i].errcode, midnight_ms);
        assert_string_equal(plan.state, rows[i].misconfigured ? "failed" : "undeliverable");
    }
}

static void
every_answer_of_sms_has_its_way(void **state)
{
    static const struct {
        enum sms_outcome outcome;
        enum notice_step step;
        const char *state;
        const char *word;
    } rows[] = {
        {SMS_SENT, STEP_END, "sent", "sms"},
        {SMS_LIMITED, STEP_LATER, NULL, "sms-limited"},
        {SMS_NUMBER, STEP_END, "undeliverable", "sms-number"},
        {SMS_BUSY, STEP_LATER, NULL, "sms-busy"},
        {SMS_MAYBE_SENT, STEP_END, "unknown", "no-answer"},
        {SMS_MISCONFIGURED, STEP_LATER, NULL, "sms-misconfigured"},
    };
    const struct notice_policy policy = policy_of();
    const struct notice_facts facts = facts_of();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct notice_plan plan = notice_after_sms(&facts, &policy, rows[i].outcome, midnight_ms);
        assert_int_equal(plan.step, rows[i].step);
        assert_string_equal(plan.outcome, rows[i].word);
        if (rows[i].state)
            assert_string_equal(plan.state, rows[i].state);
    }
    assert_int_equal(notice_after_sms(&facts, &policy, SMS_LIMITED, midnight_ms).due_ms,
                     midnight_ms + DAY_MS + 8 * HOUR_MS);
}

static void
words_are_those_of_the_tables(void **state)
{
    enum notice_kind kind;
    enum notice_template template;
    struct notice_policy policy = {0};
    (void)state;
    for (unsigned i = 0; i < NOTICE_KIND_COUNT_; i++)
        assert_true(notice_kind_parse(str_of(notice_kinds[i].word), &kind) && kind == i);
    for (unsigned i = 0; i < NOTICE_TEMPLATE_COUNT_; i++)
        assert_true(notice_template_parse(str_of(notice_templates[i].word), &template) &&
                    template == i);
    assert_false(notice_kind_parse(STR("weekly"), &kind));
    assert_false(notice_template_parse(STR("weekly"), &template));
    assert_false(notice_sms_kinds_parse(STR("rejected,weekly"), &policy));
    assert_true(notice_sms_kinds_parse(STR(""), &policy));
    assert_string_equal(notice_channel_name(CHANNEL_WECHAT), "wechat");
    assert_string_equal(notice_channel_name(CHANNEL_SMS), "sms");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_cut_at_its_places_length_between_code_points),
        cmocka_unit_test(every_word_of_the_table_fits_without_being_cut),
        cmocka_unit_test(places_are_counted_and_of_known_kinds),
        cmocka_unit_test(times_are_chinas),
        cmocka_unit_test(a_rejection_counts_what_is_to_be_corrected),
        cmocka_unit_test(a_rejection_without_a_count_says_none),
        cmocka_unit_test(decisions_are_told_but_not_the_students_own),
        cmocka_unit_test(a_decided_application_is_told_to_its_account),
        cmocka_unit_test(details_survive_being_kept),
        cmocka_unit_test(quiet_hours_end_in_the_morning),
        cmocka_unit_test(tomorrow_begins_when_people_are_awake),
        cmocka_unit_test(the_way_follows_from_the_facts),
        cmocka_unit_test(at_night_only_what_is_urgent_goes),
        cmocka_unit_test(tries_are_spread_up_to_an_hour_and_end_at_the_deadline),
        cmocka_unit_test(every_errcode_has_its_way),
        cmocka_unit_test(every_answer_of_sms_has_its_way),
        cmocka_unit_test(words_are_those_of_the_tables),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
