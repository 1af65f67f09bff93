/* The decisions of the operator's tool. */
#include "tests/unit/test.h"

#include "services/syctl/domain.h"

static void
the_stage_follows_from_what_was_found(void **state)
{
    static const struct {
        struct why_facts facts;
        enum stage stage;
    } rows[] = {
        {{0}, STAGE_UNKNOWN},
        {{.waiting = true}, STAGE_WAITING},
        {{.waiting = true, .held = true}, STAGE_JUDGING},
        {{.waiting = true, .held = true, .tries = 1}, STAGE_RETRYING},
        {{.held = true, .tries = 9}, STAGE_UNKNOWN}, /* of another message */
        {{.dead = true}, STAGE_DEAD},
        {{.dead = true, .waiting = true}, STAGE_WAITING}, /* replayed */
        {{.judged = true}, STAGE_ACCEPTED},
        {{.judged = true, .rejected = true}, STAGE_REJECTED},
        {{.judged = true, .dead = true, .waiting = true, .held = true}, STAGE_ACCEPTED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (why_decide(&rows[i].facts) != rows[i].stage)
            fail_msg("row %zu", i);
    for (unsigned i = STAGE_UNKNOWN; i <= STAGE_REJECTED; i++) {
        const struct stage_words *words = stage_words((enum stage)i);
        assert_true(words->name && words->meaning && words->who && words->student);
        assert_true(utf8_valid(str_of(words->student)) && (unsigned char)words->student[0] > 0x7f);
    }
}

static void
a_time_is_a_span_or_a_moment(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: not understood */
    } rows[] = {
        {"90s", 1000000000000 - 90000},
        {"15m", 1000000000000 - 900000},
        {"2h", 1000000000000 - 7200000},
        {"7d", 1000000000000 - 604800000},
        {"0s", 1000000000000},
        {"2001-09-09T01:46:40.000Z", 1000000000000},
        {"2001-09-09T01:46:40Z", 1000000000000},
        {"", -1},
        {"h", -1},
        {"-2h", -1},
        {"2w", -1},
        {"2 h", -1},
        {"1000001s", -1},
        {"yesterday", -1},
        {"2001-09-09", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = -1;
        bool known = since_parse(str_of(rows[i].text), 1000000000000, &ms);
        if (known != (rows[i].ms >= 0) || (known && ms != rows[i].ms))
            fail_msg("'%s': %d %lld", rows[i].text, known, (long long)ms);
    }
}

static void
a_replay_takes_what_meets_all_its_conditions(void **state)
{
    static const struct {
        struct replay_filter filter;
        bool wanted; /* of reason malformed, time 1000, offset 5 */
    } rows[] = {
        {{NULL, INT64_MIN, -1}, true},
        {{"malformed", INT64_MIN, -1}, true},
        {{"malforme", INT64_MIN, -1}, false},
        {{"", INT64_MIN, -1}, false},
        {{NULL, 1000, -1}, true},
        {{NULL, 1001, -1}, false},
        {{NULL, INT64_MIN, 5}, true},
        {{NULL, INT64_MIN, 4}, false},
        {{"malformed", 1000, 5}, true},
        {{"malformed", 1001, 5}, false},
        {{"version", 1000, 5}, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (replay_wanted(&rows[i].filter, STR("malformed"), 1000, 5) != rows[i].wanted)
            fail_msg("row %zu", i);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stage_follows_from_what_was_found),
        cmocka_unit_test(a_time_is_a_span_or_a_moment),
        cmocka_unit_test(a_replay_takes_what_meets_all_its_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
