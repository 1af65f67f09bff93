/* How much each may do in a day. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "runtime/allowance.h"

#define HOUR_MS (INT64_C(3600) * 1000)
/* 2026-11-25 00:00 in China. */
#define MIDNIGHT_MS INT64_C(1795536000000)

static void
a_day_ends_at_midnight_in_china(void **state)
{
    static const struct {
        int64_t now_ms;
        unsigned wait_s;
    } rows[] = {
        {MIDNIGHT_MS, 86400},
        {MIDNIGHT_MS + 1, 86400},
        {MIDNIGHT_MS + 1000, 86399},
        {MIDNIGHT_MS + 23 * HOUR_MS, 3600},
        {MIDNIGHT_MS + 24 * HOUR_MS - 1, 1},
        {MIDNIGHT_MS + 24 * HOUR_MS, 86400},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (allowance_wait_s(rows[i].now_ms) != rows[i].wait_s)
            fail_msg("row %zu: %u", i, allowance_wait_s(rows[i].now_ms));
}

static void
so_many_a_day_and_the_next_day_again(void **state)
{
    struct allowance *allowance = allowance_new(3);
    (void)state;
    for (unsigned day = 0; day < 3; day++) {
        int64_t now_ms = MIDNIGHT_MS + day * 24 * HOUR_MS;
        for (unsigned i = 0; i < 3; i++)
            assert_true(allowance_take(allowance, STR("a"), now_ms + i));
        assert_false(allowance_take(allowance, STR("a"), now_ms + 24 * HOUR_MS - 1));
        assert_true(allowance_take(allowance, STR("b"), now_ms));
    }
    allowance_free(allowance);
}

static void
what_was_nothing_new_is_given_back_once(void **state)
{
    struct allowance *allowance = allowance_new(1);
    (void)state;
    allowance_give_back(allowance, STR("a"), MIDNIGHT_MS); /* nothing was taken */
    for (unsigned i = 0; i < 5; i++) {
        assert_true(allowance_take(allowance, STR("a"), MIDNIGHT_MS));
        assert_false(allowance_take(allowance, STR("a"), MIDNIGHT_MS));
        allowance_give_back(allowance, STR("a"), MIDNIGHT_MS);
    }
    assert_true(allowance_take(allowance, STR("a"), MIDNIGHT_MS));
    allowance_give_back(allowance, STR("a"), MIDNIGHT_MS - 1); /* another day's */
    assert_false(allowance_take(allowance, STR("a"), MIDNIGHT_MS));
    allowance_free(allowance);
}

/* A whole province in one copy: nobody is refused for it, and who had all stays without. */
static void
others_push_nobody_out_who_did_much(void **state)
{
    struct allowance *allowance = allowance_new(100);
    char name[32];
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        assert_true(allowance_take(allowance, STR("busy"), MIDNIGHT_MS));
    for (unsigned i = 0; i < 1000000; i++) {
        int length = snprintf(name, sizeof name, "student-%u", i);
        assert_true(allowance_take(allowance, (struct str){name, (size_t)length}, MIDNIGHT_MS));
    }
    assert_false(allowance_take(allowance, STR("busy"), MIDNIGHT_MS));
    allowance_free(allowance);
}

static void
without_a_limit_all_pass(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        assert_true(allowance_take(NULL, STR("a"), MIDNIGHT_MS));
    allowance_give_back(NULL, STR("a"), MIDNIGHT_MS);
    allowance_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_ends_at_midnight_in_china),
        cmocka_unit_test(so_many_a_day_and_the_next_day_again),
        cmocka_unit_test(what_was_nothing_new_is_given_back_once),
        cmocka_unit_test(others_push_nobody_out_who_did_much),
        cmocka_unit_test(without_a_limit_all_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
