#include "tests/unit/test.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "base/limits.h"
#include "schema/json.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static const struct json *
parse(struct arena *arena, const char *text)
{
    const struct json *root = NULL;
    struct err err = {0};
    if (json_parse_in(arena, str_of(text), &root, &err))
        fail_msg("%s: %s", text, err.text);
    return root;
}

/* Does our tree say what cJSON reads? Names, order, types, texts, numbers. */
static void
same_tree(const char *text, const struct json *ours, const cJSON *theirs)
{
    static const int types[] = {
        [JSON_NULL] = cJSON_NULL,     [JSON_BOOL] = cJSON_True,   [JSON_INT] = cJSON_Number,
        [JSON_STRING] = cJSON_String, [JSON_ARRAY] = cJSON_Array, [JSON_OBJECT] = cJSON_Object,
    };
    int type = theirs->type == cJSON_False ? cJSON_True : theirs->type;
    if (types[json_type(ours)] != type)
        fail_msg("%s: type %d, not %d", text, json_type(ours), type);
    if (json_type(ours) == JSON_STRING) {
        assert_int_equal(json_str(ours).len, strlen(theirs->valuestring));
        assert_string_equal(json_str(ours).ptr, theirs->valuestring);
    }
    if (json_type(ours) == JSON_INT)
        assert_true(json_int(ours, -1) == (int64_t)theirs->valuedouble);
    if (json_type(ours) == JSON_BOOL)
        assert_int_equal(json_bool(ours), theirs->type == cJSON_True);
    const struct json *m = json_first(ours);
    for (const cJSON *c = theirs->child; c; c = c->next, m = json_next(m)) {
        if (m == NULL)
            fail_msg("%s: a child is missing", text);
        if (theirs->type == cJSON_Object)
            assert_string_equal(json_name(m).ptr, c->string);
        same_tree(text, m, c);
        if (c->next == NULL)
            assert_null(json_next(m));
    }
    if (theirs->child == NULL)
        assert_null(m);
}

static void
reads_what_another_parser_reads(void **state)
{
    static const char *const texts[] = {
        "null",
        "true",
        "[false]",
        "0",
        "-9007199254740991",
        "\"\"",
        "[]",
        "{}",
        "[[],{},[[[]]],0]",
        "{\"a\":{},\"b\":[],\"c\":{\"d\":[1,{\"e\":null},\"f\"]},\"g\":false}",
        " { \"SJHM\" : \"13800000000\" ,\t\"n\" : [ 1 , 2 , 3 ] } \r\n",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        ("[\"\\u4e2d\\u6587\",\"中文\",\"\\ud840\\udc0b\",\"\\u00e9\\u0041\",\"a\\nb\","
         "\"\\\\u0041\"]"),
        "{\"广州\":\"\\u5e7f\\u5dde\",\"x\":\"tail\\\\\"}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        CLEANUP(arena_free) struct arena *arena = arena_new(65536);
        cJSON *theirs = cJSON_Parse(texts[i]);
        assert_non_null(theirs);
        same_tree(texts[i], parse(arena, texts[i]), theirs);
        cJSON_Delete(theirs);
    }
}

static void
finds_members_by_their_exact_name(void **state)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(65536);
    (void)state;
    const struct json *root = parse(arena, "{\"a\":{\"b\":1},\"ab\":2,\"A\":3,\"b\":[4]}");
    assert_int_equal(json_int(json_get(root, "ab"), 0), 2);
    assert_int_equal(json_int(json_get(root, "A"), 0), 3);
    assert_int_equal(json_int(json_get(json_get(root, "a"), "b"), 0), 1);
    assert_null(json_get(root, "c"));
    assert_null(json_get(json_get(root, "b"), "b"));
    assert_null(json_get(NULL, "a"));
    assert_int_equal(json_int(json_get(root, "b"), 7), 7);
    assert_null(json_str(json_get(root, "ab")).ptr);
    assert_false(json_bool(json_get(root, "ab")));
}

