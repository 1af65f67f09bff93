#include "tests/unit/test.h"

#include "base/limits.h"
#include "services/intake/domain.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* The name of a verdict, and what belongs to it: "unknown x", "not-owned XM SFZH", "ok SJHM=1". */
static void
verdict_print(const struct fields_read *read, struct buf *out)
{
    static const char *const names[] = {
        [FIELDS_OK] = "ok",
        [FIELDS_UNKNOWN] = "unknown",
        [FIELDS_WRONG_TYPE] = "wrong-type",
        [FIELDS_NOT_OWNED] = "not-owned",
        [FIELDS_TOO_LONG] = "too-long",
    };
    buf_add_text(out, names[read->verdict]);
    if (read->verdict == FIELDS_UNKNOWN || read->verdict == FIELDS_WRONG_TYPE)
        buf_printf(out, " %s", read->name);
    if (read->verdict == FIELDS_NOT_OWNED || read->verdict == FIELDS_TOO_LONG)
        for (size_t i = 0; i < read->listed_count; i++)
            buf_printf(out, " %s", fields[read->listed[i]].name);
    for (unsigned i = 0; read->verdict == FIELDS_OK && i < FIELD_COUNT_; i++)
        if (read->value[i].len)
            buf_printf(out, " %s=%.*s", fields[i].name, STR_ARG(read->value[i]));
}

static void
fields_of(const char *json, unsigned length_factor, struct arena *arena, struct fields_read *ret)
{
    const struct json *root = NULL;
    struct err err = {0};
    if (json_parse_in(arena, str_of(json), &root, &err))
        fail_msg("%s: %s", json, err.text);
    fields_read_object(root, length_factor, ret);
}

#define D6 "123456"
static void
reads_the_fields_of_a_body(void **state)
{
    /* clang-format off */
    static const struct {
        const char *title;
        unsigned factor;
        const char *json;
        const char *expected;
    } rows[] = {
        {"nothing",               0, "{}", "ok"},
        {"two, in table order",   0, "{\"SJHM\":\"13800138000\",\"CXSY\":\"农村\"}", "ok CXSY=农村 SJHM=13800138000"},
        {"empty is absent",       0, "{\"SJHM\":\"\",\"CXSY\":\"城镇\"}", "ok CXSY=城镇"},
        {"a value against a rule", 0, "{\"SJHM\":\"x\",\"SYSZDDM\":\"440101\"}", "ok SYSZDDM=440101 SJHM=x"},
        {"escapes are undone",    0, "{\"JTDZ\":\"\\u5e7f\\\"\\n\"}", "ok JTDZ=广\"\n"},
        {"unknown",               0, "{\"SJHN\":\"1\"}", "unknown SJHN"},
        {"lower case",            0, "{\"sjhm\":\"1\"}", "unknown sjhm"},
        {"empty name",            0, "{\"\":\"1\"}", "unknown "},
        {"an address as a name",  0, "{\"广东省\":\"1\"}", "unknown ?"},
        {"a phone as a name",     0, "{\"13800138000\":\"1\"}", "unknown ?"},
        {"as long as told",       0, "{\"ABCDEFGHIJKLMNO\":\"1\"}", "unknown ABCDEFGHIJKLMNO"},
        {"a longer name",         0, "{\"ABCDEFGHIJKLMNOP\":\"1\"}", "unknown ?"},
        {"number",                0, "{\"SJHM\":13800138000}", "wrong-type SJHM"},
        {"null",                  0, "{\"SJHM\":null}", "wrong-type SJHM"},
        {"bool",                  0, "{\"DASFZRXX\":true}", "wrong-type DASFZRXX"},
        {"array",                 0, "{\"SJHM\":[\"1\"]}", "wrong-type SJHM"},
        {"object",                0, "{\"SJHM\":{}}", "wrong-type SJHM"},
        {"unknown and wrong type", 0, "{\"X\":1}", "unknown X"},
        {"the roster's",          0, "{\"XM\":\"张三\"}", "not-owned XM"},
        {"the roster's, empty",   0, "{\"XM\":\"\"}", "not-owned XM"},
        {"the school's",          0, "{\"BZ\":\"x\"}", "not-owned BZ"},
        {"all that are not owned", 0, "{\"SFZH\":\"1\",\"SJHM\":\"1\",\"XM\":\"张三\"}", "not-owned SFZH XM"},
        {"unknown is said first", 0, "{\"XM\":\"张三\",\"X\":\"1\"}", "unknown X"},
        {"wrong type, too",       0, "{\"XM\":\"张三\",\"SJHM\":1}", "wrong-type SJHM"},
        {"the roster's, wrong type", 0, "{\"XM\":1}", "wrong-type XM"},
        {"a submission has no limit", 0, "{\"JTYB\":\"" D6 D6 D6 D6 D6 "\"}", "ok JTYB=" D6 D6 D6 D6 D6},
        {"exactly four times",    4, "{\"JTYB\":\"" D6 D6 D6 D6 "\"}", "ok JTYB=" D6 D6 D6 D6},
        {"one more",              4, "{\"JTYB\":\"" D6 D6 D6 D6 "1\"}", "too-long JTYB"},
        {"once",                  1, "{\"JTYB\":\"一二三四五六\"}", "ok JTYB=一二三四五六"},
        {"all that are too long", 1, "{\"JTYB\":\"" D6 "7\",\"CXSY\":\"一二三四五\",\"SJHM\":\"1\"}", "too-long JTYB CXSY"},
        {"the first kind is answered", 1, "{\"JTYB\":\"" D6 "7\",\"XM\":\"张三\"}", "too-long JTYB"},
        {"the other first",       1, "{\"XM\":\"张三\",\"JTYB\":\"" D6 "7\"}", "not-owned XM"},
        {"not owned is not measured", 1, "{\"XBDM\":\"12\"}", "not-owned XBDM"},
    };
    /* clang-format on */
    struct arena *arena = arena_new(1024 * 1024);
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fields_read read;
        struct buf text;
        buf_init(&text, 4096);
        fields_of(rows[i].json, rows[i].factor, arena, &read);
        verdict_print(&read, &text);
        if (!str_eq_text(buf_str(&text), rows[i].expected))
            fail_msg("%s: '%.*s'", rows[i].title, STR_ARG(buf_str(&text)));
        buf_done(&text);
    }
    arena_free(arena);
}

