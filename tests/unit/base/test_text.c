#include "tests/unit/test.h"

#include "base/clock.h"
#include "base/jsonw.h"

static void
counts_code_points_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(utf8_length(STR("阿依古丽·买买提")), 8);
    assert_int_equal(utf8_length(STR("𠮷")), 1);
    assert_str(utf8_prefix(STR("广州市越秀区"), 3), "广州市");
}

static void
cuts_at_the_separator_and_ends_with_none(void **state)
{
    (void)state;
    struct str rest = STR("a,,b");
    assert_str(str_cut(&rest, ','), "a");
    assert_str(str_cut(&rest, ','), "");
    assert_str(str_cut(&rest, ','), "b");
    assert_null(rest.ptr);
}

static void
reads_numbers_up_to_the_limit(void **state)
{
    (void)state;
    uint64_t value = 0;
    assert_true(str_to_u64(STR("65535"), 65535, &value));
    assert_int_equal(value, 65535);
    assert_false(str_to_u64(STR("65536"), 65535, &value));
    assert_false(str_to_u64(STR(""), 65535, &value));
    assert_false(str_to_u64(STR("-1"), 65535, &value));
    assert_true(str_to_u64(STR("18446744073709551615"), UINT64_MAX, &value));
    assert_false(str_to_u64(STR("18446744073709551616"), UINT64_MAX, &value));
    assert_false(str_to_u64(STR("7"), 6, &value));
}

static void
buffer_stops_at_its_maximum_and_says_so(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 4);
    buf_add_text(&buf, "abcd");
    assert_false(buf.overflow);
    buf_add_char(&buf, 'e');
    assert_true(buf.overflow);
    assert_str(buf_str(&buf), "abcd");
    buf_done(&buf);
}

static void
adds_numbers_in_decimal(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 64);
    buf_add_uint(&buf, 0);
    buf_add_char(&buf, ' ');
    buf_add_uint(&buf, 10);
    buf_add_char(&buf, ' ');
    buf_add_uint(&buf, UINT64_MAX);
    struct jsonw w = jsonw_on(&buf);
    jsonw_int(&w, INT64_MIN);
    assert_string_equal(buf.ptr, "0 10 18446744073709551615-9223372036854775808");
    buf_done(&buf);
}

static void
writes_json_that_stays_on_one_line(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1024);
    struct jsonw w = jsonw_on(&buf);
    jsonw_object_open(&w);
    jsonw_member(&w, "a", STR("x\n\"\\\x1b\x7f\xE2\x80\xA8中"));
    jsonw_member_int(&w, "b", -7);
    jsonw_key(&w, "c");
    jsonw_array_open(&w);
    jsonw_bool(&w, true);
    jsonw_null(&w);
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    assert_str(buf_str(&buf), "{\"a\":\"x\\u000a\\\"\\\\\\u001b\\u007f\\u2028中\",\"b\":-7,"
                              "\"c\":[true,null]}");
    buf_done(&buf);
}

static void
formats_and_reads_times(void **state)
{
    (void)state;
    char text[CLOCK_RFC3339_SIZE];
    int64_t time_ms = 0;
    assert_string_equal(clock_format_rfc3339(1790000000123, text), "2026-09-21T14:13:20.123Z");
    assert_true(clock_parse_rfc3339(str_of(text), &time_ms));
    assert_int_equal(time_ms, 1790000000123);
    assert_true(clock_parse_rfc3339(STR("2026-09-21T14:13:20Z"), &time_ms));
    assert_false(clock_parse_rfc3339(STR("2026-09-21 14:13:20Z"), &time_ms));
    assert_false(clock_parse_rfc3339(STR("2026-09-21T14:13:20+08:00"), &time_ms));
    static const struct {
        const char *text;
        int64_t time_ms; /* -1: refused */
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59Z", -1},
        {"2024-02-29T23:59:59.9Z", 1709251199900},
        {"2024-02-29T23:59:59.98Z", 1709251199980},
        {"2023-02-29T00:00:00Z", -1},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"2100-02-29T00:00:00Z", -1},
        {"2026-04-31T00:00:00Z", -1},
        {"2026-13-01T00:00:00Z", -1},
        {"2026-00-01T00:00:00Z", -1},
        {"2026-01-00T00:00:00Z", -1},
        {"2026-01-01T24:00:00Z", -1},
        {"2026-01-01T00:60:00Z", -1},
        {"2026-01-01T00:00:60Z", -1},
        {"2026-01-01T00:00:00.Z", -1},
        {"2026-01-01T00:00:00.1234Z", -1},
        {"2026-01-01T00:00:00.12aZ", -1},
        {"2026-01-01T00:00:00z", -1},
        {"2026-01-01T00:00:00", -1},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool parsed = clock_parse_rfc3339(str_of(rows[i].text), &time_ms);
        if (parsed != (rows[i].time_ms >= 0) || (parsed && time_ms != rows[i].time_ms))
            fail_msg("%s: %d %lld", rows[i].text, parsed, (long long)time_ms);
    }
    for (int64_t at = 0; at < 4102444800000; at += 86400000 * 13 + 12345678) {
        assert_true(clock_parse_rfc3339(str_of(clock_format_rfc3339(at, text)), &time_ms));
        assert_int_equal(time_ms, at);
    }
    assert_int_equal(clock_china_date(1790000000123), 20260921);
    assert_int_equal(clock_china_date(1790006400000 + 4 * 3600 * 1000), 20260922);
}

