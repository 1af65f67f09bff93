#include "tests/unit/test.h"

#include "runtime/session.h"

#define HEAD "s1\tsid\tacc\th5\t"
#define ROW(literal)                                                                               \
    {                                                                                              \
        ("" literal), sizeof(literal) - 1                                                          \
    }
#define TAIL "\topenid\tdoc\tstu\t10001\tphone\tps\tcs\t"

static void
reads_what_it_writes(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64 * 1024);
    struct session session = {0};
    const struct str text = STR(HEAD "1763910000000\t1763990000000" TAIL "9");
    assert_true(session_decode(text, &session));
    assert_str(session.school_code, "10001");
    assert_int_equal(session.identity_sequence, 9);
    assert_true(str_eq(session_encode(&session, arena), text));
    arena_free(arena);
}

static void
refuses_a_record_that_is_not_whole(void **state)
{
    static const struct str rows[] = {
        {"", 0},
        ROW("s2\tsid\tacc\th5\t1\t2" TAIL "9"),
        ROW("s1\t\tacc\th5\t1\t2" TAIL "9"),
        ROW("s1\tsid\t\th5\t1\t2" TAIL "9"),
        ROW(HEAD "-1\t2" TAIL "9"),
        ROW(HEAD "1\t9223372036854775808" TAIL "9"),
        ROW(HEAD "1\t2" TAIL ""),
        ROW(HEAD "1\t2" TAIL "9\t"),
        ROW(HEAD "1\t2\topenid"),
        ROW("s1\ts\0d\tacc\th5\t1\t2" TAIL "9"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct session session;
        if (session_decode(rows[i], &session))
            fail_msg("row %zu was read", i);
    }
}

static void
touches_a_busy_session_once_in_a_while(void **state)
{
    static const char hash[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const char like[] = "0123456789abcdef0123456799abcdef0123456789abcdef0123456789abcdef";
    static const char twin[] = "0123456789abcdef1123456789abcdef0123456789abcdef0123456789abcdef";
    struct session_touches *touches = session_touches_new();
    (void)state;
    assert_true(session_touch_due(touches, hash, 5000));
    session_touched(touches, hash, 5000, 16);
    assert_false(session_touch_due(touches, hash, 5999));
    assert_true(session_touch_due(touches, hash, 6000));
    assert_false(session_touch_due(touches, like, 5999)); /* 96 bits tell sessions apart */
    assert_true(session_touch_due(touches, twin, 5999));
    session_touched(touches, twin, 5999, 16); /* the same row */
    assert_true(session_touch_due(touches, hash, 5999));
    session_touched(touches, hash, 0, 86400);
    assert_false(session_touch_due(touches, hash, 59999));
    assert_true(session_touch_due(touches, hash, 60000)); /* a minute at most */
    session_touched(touches, hash, 0, 0);
    assert_true(session_touch_due(touches, hash, 0));
    session_touches_free(touches);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(refuses_a_record_that_is_not_whole),
        cmocka_unit_test(touches_a_busy_session_once_in_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