static void
values_outlive_the_document(void **state)
{
    struct arena *arena = arena_new(1024 * 1024);
    struct fields_read read;
    (void)state;
    fields_of("{\"JTDZ\":\"某路 1 号\"}", 0, arena, &read);
    assert_str(read.value[FIELD_JTDZ], "某路 1 号");
    arena_free(arena);
}

static void
a_student_may_send_what_the_student_owns(void **state)
{
    size_t count = 0;
    (void)state;
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        assert_int_equal(field_is_students((enum field_id)i),
                         fields[i].owner == FIELD_OWNER_STUDENT);
        count += field_is_students((enum field_id)i);
    }
    assert_int_equal(count, 18);
    assert_true(field_is_students(FIELD_SJHM));
    assert_false(field_is_students(FIELD_SFZH));
    assert_false(field_is_students(FIELD_BZ));
}

static void
equal_fields_have_equal_canonical_bytes(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        bool equal;
    } rows[] = {
        {"{}", " { } ", true},
        {"{}", "{\"SJHM\":\"\"}", true},
        {"{\"SJHM\":\"1\",\"CXSY\":\"农村\"}", "{\"CXSY\":\"农村\",\"SJHM\":\"1\"}", true},
        {"{\"CXSY\":\"农村\"}", "{\n\t\"CXSY\" : \"\\u519c\\u6751\"}", true},
        {"{\"JTDZ\":\"/\"}", "{\"JTDZ\":\"\\/\"}", true},
        {"{\"SJHM\":\"1\"}", "{\"SJHM\":\"2\"}", false},
        {"{\"SJHM\":\"1\"}", "{\"SJHM\":\"1 \"}", false},
        {"{\"SJHM\":\"1\"}", "{\"QQHM\":\"1\"}", false},
        {"{\"SJHM\":\"1\"}", "{}", false},
        {"{\"JTDH\":\"1JTYB2\"}", "{\"JTDH\":\"1\",\"JTYB\":\"2\"}", false},
        {"{\"JTDZ\":\"a\"}", "{\"JTDZ\":\"A\"}", false},
    };
    struct arena *arena = arena_new(1024 * 1024);
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fields_read a;
        struct fields_read b;
        struct buf a_text;
        struct buf b_text;
        buf_init(&a_text, LIMIT_HTTP_BODY);
        buf_init(&b_text, LIMIT_HTTP_BODY);
        fields_of(rows[i].a, 0, arena, &a);
        fields_of(rows[i].b, 0, arena, &b);
        fields_canonical(a.value, &a_text);
        fields_canonical(b.value, &b_text);
        if (str_eq(buf_str(&a_text), buf_str(&b_text)) != rows[i].equal)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
        buf_done(&a_text);
        buf_done(&b_text);
    }
    arena_free(arena);
}