static void
arena_copies_are_terminated_and_forgotten_together(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1024 * 1024);
    struct str copy = arena_copy(arena, STR("abc"));
    assert_int_equal(copy.ptr[3], '\0');
    char *large = arena_alloc(arena, 100000);
    assert_int_equal(large[99999], 0);
    assert_str(arena_printf(arena, "%s-%d", "x", 5), "x-5");
    arena_reset(arena);
    assert_str(arena_copy(arena, STR("again")), "again");
    arena_free(arena);
}

static void
an_arena_takes_back_what_a_failed_try_took(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1000000);
    struct str before = arena_copy(arena, STR("before"));
    for (int i = 0; i < 100; i++) {
        struct arena_mark mark = arena_mark(arena);
        for (size_t size = 1; size < 400000; size *= 2) {
            unsigned char *memory = arena_alloc(arena, size);
            assert_int_equal(memory[0] | memory[size - 1], 0);
            memset(memory, 0xFF, size);
        }
        arena_rewind(arena, mark);
    }
    assert_str(before, "before");
    assert_str(arena_copy(arena, STR("behind")), "behind");
    assert_str(before, "before");
    arena_free(arena);
}

static void
an_arena_comes_back_from_its_pool_empty(void **state)
{
    (void)state;
    struct arena_pool *pool = arena_pool_new(100000, 1);
    struct arena *first = arena_pool_take(pool);
    struct arena *second = arena_pool_take(pool);
    assert_ptr_not_equal(first, second);
    (void)arena_alloc(first, 99000);
    arena_pool_put(pool, first);
    arena_pool_put(pool, second); /* one waits already: this one is freed */
    assert_ptr_equal(arena_pool_take(pool), first);
    assert_non_null(arena_alloc(first, 99000)); /* more than what was left before */
    arena_pool_put(pool, first);
    arena_pool_free(pool);
}

static void
a_pool_lets_go_of_arenas_that_nobody_needs(void **state)
{
    (void)state;
    enum { MANY = 40, NEEDED = 3, TURNS = 3000 };
    struct arena_pool *pool = arena_pool_new(100000, MANY);
    struct arena *taken[MANY];
    for (size_t i = 0; i < MANY; i++)
        taken[i] = arena_pool_take(pool);
    for (size_t i = 0; i < MANY; i++)
        arena_pool_put(pool, taken[i]);
    assert_int_equal(arena_pool_waiting(pool), MANY);
    for (size_t turn = 0; turn < TURNS; turn++) {
        for (size_t i = 0; i < NEEDED; i++)
            taken[i] = arena_pool_take(pool);
        for (size_t i = 0; i < NEEDED; i++)
            arena_pool_put(pool, taken[i]);
    }
    assert_int_equal(arena_pool_waiting(pool), NEEDED);
    arena_pool_free(pool);
}

/* A batch as it comes: one large array, and many pieces of all sizes. */
static char *
use_arena(struct arena *arena, size_t items)
{
    char *first = arena_alloc(arena, items * 1000);
    for (size_t i = 0; i < items; i++)
        (void)arena_alloc(arena, 500 + i % 7 * 300);
    return first;
}

static void
an_arena_keeps_what_the_last_turns_needed(void **state)
{
    (void)state;
    enum { LARGE = 5000, SMALL = 30, TURNS = 2 * 256 };
    struct arena *arena = arena_new_keeping(64u << 20, 32u << 20);
    (void)use_arena(arena, SMALL);
    arena_reset(arena);
    size_t before = arena_room(arena);
    (void)use_arena(arena, LARGE);
    arena_reset(arena);
    size_t large = arena_room(arena);
    assert_true(large > 10u << 20);
    for (size_t turn = 0; turn < 255; turn++) {
        (void)use_arena(arena, SMALL);
        arena_reset(arena);
    }
    assert_int_equal(arena_room(arena), large); /* another large one would cost nothing */
    for (size_t turn = 0; turn < TURNS; turn++) {
        (void)use_arena(arena, SMALL);
        arena_reset(arena);
    }
    assert_true(arena_room(arena) <= 2 * before);
    arena_free(arena);
}

