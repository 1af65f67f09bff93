/* What a process tells of itself: pulses, the batch in hand, the service manager. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/notify.h"
#include "runtime/progress.h"
#include "runtime/work.h"

#define MS 1000000ull

static void
a_loop_is_stuck_only_past_its_bound(void **state)
{
    static const struct {
        uint64_t last_ns;
        uint64_t now_ns;
        unsigned silence_ms_max;
        bool stuck;
    } rows[] = {
        {0, 1000 * MS, 10, false},         /* at rest */
        {5 * MS, 15 * MS, 10, false},      /* exactly at the bound */
        {5 * MS, 15 * MS + 1, 10, true},   /* past it */
        {20 * MS, 10 * MS, 10, false},     /* beaten while we looked at the clock */
        {1, UINT64_MAX, UINT32_MAX, true}, /* no overflow */
        {5 * MS, 5 * MS, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (pulse_is_stuck(rows[i].last_ns, rows[i].now_ns, rows[i].silence_ms_max) !=
            rows[i].stuck)
            fail_msg("row %zu", i);
}

static void
a_stuck_loop_is_named_until_it_rests(void **state)
{
    struct buf out;
    (void)state;
    assert_null(progress_stuck());
    struct pulse *pulse = progress_add("turning", 0);
    assert_null(progress_stuck()); /* did not begin yet */
    progress_beat(pulse);
    usleep(1000);
    assert_string_equal(progress_stuck(), "turning");
    buf_init(&out, 4096);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    progress_write(&w);
    jsonw_object_close(&w);
    char *text = mem_strndup(buf_str(&out));
    assert_non_null(strstr(text, "{\"loops\":[{\"name\":\"turning\",\"silent_ms\":"));
    assert_non_null(strstr(text, "\"silent_ms_max\":0,\"stuck\":true}]}"));
    free(text);
    buf_done(&out);
    progress_rest(pulse);
    assert_null(progress_stuck());
}

static void
ranges_grow_by_partition_and_are_bounded(void **state)
{
    struct work_range ranges[WORK_RANGES_MAX];
    size_t count = 0;
    (void)state;
    count = work_range_add(ranges, count, "a", 1, 7);
    count = work_range_add(ranges, count, "a", 1, 9);
    count = work_range_add(ranges, count, "a", 1, 5);
    count = work_range_add(ranges, count, "a", 2, 5);
    count = work_range_add(ranges, count, "b", 1, 100);
    assert_int_equal(count, 3);
    assert_int_equal(ranges[0].first, 5);
    assert_int_equal(ranges[0].last, 9);
    assert_int_equal(ranges[2].first, 100);
    for (int32_t p = 0; p < 2 * WORK_RANGES_MAX; p++)
        count = work_range_add(ranges, count, "c", p, p);
    assert_int_equal(count, WORK_RANGES_MAX);
}

static char *
work_text(void)
{
    struct buf out;
    buf_init(&out, 4096);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    work_write(&w);
    jsonw_object_close(&w);
    char *text = mem_strndup(buf_str(&out));
    buf_done(&out);
    return text;
}

static void
work_tells_tries_error_and_the_next_try(void **state)
{
    const struct work_range range = {"submission.received", 3, 10, 12};
    struct err err = {0};
    (void)state;
    char *text = work_text();
    assert_string_equal(text, "{\"work\":null}");
    free(text);
    work_begin(&range, 1);
    text = work_text();
    assert_non_null(strstr(text, "\"tries\":0,\"ranges\":[{\"topic\":\"submission.received\","
                                 "\"partition\":3,\"first\":10,\"last\":12}]"));
    free(text);
    (void)ERR(&err, ERR_UNAVAILABLE, "connection refused");
    work_retry("store", &err, 60000);
    work_retry("store", &err, 60000);
    text = work_text();
    assert_non_null(strstr(text, "\"tries\":2,\"stage\":\"store\",\"error\":\"ERR_UNAVAILABLE\","
                                 "\"class\":\"retry\",\"text\":\"connection refused\","
                                 "\"next_ms\":59"));
    free(text);
    work_end();
    text = work_text();
    assert_string_equal(text, "{\"work\":null}");
    free(text);
}

static void
the_service_manager_hears_what_is_sent(void **state)
{
    char name[64];
    char heard[64] = "";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)state;
    notify_send("READY=1"); /* nobody there: nothing happens */
    int length = snprintf(name, sizeof name, "@shengyuan-test-%d", getpid());
    memcpy(address.sun_path, name, (size_t)length);
    address.sun_path[0] = '\0';
    int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(manager, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length)),
                     0);
    (void)setenv("NOTIFY_SOCKET", name, 1);
    notify_open();
    assert_null(getenv("NOTIFY_SOCKET")); /* children are not to speak for us */
    notify_send("READY=1\nSTATUS=ready");
    assert_int_equal(recv(manager, heard, sizeof heard - 1, MSG_DONTWAIT), 20);
    assert_string_equal(heard, "READY=1\nSTATUS=ready");
    (void)close(manager);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_is_stuck_only_past_its_bound),
        cmocka_unit_test(a_stuck_loop_is_named_until_it_rests),
        cmocka_unit_test(ranges_grow_by_partition_and_are_bounded),
        cmocka_unit_test(work_tells_tries_error_and_the_next_try),
        cmocka_unit_test(the_service_manager_hears_what_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
