/* Which specs arm a crash point, and that an armed one kills at the N-th pass. */
#include "runtime/crash.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

static void
refuses_what_is_no_point(void **state)
{
    (void)state;
    assert_works(crash_arm("", "production", &err));
    assert_fails(crash_arm("intake/produced", "production", &err), ERR_CONFIG, "profile demo only");
    assert_fails(crash_arm("intake/nowhere", "demo", &err), ERR_CONFIG, "no crash-point");
    assert_fails(crash_arm("intake/produced:", "demo", &err), ERR_CONFIG, "NAME or NAME:N");
    assert_fails(crash_arm("intake/produced:0", "demo", &err), ERR_CONFIG, "NAME or NAME:N");
}

/* How many passes at `armed` and then at another point a child survives. */
static int
passes(const char *spec)
{
    int ends[2];
    char seen = 0;
    int status = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct err err = {0};
        if (crash_arm(spec, "demo", &err))
            _exit(1);
        for (char i = 1; i < 10; i++) {
            crash_at(CRASH_CONFIRMED);
            crash_at(CRASH_PRODUCED);
            (void)!write(ends[1], &i, 1);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(ends[1]);
    while (read(ends[0], &seen, 1) == 1) {
    }
    (void)close(ends[0]);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return seen;
}

static void
kills_at_the_nth_pass(void **state)
{
    (void)state;
    assert_int_equal(passes("intake/produced"), 0);
    assert_int_equal(passes("intake/produced:4"), 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_point),
        cmocka_unit_test(kills_at_the_nth_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
