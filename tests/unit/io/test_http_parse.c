/* Heads and chunked bodies: what is taken, what is refused as what, and that it does not matter how
 * the bytes are cut. */
#include "io/http_parse.h"
#include "tests/unit/test.h"

enum { FIELDS = 4 };

static const struct http_limits limits = {.body_bytes_max = 20,
                                          .target_bytes_max = 16,
                                          .header_bytes_max = 64,
                                          .header_count_max = FIELDS};
#define LINE "GET /a HTTP/1.1\r\n"
#define HOST "Host: x\r\n"

/* DONE: taken. Otherwise the refusal; MORE: it is not complete. */
struct verdict {
    enum http_parse parse;
    enum http_refusal refusal;
};

static struct verdict
read_head(struct str bytes, size_t step, struct http_head *head, struct http_field *fields)
{
    struct http_scan scan = {0};
    struct verdict verdict = {HTTP_PARSE_MORE, HTTP_REFUSED_MALFORMED};
    for (size_t len = step; verdict.parse == HTTP_PARSE_MORE; len += step) {
        struct str part = {bytes.ptr, len < bytes.len ? len : bytes.len};
        verdict.parse = http_head_scan(part, &limits, &scan, &verdict.refusal);
        if (part.len == bytes.len)
            break;
    }
    if (verdict.parse != HTTP_PARSE_DONE)
        return verdict;
    head->fields = fields;
    if (!http_head_parse((struct str){bytes.ptr, scan.at}, &limits, head, &verdict.refusal))
        verdict.parse = HTTP_PARSE_REFUSED;
    return verdict;
}