/* After the first turns nothing is allocated or freed, whatever came before. */
static void
an_arena_in_steady_use_allocates_nothing(void **state)
{
    (void)state;
    struct arena *arena = arena_new_keeping(64u << 20, 32u << 20);
    (void)use_arena(arena, 5000);
    arena_reset(arena);
    for (size_t turn = 0; turn < 3 * 256; turn++) {
        (void)use_arena(arena, 10 + turn % 50);
        arena_reset(arena);
    }
    size_t room = arena_room(arena);
    for (size_t turn = 0; turn < 3 * 256; turn++) {
        (void)use_arena(arena, 10 + turn % 50);
        assert_int_equal(arena_room(arena), room); /* no block is new */
        arena_reset(arena);
        assert_int_equal(arena_room(arena), room); /* none is freed */
    }
    arena_free(arena);
}

/* A try that was taken back counts: the next one needs as much. */
static void
an_arena_keeps_what_a_failed_try_needed(void **state)
{
    (void)state;
    struct arena *arena = arena_new_keeping(64u << 20, 32u << 20);
    for (size_t turn = 0; turn < 2; turn++) {
        struct arena_mark mark = arena_mark(arena);
        (void)use_arena(arena, 1000);
        arena_rewind(arena, mark);
        arena_reset(arena);
    }
    assert_true(arena_room(arena) > 1u << 20);
    arena_free(arena);
}

static void
a_buffer_keeps_what_the_last_turns_needed(void **state)
{
    (void)state;
    enum { LARGE = 1000000, SMALL = 3000, TURNS = 2 * 256 };
    struct buf buf;
    buf_init(&buf, 4u << 20);
    (void)buf_room(&buf, LARGE);
    buf_reset(&buf);
    size_t large = buf.capacity;
    for (size_t turn = 0; turn < 255; turn++) {
        (void)buf_room(&buf, SMALL);
        buf_reset(&buf);
    }
    assert_int_equal(buf.capacity, large);
    for (size_t turn = 0; turn < TURNS; turn++) {
        (void)buf_room(&buf, SMALL + turn % 3000);
        buf_reset(&buf);
    }
    assert_true(buf.capacity <= 8192);
    const char *memory = buf.ptr;
    for (size_t turn = 0; turn < TURNS; turn++) {
        (void)buf_room(&buf, SMALL + turn % 3000);
        buf_reset(&buf);
        assert_ptr_equal(buf.ptr, memory); /* in steady use nothing moves */
    }
    buf_done(&buf);
}

static void
wraps_an_error_with_what_was_tried(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(ERR(&err, ERR_TIMEOUT, "no answer in %d ms", 5), ERR_TIMEOUT);
    assert_int_equal(err_wrap(&err, "cannot store draft"), ERR_TIMEOUT);
    assert_string_equal(err.text, "cannot store draft: no answer in 5 ms");
    assert_int_equal(err_class(ERR_TIMEOUT), ERR_CLASS_RETRY);
    assert_int_equal(err_class(ERR_MALFORMED), ERR_CLASS_REJECT);
    assert_int_equal(err_class(ERR_CONFIG), ERR_CLASS_FATAL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_code_points_not_bytes),
        cmocka_unit_test(cuts_at_the_separator_and_ends_with_none),
        cmocka_unit_test(reads_numbers_up_to_the_limit),
        cmocka_unit_test(buffer_stops_at_its_maximum_and_says_so),
        cmocka_unit_test(adds_numbers_in_decimal),
        cmocka_unit_test(writes_json_that_stays_on_one_line),
        cmocka_unit_test(formats_and_reads_times),
        cmocka_unit_test(arena_copies_are_terminated_and_forgotten_together),
        cmocka_unit_test(an_arena_takes_back_what_a_failed_try_took),
        cmocka_unit_test(an_arena_comes_back_from_its_pool_empty),
        cmocka_unit_test(a_pool_lets_go_of_arenas_that_nobody_needs),
        cmocka_unit_test(an_arena_keeps_what_the_last_turns_needed),
        cmocka_unit_test(an_arena_in_steady_use_allocates_nothing),
        cmocka_unit_test(an_arena_keeps_what_a_failed_try_needed),
        cmocka_unit_test(a_buffer_keeps_what_the_last_turns_needed),
        cmocka_unit_test(wraps_an_error_with_what_was_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
