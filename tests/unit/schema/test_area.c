#include "tests/unit/test.h"

#include "schema/area.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static void
reads_six_digits_and_nothing_else(void **state)
{
    static const struct {
        const char *text;
        uint32_t code;
    } rows[] = {{"440103", 440103}, {"000001", 1},  {"999999", 999999}, {"", 0},
                {"44010", 0},       {"4401030", 0}, {"44010x", 0},      {" 44010", 0},
                {"+44010", 0},      {"-44010", 0},  {"44 103", 0},      {"４４０１０３", 0}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (area_code_parse(str_of(rows[i].text)) != rows[i].code)
            fail_msg("'%s'", rows[i].text);
    assert_int_equal(area_code_parse(STR_NONE), 0);
}

static void
the_table_is_in_order_and_plausible(void **state)
{
    size_t in_force = 0;
    (void)state;
    for (size_t i = 0; i < area_count; i++) {
        const struct area *area = &area_rows[i];
        assert_true(i == 0 || area_rows[i - 1].code <= area->code);
        bool level = area->level == (area->code % 10000 == 0 ? AREA_PROVINCE
                                     : area->code % 100 == 0 ? AREA_PREFECTURE
                                                             : AREA_COUNTY);
        bool years = area->from_year >= 1981 && area->from_year <= 2026 &&
                     (area->until_year == 0 || area->until_year >= area->from_year);
        if (!level || !years || area->name[0] == '\0' || !utf8_valid(str_of(area->name)))
            fail_msg("%u %s", area->code, area->name);
        in_force += area->until_year == 0;
    }
    assert_int_equal(in_force, 3213);
}

/* known: area_latest finds it. full: name, of the newest record. */
/* clang-format off */
static const struct {
    uint32_t code;
    bool known, in_force, leaf, prefix;
    const char *full;
} chosen[] = {
    /* counties in force */
    {440103, true,  true,  true,  true,  "广东省广州市荔湾区"},
    {440606, true,  true,  true,  true,  "广东省佛山市顺德区"},
    {441881, true,  true,  true,  true,  "广东省清远市英德市"},
    {110101, true,  true,  true,  true,  "北京市东城区"},
    {440111, true,  true,  true,  true,  "广东省广州市白云区"},
    {419001, true,  true,  true,  true,  "河南省济源市"},
    {429004, true,  true,  true,  true,  "湖北省仙桃市"},
    {469001, true,  true,  true,  true,  "海南省五指山市"},
    {659012, true,  true,  true,  true,  "新疆维吾尔自治区白杨市"},
    /* prefectures without counties */
    {441900, true,  true,  true,  true,  "广东省东莞市"},
    {442000, true,  true,  true,  true,  "广东省中山市"},
    {460400, true,  true,  true,  true,  "海南省儋州市"},
    {620200, true,  true,  true,  true,  "甘肃省嘉峪关市"},
    /* provinces without rows below: leaves, but not in front of an identity card */
    {710000, true,  true,  true,  false, "台湾省"},
    {810000, true,  true,  true,  false, "香港特别行政区"},
    {820000, true,  true,  true,  false, "澳门特别行政区"},
    /* not leaves */
    {440000, true,  true,  false, false, "广东省"},
    {110000, true,  true,  false, false, "北京市"},
    /* abolished */
    {440681, true,  false, false, true,  "广东省佛山市顺德市"},
    {440107, true,  false, false, true,  "广东省广州市芳村区"},
    {440181, true,  false, false, true,  "广东省广州市番禺市"},
    {440116, true,  false, false, true,  "广东省广州市萝岗区"},
    {440602, true,  false, false, true,  "广东省佛山市城区"},
    {469003, true,  false, false, true,  "海南省儋州市"},
    {419003, true,  false, false, true,  "河南省济源市"},
    /* never given */
    {440101, false, false, false, false, NULL},
    {441901, false, false, false, false, NULL},
    {442001, false, false, false, false, NULL},
    {620201, false, false, false, false, NULL},
    {830000, false, false, false, false, NULL},
    {990101, false, false, false, false, NULL},
    {0,      false, false, false, false, NULL},
    {1,      false, false, false, false, NULL},
    {999999, false, false, false, false, NULL},
    {UINT32_MAX, false, false, false, false, NULL},
};
/* clang-format on */

static void
knows_what_may_be_chosen(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(chosen); i++) {
        const struct area *latest = area_latest(chosen[i].code);
        const struct area *current = area_current(chosen[i].code);
        if ((latest != NULL) != chosen[i].known || (current != NULL) != chosen[i].in_force)
            fail_msg("%u: known %d, in force %d", chosen[i].code, latest != NULL, current != NULL);
        if (area_is_leaf(chosen[i].code) != chosen[i].leaf)
            fail_msg("%u: leaf %d", chosen[i].code, !chosen[i].leaf);
        if (area_prefix_known(chosen[i].code) != chosen[i].prefix)
            fail_msg("%u: prefix %d", chosen[i].code, !chosen[i].prefix);
        if (latest == NULL)
            continue;
        struct buf name;
        buf_init(&name, 256);
        area_full_name(latest, &name);
        assert_str(buf_str(&name), chosen[i].full);
        buf_done(&name);
    }
}

