/* The admission to a lane, asked by several threads. */
#include "tests/unit/test.h"

#include "base/clock.h"
#include "runtime/lane.h"

enum { OPEN_FREE = 2, OPEN_START = 8 };
#define MS 1000000ull

/* Two threads look at the clock, and the later one is the first to be let in. */
static void
a_clock_read_before_anothers_is_no_overload(void **state)
{
    const struct admission_policy policy = {
        .open_free = OPEN_FREE,
        .open_start = OPEN_START,
        .open_max = 4096,
        .answer_ms_max = 1000,
    };
    static struct api_call calls[OPEN_START];
    struct lane lane = {0};
    unsigned retry_s = 0;
    (void)state;
    lane_init(&lane, "test", 1, &policy);
    uint64_t begin_ns = lane.paced_ns;
    for (size_t i = 0; i <= OPEN_FREE; i++)
        assert_true(lane_put(&lane, &calls[i], begin_ns + MS, &retry_s));
    assert_true(lane_put(&lane, &calls[OPEN_FREE + 1], begin_ns - 1, &retry_s));
    lane_done(&lane);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_read_before_anothers_is_no_overload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
