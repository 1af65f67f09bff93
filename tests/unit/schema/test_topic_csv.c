#include "tests/unit/test.h"

#include "base/limits.h"
#include "schema/appeal_event.h"
#include "schema/csv.h"
#include "schema/identity_event.h"
#include "schema/review_event.h"
#include "schema/submission_event.h"
#include "schema/topic.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* Everything the reader finds: "line:column|column;" and "line:!;" for a row it refuses. */
static void
csv_print(const char *text, size_t length, struct buf *out)
{
    /* Exactly as long as the text, so that a sanitizer sees a step too far. */
    char *copy = mem_alloc(length ? length : 1);
    memcpy(copy, text, length);
    struct csv csv = csv_on(copy, length);
    struct csv_row row;
    enum err_code code = ERR_OK;
    while (csv_next(&csv, &row, &code)) {
        buf_printf(out, "%u:", csv.line);
        if (code)
            buf_add_char(out, '!');
        for (size_t i = 0; code == ERR_OK && i < row.count; i++) {
            if (i)
                buf_add_char(out, '|');
            buf_add(out, row.column[i]);
        }
        buf_add_char(out, ';');
        assert_true(code == ERR_OK || code == ERR_MALFORMED);
    }
    assert_false(csv_next(&csv, &row, &code));
    free(copy);
}