static void
leaves_the_callers_text_alone(void **state)
{
    char text[] = "{\"a\":\"x\\ny\"}";
    CLEANUP(arena_free) struct arena *arena = arena_new(65536);
    (void)state;
    const struct json *root = parse(arena, text);
    assert_string_equal(text, "{\"a\":\"x\\ny\"}");
    memset(text, '#', sizeof text - 1);
    assert_string_equal(json_str(json_get(root, "a")).ptr, "x\ny");
}

static void
many_values_move_and_too_many_are_refused(void **state)
{
    struct err err = {0};
    struct buf text;
    (void)state;
    for (size_t count = LIMIT_JSON_VALUES - 1; count <= LIMIT_JSON_VALUES; count++) {
        struct json_doc *doc = NULL;
        buf_init(&text, LIMIT_HTTP_BODY);
        buf_add_char(&text, '[');
        for (size_t i = 1; i < count; i++)
            buf_add_text(&text, "1,");
        buf_add_text(&text, "\"end\"]");
        enum err_code code = json_parse(buf_str(&text), &doc, &err);
        buf_done(&text);
        if (count == LIMIT_JSON_VALUES) {
            assert_int_equal(code, ERR_TOO_LARGE);
            assert_string_equal(err.text, "more than 4096 values");
            break;
        }
        assert_int_equal(code, ERR_OK);
        const struct json *last = json_first(json_root(doc));
        size_t seen = 1;
        for (; json_next(last); last = json_next(last))
            seen++;
        assert_int_equal(seen, count);
        assert_string_equal(json_str(last).ptr, "end");
        json_doc_free(doc);
    }
}

struct target {
    struct str text;
    int64_t number;
    bool yes;
    const struct json *object;
};
static const struct json_row target_rows[] = {
    JSON_ROW(struct target, text, JSON_KIND_STR, true),
    JSON_ROW(struct target, number, JSON_KIND_INT, true),
    JSON_ROW(struct target, yes, JSON_KIND_BOOL, false),
    JSON_ROW(struct target, object, JSON_KIND_OBJECT, false),
};

static void
reads_members_by_rows(void **state)
{
    static const struct {
        const char *text;
        bool closed;
        enum err_code code;
        const char *member;
    } cases[] = {
        {"{\"text\":\"t\",\"number\":5,\"yes\":true,\"object\":{\"a\":1}}", true, ERR_OK, ""},
        {"{\"text\":\"t\",\"number\":5}", true, ERR_OK, ""},
        {"{\"text\":\"t\",\"number\":5,\"more\":1}", false, ERR_OK, ""},
        {"{\"text\":\"t\",\"number\":5,\"more\":1}", true, ERR_UNKNOWN_MEMBER, "more"},
        {"{\"text\":\"t\"}", false, ERR_MISSING_MEMBER, "number"},
        {"{\"number\":1}", false, ERR_MISSING_MEMBER, "text"},
        {"{\"text\":1,\"number\":5}", false, ERR_MALFORMED, "text"},
        {"{\"text\":null,\"number\":5}", false, ERR_MALFORMED, "text"},
        {"[]", false, ERR_MALFORMED, ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = arena_new(65536);
        struct target target = {0};
        struct err err = {0};
        char member[64] = "";
        enum err_code code = json_read(parse(arena, cases[i].text), target_rows, COUNT(target_rows),
                                       cases[i].closed, &target, member, &err);
        if (code != cases[i].code)
            fail_msg("%s: %s", cases[i].text, err_name(code));
        assert_string_equal(member, cases[i].member);
        if (code == ERR_OK) {
            assert_string_equal(target.text.ptr, "t");
            assert_int_equal(target.number, 5);
        }
        assert_int_equal(target.yes, i == 0);
        assert_int_equal(json_int(json_get(target.object, "a"), 0), i == 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_another_parser_reads),
        cmocka_unit_test(finds_members_by_their_exact_name),
        cmocka_unit_test(leaves_the_callers_text_alone),
        cmocka_unit_test(many_values_move_and_too_many_are_refused),
        cmocka_unit_test(reads_members_by_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
