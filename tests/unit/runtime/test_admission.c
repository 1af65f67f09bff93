/* Who is let in, and when those who are not may come again. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "runtime/admission.h"
#include "runtime/limiter.h"

#define SECOND_NS 1000000000ull
#define MS 1000000ull

static const struct admission_policy policy = {
    .open_free = 128,
    .open_start = 256,
    .open_max = 4096,
    .answer_ms_max = 30,
};

static void
open_calls_follow_what_can_be_answered_in_time(void **state)
{
    static const struct {
        double capacity_per_s;
        size_t open_max;
    } rows[] = {
        {0, 128},     {1000, 128},    {4266, 128}, {4300, 129},
        {10000, 300}, {136533, 4095}, {1e9, 4096}, {-1, 128},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (admission_open_max(&policy, rows[i].capacity_per_s) != rows[i].open_max)
            fail_msg("row %zu: %zu", i, admission_open_max(&policy, rows[i].capacity_per_s));
    /* Nothing known yet: what is let in at the start. */
    assert_int_equal(admission_open_max(&policy, admission_start(&policy) + 0.01), 256);
}

static void
a_pause_of_a_server_is_no_overload(void **state)
{
    /* 600 a second, nothing answered for 200 ms: 120 are open, and all of them were let in. */
    double capacity_per_s = admission_start(&policy);
    size_t open = 0;
    (void)state;
    for (unsigned ms = 0; ms < 200; ms += 20) {
        assert_true(open < admission_open_max(&policy, capacity_per_s));
        open += 12;
        capacity_per_s = admission_capacity(&policy, capacity_per_s, open, 0, 20 * MS);
    }
    /* And the belief comes back. */
    for (unsigned ms = 0; ms < 20000; ms += 20)
        capacity_per_s = admission_capacity(&policy, capacity_per_s, 3, 12, 20 * MS);
    assert_true(capacity_per_s > 0.85 * admission_start(&policy));
}

static void
the_longer_the_queue_of_refused_the_wider_the_spread(void **state)
{
    static const struct {
        double refused_per_s;
        double capacity_per_s;
        unsigned least;
        unsigned most;
    } rows[] = {
        {0, 10000, 1, 3},      {5000, 5000, 1, 3}, {20000, 5000, 1, 8},
        {1000000, 500, 1, 30}, {10, 0, 1, 10},     {1000, 0, 1, 30},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned least = 1000;
        unsigned most = 0;
        for (uint32_t chance = 0; chance < 1000; chance++) {
            unsigned s = admission_retry_s(rows[i].refused_per_s, rows[i].capacity_per_s, chance);
            least = s < least ? s : least;
            most = s > most ? s : most;
        }
        if (least != rows[i].least || most != rows[i].most)
            fail_msg("row %zu: %u to %u", i, least, most);
    }
}

/* --- a simulated service: answers a fixed number a second, in the order they came --- */

struct simulation {
    double capacity_per_s; /* what is true */
    double believed_per_s;
    double done;           /* answers owed, with the fraction */
    uint32_t due_ms[8192]; /* of the open calls, a ring */
    size_t first;
    size_t open;
    uint64_t answered_in_window;
    size_t admitted;
    size_t refused;
    uint32_t waits[65536];
    size_t wait_count;
};

static void
simulate_ms(struct simulation *s, uint32_t now_ms, double arrivals)
{
    for (size_t i = 0; i < (size_t)arrivals; i++) {
        if (s->open >= admission_open_max(&policy, s->believed_per_s)) {
            s->refused++;
            continue;
        }
        s->due_ms[(s->first + s->open++) % 8192] = now_ms;
        s->admitted++;
    }
    s->done += s->capacity_per_s / 1000;
    for (; s->done >= 1 && s->open; s->done--, s->open--, s->answered_in_window++) {
        s->waits[s->wait_count++ % 65536] = now_ms - s->due_ms[s->first] + 1;
        s->first = (s->first + 1) % 8192;
    }
    if (s->open == 0)
        s->done = 0; /* idle time cannot be used later */
    if (now_ms % 20 == 19) {
        s->believed_per_s =
            admission_capacity(&policy, s->believed_per_s, s->open, s->answered_in_window, 20 * MS);
        s->answered_in_window = 0;
    }
}

static int
by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t
percentile(struct simulation *s, double share)
{
    size_t count = s->wait_count < 65536 ? s->wait_count : 65536;
    qsort(s->waits, count, sizeof s->waits[0], by_size);
    return s->waits[(size_t)((double)(count - 1) * share)];
}

