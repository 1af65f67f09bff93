/* A process that is being made is not ready, whatever answers already. */
#include "runtime/health.h"
#include "tests/unit/test.h"

static enum err_code
answers(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return ERR_OK;
}

static void
is_not_ready_before_all_its_checks_are_known(void **state)
{
    struct health *health = NULL;
    (void)state;
    assert_works(health_open("127.0.0.1:0", &health, &err));
    assert_false(health_ready(health)); /* the port is open, and no check is there to fail */
    health_add(health, "part", answers, NULL);
    assert_false(health_ready(health));
    health_close(health);
}

static void
is_ready_when_started_with_nothing_to_ask(void **state)
{
    struct health *health = NULL;
    (void)state;
    assert_works(health_open("127.0.0.1:0", &health, &err));
    health_start(health);
    assert_true(health_ready(health));
    health_drain(health);
    assert_false(health_ready(health));
    health_close(health);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_not_ready_before_all_its_checks_are_known),
        cmocka_unit_test(is_ready_when_started_with_nothing_to_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