static void
prefectures_with_counties_are_no_leaves(void **state)
{
    static const uint32_t rows[] = {440100, 440300, 440600, 460100, 460300, 130100, 654000};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_non_null(area_current(rows[i]));
        if (area_is_leaf(rows[i]))
            fail_msg("%u is a leaf", rows[i]);
    }
}

static void
exactly_these_prefectures_are_leaves(void **state)
{
    static const uint32_t leaves[] = {441900, 442000, 460400, 620200};
    size_t found = 0;
    (void)state;
    for (size_t i = 0; i < area_count; i++) {
        const struct area *area = &area_rows[i];
        if (area->until_year || area->level != AREA_PREFECTURE || !area_is_leaf(area->code))
            continue;
        if (found == COUNT(leaves) || leaves[found] != area->code)
            fail_msg("%u %s", area->code, area->name);
        found++;
    }
    assert_int_equal(found, COUNT(leaves));
}

static void
of_several_records_the_newest_counts(void **state)
{
    static const struct {
        uint32_t code;
        const char *name;
        unsigned from_year;
    } rows[] = {
        {440111, "白云区", 1987}, /* 郊区 until 1987 */
        {419001, "济源市", 1996}, /* 义马市 until 1990 */
        {440602, "城区", 1987},   /* 汾江区 until 1987; both are gone */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct area *area = area_latest(rows[i].code);
        assert_string_equal(area->name, rows[i].name);
        assert_int_equal(area->from_year, rows[i].from_year);
    }
    assert_string_equal(area_current(440111)->name, "白云区");
    assert_null(area_current(440602));
}