static void
ten_times_the_load_is_not_queued(void **state)
{
    /* Capacities from half of the burst to less than the base: what is admitted never waits longer
     * than the free ones take, and all that can be carried is. */
    static const double capacities[] = {5000, 3000, 2000, 1000};
    (void)state;
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        static struct simulation s;
        s = (struct simulation){.capacity_per_s = capacities[i],
                                .believed_per_s = admission_start(&policy)};
        for (uint32_t ms = 0; ms < 10000; ms++)
            simulate_ms(&s, ms, 10);
        double carried_per_s = (double)s.admitted / 10;
        uint32_t free_ms = (uint32_t)(128 * 1000 / capacities[i]);
        uint32_t allowed_ms = (free_ms > 30 ? free_ms : 30) * 3 / 2;
        if (carried_per_s < 0.97 * capacities[i] || percentile(&s, 0.99) > allowed_ms)
            fail_msg("capacity %g: %g a second, p99 %u ms", capacities[i], carried_per_s,
                     percentile(&s, 0.99));
        assert_true(s.refused > 45000);
    }
}

static void
what_can_be_carried_is_never_refused(void **state)
{
    static struct simulation s;
    (void)state;
    s = (struct simulation){.capacity_per_s = 7000, .believed_per_s = admission_start(&policy)};
    for (uint32_t ms = 0; ms < 10000; ms++)
        simulate_ms(&s, ms, ms % 10 == 0 ? 64 : 0); /* in lumps of 64, as turns make them */
    assert_int_equal(s.refused, 0);
}

static void
a_closed_loop_of_256_is_let_in_at_the_speed_of_the_bench(void **state)
{
    /* 256 callers who send the next when they were answered, 10,000 a second. */
    static struct simulation s;
    (void)state;
    s = (struct simulation){.capacity_per_s = 10000, .believed_per_s = admission_start(&policy)};
    for (uint32_t ms = 0; ms < 10000; ms++)
        simulate_ms(&s, ms, 256.0 - (double)s.open);
    assert_int_equal(s.refused, 0);
}

/* --- one client --- */

static void
a_rate_has_its_advance_and_then_its_pace(void **state)
{
    uint64_t client = 0;
    unsigned wait_ms = 0;
    uint64_t now_ns = 5 * SECOND_NS;
    (void)state;
    for (unsigned i = 0; i < 4; i++) /* one, and three in advance */
        assert_true(rate_take(&client, now_ns, 2, 3, &wait_ms));
    assert_false(rate_take(&client, now_ns, 2, 3, &wait_ms));
    assert_int_equal(wait_ms, 501);
    assert_false(rate_take(&client, now_ns + 499 * MS, 2, 3, &wait_ms));
    assert_true(rate_take(&client, now_ns + 500 * MS, 2, 3, &wait_ms));
    assert_false(rate_take(&client, now_ns + 500 * MS, 2, 3, &wait_ms));
    /* Refused ones cost nothing; after a quiet time the whole advance is there again. */
    for (unsigned i = 0; i < 4; i++)
        assert_true(rate_take(&client, now_ns + 60 * SECOND_NS, 2, 3, &wait_ms));
    assert_false(rate_take(&client, now_ns + 60 * SECOND_NS, 2, 3, &wait_ms));
}

static void
clients_do_not_pay_for_each_other(void **state)
{
    struct limiter *limiter = limiter_new(1, 0);
    unsigned wait_ms = 0;
    char name[32];
    (void)state;
    assert_true(limiter_take(limiter, STR("a"), SECOND_NS, &wait_ms));
    assert_false(limiter_take(limiter, STR("a"), SECOND_NS, &wait_ms));
    assert_true(limiter_take(limiter, STR("b"), SECOND_NS, &wait_ms));
    assert_true(limiter_take(limiter, STR("a"), 2 * SECOND_NS, &wait_ms));
    /* Far more clients than places: nobody new is refused for it. */
    for (unsigned i = 0; i < 300000; i++) {
        int length = snprintf(name, sizeof name, "client-%u", i);
        assert_true(
            limiter_take(limiter, (struct str){name, (size_t)length}, 3 * SECOND_NS, &wait_ms));
    }
    assert_true(limiter_take(NULL, STR("a"), SECOND_NS, &wait_ms));
    limiter_free(limiter);
    limiter_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_calls_follow_what_can_be_answered_in_time),
        cmocka_unit_test(a_pause_of_a_server_is_no_overload),
        cmocka_unit_test(the_longer_the_queue_of_refused_the_wider_the_spread),
        cmocka_unit_test(ten_times_the_load_is_not_queued),
        cmocka_unit_test(what_can_be_carried_is_never_refused),
        cmocka_unit_test(a_closed_loop_of_256_is_let_in_at_the_speed_of_the_bench),
        cmocka_unit_test(a_rate_has_its_advance_and_then_its_pace),
        cmocka_unit_test(clients_do_not_pay_for_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