static void
a_key_is_1_to_255_visible_characters(void **state)
{
    static const struct {
        const char *key;
        bool valid;
    } rows[] = {
        {"a", true},     {"!", true},
        {"~", true},     {"0190a6c2-1111-7aaa-8bbb-000000000001", true},
        {"", false},     {" ", false},
        {"a b", false},  {"a\t", false},
        {"a\n", false},  {"a\x7f", false},
        {"中", false},   {"a\xC3\xA9", false},
        {"\x1b", false},
    };
    char longest[LIMIT_IDEMPOTENCY_KEY + 1];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (idempotency_key_valid(str_of(rows[i].key)) != rows[i].valid)
            fail_msg("'%s'", rows[i].key);
    memset(longest, 'k', sizeof longest);
    assert_true(idempotency_key_valid((struct str){longest, LIMIT_IDEMPOTENCY_KEY}));
    assert_false(idempotency_key_valid((struct str){longest, LIMIT_IDEMPOTENCY_KEY + 1}));
    assert_false(idempotency_key_valid((struct str){"a\0b", 3}));
    assert_false(idempotency_key_valid(STR_NONE));
}

static void
a_window_is_open_from_its_first_to_its_last_millisecond(void **state)
{
    static const struct {
        int64_t opens_at_ms;
        int64_t closes_at_ms;
        int64_t now_ms;
        enum window_state state;
    } rows[] = {
        {1000, 2000, 0, WINDOW_BEFORE},         {1000, 2000, 999, WINDOW_BEFORE},
        {1000, 2000, 1000, WINDOW_OPEN},        {1000, 2000, 1500, WINDOW_OPEN},
        {1000, 2000, 2000, WINDOW_OPEN},        {1000, 2000, 2001, WINDOW_AFTER},
        {1000, 1000, 1000, WINDOW_OPEN},        {1000, 1000, 1001, WINDOW_AFTER},
        {2000, 1000, 1500, WINDOW_BEFORE},      {2000, 1000, 2000, WINDOW_AFTER},
        {0, INT64_MAX, INT64_MAX, WINDOW_OPEN},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct campaign campaign = {.opens_at_ms = rows[i].opens_at_ms,
                                          .closes_at_ms = rows[i].closes_at_ms};
        assert_int_equal(window_at(&campaign, rows[i].now_ms), rows[i].state);
    }
}

static void
a_tag_is_found_in_a_list_whatever_its_strength(void **state)
{
    static const struct {
        const char *header;
        bool listed;
    } rows[] = {
        {"\"a\"", true},
        {"W/\"a\"", true},
        {"*", true},
        {"\"b\", \"a\"", true},
        {"\"b\",\t\"a\"", true},
        {"\"b\",W/\"a\",", true},
        {"", false},
        {"\"b\"", false},
        {"a", false},
        {"\"a", false},
        {"w/\"a\"", false},
        {"\"a\" \"b\"", false},
        {",", false},
        {"W/*", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (etag_listed(str_of(rows[i].header), "\"a\"") != rows[i].listed)
            fail_msg("%s", rows[i].header);
}

static void
a_drafts_version_is_read_from_its_tag_and_no_other(void **state)
{
    static const struct {
        const char *header;
        int64_t version; /* -1: no tag of a draft */
    } rows[] = {
        {"\"draft-0\"", 0},
        {"\"draft-2147483647\"", INT32_MAX},
        {"\"draft-2147483648\"", -1},
        {"\"draft-\"", -1},
        {"\"draft-07\"", -1},
        {"\"draft-+7\"", -1},
        {"W/\"draft-7\"", -1},
        {"*", -1},
        {"draft-7", -1},
        {"\"draft-7", -1},
        {"\"draft-7\", \"draft-8\"", -1},
        {"", -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t version = -1;
        bool read = draft_version_parse(str_of(rows[i].header), &version);
        if (read != (rows[i].version >= 0) || version != rows[i].version)
            fail_msg("%s: %lld", rows[i].header, (long long)version);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_fields_of_a_body),
        cmocka_unit_test(values_outlive_the_document),
        cmocka_unit_test(a_student_may_send_what_the_student_owns),
        cmocka_unit_test(equal_fields_have_equal_canonical_bytes),
        cmocka_unit_test(a_key_is_1_to_255_visible_characters),
        cmocka_unit_test(a_tag_is_found_in_a_list_whatever_its_strength),
        cmocka_unit_test(a_drafts_version_is_read_from_its_tag_and_no_other),
        cmocka_unit_test(a_window_is_open_from_its_first_to_its_last_millisecond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