static void
heads(void **state)
{
    static const struct {
        const char *bytes;
        enum http_parse parse;
        enum http_refusal refusal;
    } rows[] = {
        {LINE HOST "\r\n", HTTP_PARSE_DONE, 0},
        {LINE HOST "A:\r\n\r\n", HTTP_PARSE_DONE, 0},
        {LINE HOST "A: \t b \t\r\n\r\nrest", HTTP_PARSE_DONE, 0},
        {LINE HOST "Content-Length: 20\r\n\r\n", HTTP_PARSE_DONE, 0},
        {LINE HOST "Transfer-Encoding: Chunked\r\n\r\n", HTTP_PARSE_DONE, 0},
        {LINE HOST "A: b\r\n", HTTP_PARSE_MORE, 0},
        {"GET /a", HTTP_PARSE_MORE, 0},
        {"\r\n" LINE HOST "\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {LINE "\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {LINE HOST HOST "\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {LINE HOST "A: b\n\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {LINE HOST "A: b\r\r\n\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {LINE HOST "A: b\r\n c\r\n\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {LINE HOST "A : b\r\n\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {LINE HOST ": b\r\n\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {LINE HOST "A b\r\n\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {LINE HOST "A: \x7f\r\n\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {"GET  /a HTTP/1.1\r\n" HOST "\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {"GET /a HTTP/1.0\r\n" HOST "\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {"GET a HTTP/1.1\r\n" HOST "\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {"GET /a\r\n" HOST "\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {LINE HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", HTTP_PARSE_REFUSED,
         HTTP_REFUSED_MALFORMED},
        {LINE HOST "Content-Length: 18446744073709551616\r\n\r\n", HTTP_PARSE_REFUSED,
         HTTP_REFUSED_MALFORMED},
        {LINE HOST "Transfer-Encoding: gzip\r\n\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {LINE HOST "Expect: x\r\n\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_MALFORMED},
        {LINE HOST "Content-Length: 21\r\n\r\n", HTTP_PARSE_REFUSED, HTTP_REFUSED_BODY_TOO_LARGE},
        {"GET /4567890123456789 HTTP/1.1\r\n" HOST "\r\n", HTTP_PARSE_REFUSED,
         HTTP_REFUSED_TARGET_TOO_LONG},
        {LINE HOST "A: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n", HTTP_PARSE_REFUSED,
         HTTP_REFUSED_HEADERS_TOO_LARGE},
        {LINE HOST "A: 3456789012345678901234567890123456789012345678901\r\n\r\n", HTTP_PARSE_DONE,
         0},
        {LINE HOST "A: 345678901234567890123456789012345678901234567890123\r\n\r\n",
         HTTP_PARSE_REFUSED, HTTP_REFUSED_HEADERS_TOO_LARGE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t step = 1; step <= strlen(rows[i].bytes); step++) {
            struct http_head head = {0};
            struct http_field fields[FIELDS];
            struct verdict v = read_head(str_of(rows[i].bytes), step, &head, fields);
            if (v.parse != rows[i].parse ||
                (v.parse == HTTP_PARSE_REFUSED && v.refusal != rows[i].refusal))
                fail_msg("row %zu, %zu bytes at a time: %d %d", i, step, v.parse, v.refusal);
        }
}

static void
a_nul_is_refused_wherever_it_stands(void **state)
{
    static const char good[] = LINE HOST "A: b\r\n\r\n";
    (void)state;
    for (size_t i = 0; i < sizeof good - 1; i++) {
        char bytes[sizeof good];
        struct http_head head = {0};
        struct http_field fields[FIELDS];
        memcpy(bytes, good, sizeof good);
        bytes[i] = '\0';
        struct verdict v = read_head((struct str){bytes, sizeof good - 1}, 1, &head, fields);
        assert_int_equal(v.parse, HTTP_PARSE_REFUSED);
    }
}

static void
parts_of_a_head(void **state)
{
    static const char text[] = "POST /p?q=1?2 HTTP/1.1\r\nhOST: x\r\nConnection: a, Close\r\n"
                               "Expect: 100-Continue\r\n\r\n";
    struct http_head head = {0};
    struct http_field fields[FIELDS];
    struct str bytes = str_of(text);
    (void)state;
    assert_int_equal(read_head(bytes, bytes.len, &head, fields).parse, HTTP_PARSE_DONE);
    assert_int_equal(head.method, HTTP_POST);
    assert_true(str_eq(http_span_str(bytes, head.path), STR("/p")));
    assert_true(str_eq(http_span_str(bytes, head.query), STR("q=1?2")));
    assert_true(head.close && head.expects_continue && !head.chunked);
    assert_int_equal(head.field_count, 3);
    assert_true(str_eq(http_span_str(bytes, fields[0].value), STR("x")));
}

static void
chunks(void **state)
{
    static const struct {
        const char *bytes;
        enum http_parse parse;
        const char *body;
        enum http_refusal refusal;
    } rows[] = {
        {"0\r\n\r\n", HTTP_PARSE_DONE, "", 0},
        {"2\r\nab\r\n003\r\ncde\r\n0\r\n\r\n", HTTP_PARSE_DONE, "abcde", 0},
        {"14\r\n01234567890123456789\r\n0\r\n\r\n", HTTP_PARSE_DONE, "01234567890123456789", 0},
        {"2\r\na", HTTP_PARSE_MORE, NULL, 0},
        {"15\r\n", HTTP_PARSE_REFUSED, NULL, HTTP_REFUSED_BODY_TOO_LARGE},
        {"14\r\n01234567890123456789\r\n1\r\n", HTTP_PARSE_REFUSED, NULL,
         HTTP_REFUSED_BODY_TOO_LARGE},
        {"\r\n", HTTP_PARSE_REFUSED, NULL, HTTP_REFUSED_MALFORMED},
        {"2\nab\r\n", HTTP_PARSE_REFUSED, NULL, HTTP_REFUSED_MALFORMED},
        {"2;x\r\nab\r\n", HTTP_PARSE_REFUSED, NULL, HTTP_REFUSED_MALFORMED},
        {"2 \r\nab\r\n", HTTP_PARSE_REFUSED, NULL, HTTP_REFUSED_MALFORMED},
        {"2\r\nabc\r\n", HTTP_PARSE_REFUSED, NULL, HTTP_REFUSED_MALFORMED},
        {"0\r\nA: b\r\n\r\n", HTTP_PARSE_REFUSED, NULL, HTTP_REFUSED_MALFORMED},
        {"000000000\r\n\r\n", HTTP_PARSE_REFUSED, NULL, HTTP_REFUSED_MALFORMED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t step = 1; step <= strlen(rows[i].bytes); step++) {
            struct http_chunks feed = {0};
            struct str rest = str_of(rows[i].bytes);
            struct buf body;
            enum http_parse parse = HTTP_PARSE_MORE;
            enum http_refusal refusal = HTTP_REFUSED_TOO_SLOW;
            buf_init(&body, limits.body_bytes_max);
            while (rest.len && parse == HTTP_PARSE_MORE) {
                size_t taken = 0;
                struct str part = {rest.ptr, step < rest.len ? step : rest.len};
                parse = http_chunks_feed(&feed, part, &body, &taken, &refusal);
                rest = (struct str){rest.ptr + part.len, rest.len - part.len};
            }
            if (parse != rows[i].parse ||
                (parse == HTTP_PARSE_REFUSED && refusal != rows[i].refusal) ||
                (rows[i].body && !str_eq_text(buf_str(&body), rows[i].body)))
                fail_msg("row %zu, %zu bytes at a time: %d", i, step, parse);
            buf_done(&body);
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads),
        cmocka_unit_test(a_nul_is_refused_wherever_it_stands),
        cmocka_unit_test(parts_of_a_head),
        cmocka_unit_test(chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
