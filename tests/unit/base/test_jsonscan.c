#include "tests/unit/test.h"

#include "base/jsonscan.h"
#include "base/limits.h"

struct row {
    const char *title;
    const char *text;
    size_t length; /* 0: strlen */
    enum err_code code;
};

/* clang-format off */
static const struct row rows[] = {
    {"empty object",               "{}", 0, ERR_OK},
    {"nested",                     "{\"a\":[1,{\"b\":null}],\"c\":true}", 0, ERR_OK},
    {"blank around",               " \t\r\n{ \"a\" : 1 } ", 0, ERR_OK},
    {"escapes",                    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u4e2d\"", 0, ERR_OK},
    {"surrogate pair",             "\"\\ud842\\udfb7\"", 0, ERR_OK},
    {"four-byte character",        "\"𠮷\"", 0, ERR_OK},
    {"largest integer",            "9007199254740991", 0, ERR_OK},
    {"smallest integer",           "-9007199254740991", 0, ERR_OK},
    {"same name in two objects",   "[{\"a\":1},{\"a\":2}]", 0, ERR_OK},
    {"same name in a child",       "{\"a\":{\"a\":1}}", 0, ERR_OK},
    {"nothing",                    "", 0, ERR_MALFORMED},
    {"blank only",                 " ", 0, ERR_MALFORMED},
    {"two values",                 "{}{}", 0, ERR_MALFORMED},
    {"trailing text",              "{}x", 0, ERR_MALFORMED},
    {"trailing NUL",               "{}\0x", 4, ERR_MALFORMED},
    {"byte order mark",            "\xEF\xBB\xBF{}", 0, ERR_MALFORMED},
    {"duplicate name",             "{\"a\":1,\"a\":2}", 0, ERR_MALFORMED},
    {"name with DEL",              "{\"a\x7F\":1}", 0, ERR_MALFORMED},
    {"name with U+2028",           "{\"\xE2\x80\xA8\":1}", 0, ERR_MALFORMED},
    {"name with U+202A",           "{\"\xE2\x80\xAA\":1}", 0, ERR_OK},
    {"escaped name",               "{\"\\u0061\":1}", 0, ERR_MALFORMED},
    {"raw control character",      "\"a\nb\"", 0, ERR_MALFORMED},
    {"NUL escape",                 "\"\\u0000\"", 0, ERR_MALFORMED},
    {"lone high surrogate",        "\"\\ud842x\"", 0, ERR_MALFORMED},
    {"lone low surrogate",         "\"\\udfb7\"", 0, ERR_MALFORMED},
    {"noncharacter",               "\"\\uffff\"", 0, ERR_MALFORMED},
    {"unknown escape",             "\"\\x41\"", 0, ERR_MALFORMED},
    {"overlong UTF-8",             "\"\xC0\xAF\"", 0, ERR_MALFORMED},
    {"surrogate in UTF-8",         "\"\xED\xA0\x80\"", 0, ERR_MALFORMED},
    {"lone continuation",          "\"\x80\"", 0, ERR_MALFORMED},
    {"truncated UTF-8",            "\"\xE4\xB8\"", 0, ERR_MALFORMED},
    {"leading zero",               "0123", 0, ERR_MALFORMED},
    {"minus zero",                 "-0", 0, ERR_MALFORMED},
    {"fraction",                   "1.5", 0, ERR_MALFORMED},
    {"point without digits",       "1.", 0, ERR_MALFORMED},
    {"exponent",                   "1e999", 0, ERR_MALFORMED},
    {"one above 2^53 - 1",         "9007199254740992", 0, ERR_MALFORMED},
    {"2^63",                       "9223372036854775808", 0, ERR_MALFORMED},
    {"plus sign",                  "+1", 0, ERR_MALFORMED},
    {"NaN",                        "NaN", 0, ERR_MALFORMED},
    {"capital True",               "True", 0, ERR_MALFORMED},
    {"trailing comma in array",    "[1,]", 0, ERR_MALFORMED},
    {"trailing comma in object",   "{\"a\":1,}", 0, ERR_MALFORMED},
    {"single quotes",              "{'a':1}", 0, ERR_MALFORMED},
    {"comment",                    "{}/* */", 0, ERR_MALFORMED},
    {"missing colon",              "{\"a\" 1}", 0, ERR_MALFORMED},
    {"open string",                "\"abc", 0, ERR_MALFORMED},
    {"open array",                 "[1", 0, ERR_MALFORMED},
};
/* clang-format on */

static void
accepts_strict_json_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {0};
        struct str text = {rows[i].text, rows[i].length ? rows[i].length : strlen(rows[i].text)};
        enum err_code code = json_scan(text, &err);
        if (code != rows[i].code)
            fail_msg("%s: %s %s", rows[i].title, err_name(code), err.text);
    }
}

static char *
nested(size_t depth)
{
    char *text = mem_alloc(2 * depth + 1);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
    return text;
}

static void
refuses_one_level_too_deep(void **state)
{
    (void)state;
    char *deepest = nested(LIMIT_JSON_DEPTH);
    char *deeper = nested(LIMIT_JSON_DEPTH + 1);
    char *absurd = nested(100000);
    struct err err = {0};
    assert_int_equal(json_scan(str_of(deepest), &err), ERR_OK);
    assert_int_equal(json_scan(str_of(deeper), &err), ERR_TOO_LARGE);
    assert_int_equal(json_scan(str_of(absurd), &err), ERR_TOO_LARGE);
    free(deepest);
    free(deeper);
    free(absurd);
}

static void
refuses_one_member_too_many(void **state)
{
    (void)state;
    struct buf text;
    struct err err = {0};
    for (int count = LIMIT_JSON_MEMBERS; count <= LIMIT_JSON_MEMBERS + 1; count++) {
        buf_init(&text, 64 * 1024);
        for (int i = 0; i < count; i++)
            buf_printf(&text, "%c\"m%d\":1", i ? ',' : '{', i);
        buf_add_char(&text, '}');
        assert_int_equal(json_scan(buf_str(&text), &err),
                         count == LIMIT_JSON_MEMBERS ? ERR_OK : ERR_TOO_LARGE);
        buf_done(&text);
    }
}

static void
says_where_and_what_was_expected(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(json_scan(STR("{\"a\" 1}"), &err), ERR_MALFORMED);
    assert_string_equal(err.text, "not strict JSON at byte 5: expected ':'");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_strict_json_and_nothing_else),
        cmocka_unit_test(refuses_one_level_too_deep),
        cmocka_unit_test(refuses_one_member_too_many),
        cmocka_unit_test(says_where_and_what_was_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