static void
reads_rows_as_a_spreadsheet_does(void **state)
{
    static const struct {
        const char *title;
        const char *text;
        const char *expected;
    } rows[] = {
        {"nothing", "", ""},
        {"one value", "a", "1:a;"},
        {"header and row", "a,b\nc,d\n", "1:a|b;2:c|d;"},
        {"CRLF", "a,b\r\nc,d\r\n", "1:a|b;2:c|d;"},
        {"CR", "a,b\rc,d\r", "1:a|b;2:c|d;"},
        {"mixed endings", "a\r\nb\nc\rd", "1:a;2:b;3:c;4:d;"},
        {"no end of the last line", "a,b\nc,d", "1:a|b;2:c|d;"},
        {"byte order mark", "\xEF\xBB\xBF姓名,学号\n张三,1\n", "1:姓名|学号;2:张三|1;"},
        {"byte order mark before a quote", "\xEF\xBB\xBF\"a\",b\n", "1:a|b;"},
        {"only a byte order mark", "\xEF\xBB\xBF", ""},
        {"half a byte order mark is text", "\xEF\xBB", "1:\xEF\xBB;"},
        {"a mark further on is text",
         "a,\xEF\xBB\xBF"
         "b\n",
         "1:a|\xEF\xBB\xBF"
         "b;"},
        {"empty columns", ",,\n", "1:||;"},
        {"empty last column", "a,", "1:a|;"},
        {"empty line is one empty column", "a\n\nb\n", "1:a;2:;3:b;"},
        {"spaces are kept", " a , b \n", "1: a | b ;"},
        {"quoted", "\"a\",\"b\"\n", "1:a|b;"},
        {"quoted separator", "\"a,b\",c\n", "1:a,b|c;"},
        {"quoted quotes", "\"a\"\"b\",\"\"\"\",c\n", "1:a\"b|\"|c;"},
        {"quoted and empty", "\"\",\"\"\n", "1:|;"},
        {"quoted at the end of the text", "a,\"b\"", "1:a|b;"},
        {"quoted before CRLF", "\"a\"\r\n\"b\"\r\n", "1:a;2:b;"},
        {"quoted new lines are counted", "a,\"b\nc\"\nd\n", "1:a|b\nc;3:d;"},
        {"quoted CRLF is kept and counted once", "\"a\r\nb\"\r\nc\r\n", "1:a\r\nb;3:c;"},
        {"a quote inside plain text is text", "a\"b,c\"\n", "1:a\"b|c\";"},
        {"open quote", "\"a,b\n", "1:!;"},
        {"open quote, then reading goes on", "a,\"b\nc,d\n", "1:!;2:c|d;"},
        {"open quote in the last line", "a,b\nc,\"", "1:a|b;2:!;"},
        {"Chinese", "张三,\"广州市,荔湾区\"\n", "1:张三|广州市,荔湾区;"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out;
        buf_init(&out, 4096);
        csv_print(rows[i].text, strlen(rows[i].text), &out);
        if (!str_eq_text(buf_str(&out), rows[i].expected))
            fail_msg("%s: '%.*s'", rows[i].title, STR_ARG(buf_str(&out)));
        buf_done(&out);
    }
}

static void
reads_64_columns_and_refuses_the_65th(void **state)
{
    static const struct {
        unsigned columns;
        bool quoted;
        const char *expected; /* end */
    } rows[] = {
        {CSV_COLUMNS_MAX, false, "|x;2:a|b;"},        {CSV_COLUMNS_MAX, true, "|x;2:a|b;"},
        {CSV_COLUMNS_MAX + 1, false, "1:!;2:a|b;"},   {CSV_COLUMNS_MAX + 1, true, "1:!;2:a|b;"},
        {CSV_COLUMNS_MAX * 100, false, "1:!;2:a|b;"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf text;
        struct buf out;
        buf_init(&text, 65536);
        buf_init(&out, 65536);
        for (unsigned k = 0; k < rows[i].columns; k++)
            buf_printf(&text, "%s%s", k ? "," : "", rows[i].quoted ? "\"x\"" : "x");
        buf_add_text(&text, "\na,b\n");
        csv_print(text.ptr, text.len, &out);
        if (!str_ends(buf_str(&out), str_of(rows[i].expected)))
            fail_msg("%u columns: '%.*s'", rows[i].columns, STR_ARG(buf_str(&out)));
        buf_done(&text);
        buf_done(&out);
    }
}

static void
keeps_a_nul_inside_a_value(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 256);
    csv_print("a\0b,c\n", 6, &out);
    assert_true(str_eq(buf_str(&out), (struct str){"1:a\0b|c;", 8}));
    buf_done(&out);
}

static void
quotes_when_it_must_and_reads_it_again(void **state)
{
    static const struct {
        const char *value;
        const char *written;
    } rows[] = {
        {"", ""},
        {"a", "a"},
        {"张三", "张三"},
        {" a ", " a "},
        {"a;b", "a;b"},
        {"a,b", "\"a,b\""},
        {"\"", "\"\"\"\""},
        {"a\"b", "\"a\"\"b\""},
        {"a\nb", "\"a\nb\""},
        {"a\rb", "\"a\rb\""},
        {"\xEF\xBB\xBF", "\"\xEF\xBB\xBF\""},
        {"\"a,b\"\r\n", "\"\"\"a,b\"\"\r\n\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out;
        struct csv_row row;
        enum err_code code;
        buf_init(&out, 256);
        csv_write(&out, str_of(rows[i].value));
        assert_str(buf_str(&out), rows[i].written);
        buf_add_text(&out, ",end\r\n");
        struct csv csv = csv_on(out.ptr, out.len);
        assert_true(csv_next(&csv, &row, &code));
        assert_int_equal(code, ERR_OK);
        assert_int_equal(row.count, 2);
        assert_str(row.column[0], rows[i].value);
        assert_str(row.column[1], "end");
        buf_done(&out);
    }
}

static const struct topic *
topic_named(const char *name)
{
    for (size_t i = 0; i < topic_count; i++)
        if (strcmp(topics[i].name, name) == 0)
            return &topics[i];
    fail_msg("no topic '%s'", name);
    return &topics[0];
}

static void
every_message_has_a_topic_and_a_place_for_dead_letters(void **state)
{
    static const struct {
        const char *name;
        const char *key;
        const char *produced_by;
        const char *consumed_by;
    } rows[] = {
        {TOPIC_SUBMISSION_RECEIVED, "student_id", "intake", "validation"},
        {TOPIC_SUBMISSION_JUDGED, "student_id", "validation", "intake, notification"},
        {TOPIC_REVIEW_DECIDED, "student_id", "office", "notification"},
        {TOPIC_IDENTITY_CHANGED, "account_id", "binding", "authorization"},
        {TOPIC_APPEAL_DECIDED, "account_id", "office", "binding, notification"},
    };
    (void)state;
    assert_int_equal(topic_count, 2 * COUNT(rows));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf dead;
        const struct topic *topic = topic_named(rows[i].name);
        assert_string_equal(topic->key, rows[i].key);
        assert_string_equal(topic->produced_by, rows[i].produced_by);
        assert_string_equal(topic->consumed_by, rows[i].consumed_by);
        buf_init(&dead, 256);
        buf_printf(&dead, "%s.dlq", rows[i].name);
        const struct topic *letters = topic_named(dead.ptr);
        assert_int_equal(letters->partitions, 1);
        buf_done(&dead);
    }
}

static void
topics_are_fit_to_be_created(void **state)
{
    (void)state;
    for (size_t i = 0; i < topic_count; i++) {
        const struct topic *topic = &topics[i];
        uint64_t retention_ms = 0;
        assert_true(topic->partitions >= 1 && topic->partitions <= 100);
        assert_true(str_to_u64(str_of(topic->retention_ms), INT64_MAX, &retention_ms));
        assert_true(retention_ms >= UINT64_C(86400000) * 180); /* a season */
        assert_true(topic->name[0] && strlen(topic->name) <= 249);
        for (const char *c = topic->name; *c; c++)
            assert_true((*c >= 'a' && *c <= 'z') || *c == '.');
        assert_true(topic->meaning[0] && utf8_valid(str_of(topic->meaning)));
        for (size_t k = i + 1; k < topic_count; k++)
            assert_string_not_equal(topic->name, topics[k].name);
    }
}

static void
dead_letters_are_kept_longer_than_what_they_come_from(void **state)
{
    (void)state;
    for (size_t i = 0; i < topic_count; i++) {
        uint64_t own = 0;
        uint64_t dead = 0;
        struct str name = str_of(topics[i].name);
        if (!str_ends(name, STR(".dlq")))
            continue;
        char *source = mem_strndup((struct str){name.ptr, name.len - 4});
        assert_true(str_to_u64(str_of(topic_named(source)->retention_ms), INT64_MAX, &own));
        assert_true(str_to_u64(str_of(topics[i].retention_ms), INT64_MAX, &dead));
        assert_true(dead > own);
        free(source);
    }
}

static void
the_reference_has_a_line_for_every_topic(void **state)
{
    struct buf out;
    size_t lines = 0;
    (void)state;
    buf_init(&out, 65536);
    topic_write_docs(&out);
    for (size_t i = 0; i < out.len; i++)
        lines += out.ptr[i] == '\n';
    assert_int_equal(lines, topic_count + 2);
    assert_non_null(
        strstr(out.ptr, "| `submission.received` | 12 | 200 | student_id | intake | validation |"));
    assert_non_null(strstr(out.ptr, "| `identity.changed.dlq` | 1 | 365 |"));
    buf_done(&out);
}

static void
tells_which_topics_are_not_fit(void **state)
{
    static const struct topic topic = {.name = "t", .partitions = 12, .retention_ms = "1000"};
    static const struct {
        struct topic_state state;
        const char *text; /* NULL: fit */
    } rows[] = {
        {{12, 3, 2, "delete", 1000}, NULL},
        {{12, 2, 2, "delete", 1001}, NULL},
        {{12, 3, 3, "delete", -1}, NULL},
        {{0}, "topic 't' is missing; HINT: syctl topics apply --replication=3"},
        {{11, 3, 2, "delete", 1000}, "has 11 partitions instead of 12; HINT: a student's messages"},
        {{13, 3, 2, "delete", 1000}, "has 13 partitions instead of 12"},
        {{12, 1, 2, "delete", 1000}, "has replication 1: one broker's disk is all there is; HINT:"},
        {{12, 3, 1, "delete", 1000},
         "has min.insync.replicas=1: what is acknowledged may be on one"},
        {{12, 3, 0, "", 0}, "has min.insync.replicas=0"},
        {{12, 3, 2, "compact", 1000}, "has cleanup.policy=compact, which throws messages away"},
        {{12, 3, 2, "compact,delete", 1000}, "has cleanup.policy=compact,delete"},
        {{12, 3, 2, "delete", 999}, "keeps messages for 999 ms only; HINT: kafka-configs --alter"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].text)
            assert_fails(topic_check(&topic, &rows[i].state, &err), ERR_CONFIG, rows[i].text);
        else
            assert_works(topic_check(&topic, &rows[i].state, &err));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_which_topics_are_not_fit),
        cmocka_unit_test(reads_rows_as_a_spreadsheet_does),
        cmocka_unit_test(reads_64_columns_and_refuses_the_65th),
        cmocka_unit_test(keeps_a_nul_inside_a_value),
        cmocka_unit_test(quotes_when_it_must_and_reads_it_again),
        cmocka_unit_test(every_message_has_a_topic_and_a_place_for_dead_letters),
        cmocka_unit_test(topics_are_fit_to_be_created),
        cmocka_unit_test(dead_letters_are_kept_longer_than_what_they_come_from),
        cmocka_unit_test(the_reference_has_a_line_for_every_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