static void
follows_an_abolished_code_to_what_is_in_force(void **state)
{
    static const struct {
        uint32_t code;
        size_t count;
        uint32_t successors[4];
    } rows[] = {
        {440681, 1, {440606}},                         /* one step */
        {440623, 1, {440606}},                         /* 顺德县, 顺德市, 顺德区 */
        {440121, 1, {440114}},                         /* 花县, 花都市, 花都区 */
        {440602, 1, {440604}},                         /* to a code with another record */
        {440682, 2, {440604, 440605}},                 /* split */
        {469004, 4, {460105, 460106, 460107, 460108}}, /* as many as asked for */
        {469003, 1, {460400}},                         /* county to prefecture */
        {440620, 1, {442000}},                         /* 中山市 under 佛山 */
        {440103, 1, {440103}},                         /* in force: itself */
        {442100, 0, {0}},                              /* nothing is known to follow */
        {990101, 0, {0}},                              /* never given */
        {0, 0, {0}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint32_t codes[4] = {0};
        size_t count = area_successors(rows[i].code, codes, COUNT(codes));
        if (count != rows[i].count || memcmp(codes, rows[i].successors, sizeof codes) != 0)
            fail_msg("%u: %zu, first %u", rows[i].code, count, codes[0]);
    }
}

static void
of_one_code_the_newest_record_comes_first(void **state)
{
    size_t several = 0;
    (void)state;
    for (size_t i = 1; i < area_count; i++) {
        const struct area *newer = &area_rows[i - 1];
        const struct area *older = &area_rows[i];
        assert_true(newer->code <= older->code);
        if (newer->code != older->code)
            continue;
        several++;
        assert_true(older->until_year != 0);
        assert_true(newer->until_year == 0 || newer->until_year > older->until_year);
    }
    assert_true(several > 300);
}

static void
never_gives_more_successors_than_asked_for(void **state)
{
    uint32_t codes[3] = {0, 0, 7};
    (void)state;
    assert_int_equal(area_successors(469004, codes, 2), 2);
    assert_int_equal(codes[0], 460105);
    assert_int_equal(codes[1], 460106);
    assert_int_equal(codes[2], 7);
    assert_int_equal(area_successors(469004, codes, 0), 0);
}

static void
every_successor_is_in_force(void **state)
{
    (void)state;
    for (size_t i = 0; i < area_count; i++) {
        uint32_t codes[16];
        size_t count = area_successors(area_rows[i].code, codes, COUNT(codes));
        for (size_t k = 0; k < count; k++)
            if (area_current(codes[k]) == NULL)
                fail_msg("%u: %u is not in force", area_rows[i].code, codes[k]);
    }
}

struct children {
    size_t count;
    uint32_t first;
    uint32_t last;
    bool ordered;
    bool in_force;
};

static void
count_child(const struct area *area, void *ctx)
{
    struct children *children = ctx;
    if (children->count++ == 0)
        children->first = area->code;
    children->ordered = children->ordered && area->code > children->last;
    children->in_force = children->in_force && area->until_year == 0;
    children->last = area->code;
}

static void
lists_what_is_below(void **state)
{
    static const struct {
        uint32_t parent;
        size_t count;
        uint32_t first;
        uint32_t last;
    } rows[] = {
        {0, 34, 110000, 820000},      /* provinces */
        {440000, 21, 440100, 445300}, /* prefectures of 广东 */
        {440100, 11, 440103, 440118}, /* districts of 广州 */
        {110000, 16, 110101, 110119}, /* districts answer to 北京 directly */
        {410000, 18, 410100, 419001}, /* 17 prefectures and 济源 */
        {441900, 0, 0, 0},            /* 东莞 */
        {442000, 0, 0, 0},            /* 中山 */
        {810000, 0, 0, 0},            /* 香港 */
        {440103, 0, 0, 0},            /* a county */
        {440681, 0, 0, 0},            /* abolished */
        {990000, 0, 0, 0},            /* never given */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct children children = {.ordered = true, .in_force = true};
        area_children(rows[i].parent, count_child, &children);
        if (children.count != rows[i].count || children.first != rows[i].first ||
            children.last != rows[i].last)
            fail_msg("%u: %zu from %u to %u", rows[i].parent, children.count, children.first,
                     children.last);
        assert_true(children.ordered && children.in_force);
    }
}

struct reach {
    size_t leaves;
};

static void
reach_leaves(const struct area *area, void *ctx)
{
    struct reach *reach = ctx;
    if (area_is_leaf(area->code))
        reach->leaves++;
    else
        area_children(area->code, reach_leaves, ctx);
}

static void
the_picker_reaches_every_leaf_once(void **state)
{
    struct reach reach = {0};
    size_t leaves = 0;
    (void)state;
    area_children(0, reach_leaves, &reach);
    for (size_t i = 0; i < area_count; i++)
        leaves += area_rows[i].until_year == 0 && area_is_leaf(area_rows[i].code);
    assert_int_equal(reach.leaves, leaves);
    assert_int_equal(leaves, 2846 + 4 + 3); /* counties, prefectures, 台港澳 */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_six_digits_and_nothing_else),
        cmocka_unit_test(the_table_is_in_order_and_plausible),
        cmocka_unit_test(knows_what_may_be_chosen),
        cmocka_unit_test(prefectures_with_counties_are_no_leaves),
        cmocka_unit_test(exactly_these_prefectures_are_leaves),
        cmocka_unit_test(of_several_records_the_newest_counts),
        cmocka_unit_test(follows_an_abolished_code_to_what_is_in_force),
        cmocka_unit_test(of_one_code_the_newest_record_comes_first),
        cmocka_unit_test(never_gives_more_successors_than_asked_for),
        cmocka_unit_test(every_successor_is_in_force),
        cmocka_unit_test(lists_what_is_below),
        cmocka_unit_test(the_picker_reaches_every_leaf_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
