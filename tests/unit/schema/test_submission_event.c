#include "tests/unit/test.h"

#include "base/limits.h"
#include "schema/identity_event.h"
#include "schema/submission_event.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

#define SUBMISSION "0190a6c2-1111-8aaa-8bbb-000000000001"
#define STUDENT "0190a6c2-2222-7aaa-8bbb-000000000002"

static const char first_text[] = /* version 1 */
    "{\"version\":1,\"submission_id\":\"" SUBMISSION "\",\"student_id\":\"" STUDENT "\","
    "\"campaign_id\":\"gd-2027\",\"idempotency_key\":\"key-1\",\"body_index\":\"i1.abcd\","
    "\"received_at\":\"2026-09-21T14:13:20.123Z\",\"fields\":{\"SYSZDDM\":\"441900\","
    "\"SJHM\":\"a1.k1.xyz\"}}";

static const char received_text[] =
    "{\"version\":2,\"submission_id\":\"" SUBMISSION "\",\"student_id\":\"" STUDENT "\","
    "\"campaign_id\":\"gd-2027\",\"idempotency_key\":\"key-1\",\"body_index\":\"i1.abcd\","
    "\"received_at\":\"2026-09-21T14:13:20.123Z\",\"fields\":{\"SYSZDDM\":\"441900\","
    "\"CXSY\":\"城镇\"},\"fields_sealed\":\"a1.k1.xyz\"}";

static const char judged_text[] =
    "{\"version\":1,\"submission_id\":\"" SUBMISSION "\",\"student_id\":\"" STUDENT "\","
    "\"campaign_id\":\"gd-2027\",\"revision\":3,\"outcome\":\"rejected\","
    "\"judged_at\":\"2026-09-21T14:13:20.123Z\",\"findings\":[{\"field\":\"SJHM\","
    "\"rule\":\"phone\",\"severity\":\"reject\",\"message\":\"请\\\"核对\\\"\"}]}";

static const char identity_text[] =
    "{\"version\":1,\"sequence\":7,\"account_id\":\"acc-1\",\"kind\":\"bound\","
    "\"document_index\":\"i1.d\",\"student_id\":\"" STUDENT "\",\"school_code\":\"10558\","
    "\"phone_index\":\"i1.p\",\"phone_sealed\":\"a1.k1.p\",\"card_sealed\":\"a1.k1.c\"}";

/* `text` with its first `old` replaced by `new`. */
static struct str
changed(const char *text, const char *old, const char *new, struct arena *arena)
{
    const char *at = strstr(text, old);
    if (at == NULL)
        fail_msg("'%s' is not in the text", old);
    return arena_printf(arena, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
}

static struct arena *arena;

static int
open_arena(void **state)
{
    (void)state;
    arena = arena_new(4 * 1024 * 1024);
    return 0;
}

static int
close_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void
writes_what_was_received_in_the_released_form(void **state)
{
    struct submission_received message = {
        .submission_id = STR(SUBMISSION),
        .student_id = STR(STUDENT),
        .campaign_id = STR("gd-2027"),
        .idempotency_key = STR("key-1"),
        .body_index = STR("i1.abcd"),
        .received_at_ms = 1790000000123,
    };
    struct buf out;
    (void)state;
    message.fields_sealed = STR("a1.k1.xyz");
    message.value[FIELD_SYSZDDM] = STR("441900");
    message.value[FIELD_CXSY] = STR("城镇");
    message.value[FIELD_SJHM] = STR("never in the clear");
    buf_init(&out, LIMIT_MESSAGE);
    submission_received_encode(&message, &out);
    assert_str(buf_str(&out), received_text);
    buf_done(&out);
}

static void
reads_what_was_received(void **state)
{
    struct submission_received message;
    (void)state;
    assert_works(submission_received_decode(str_of(received_text), arena, &message, &err));
    assert_str(message.submission_id, SUBMISSION);
    assert_str(message.student_id, STUDENT);
    assert_str(message.campaign_id, "gd-2027");
    assert_str(message.idempotency_key, "key-1");
    assert_str(message.body_index, "i1.abcd");
    assert_int_equal(message.received_at_ms, 1790000000123);
    assert_int_equal(message.version, 2);
    assert_str(message.fields_sealed, "a1.k1.xyz");
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        assert_str(message.value[i], i == FIELD_SYSZDDM ? "441900" : i == FIELD_CXSY ? "城镇" : "");
}

static void
still_reads_the_first_version(void **state)
{
    struct submission_received message;
    (void)state;
    assert_works(submission_received_decode(str_of(first_text), arena, &message, &err));
    assert_int_equal(message.version, 1);
    assert_int_equal(message.fields_sealed.len, 0);
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        assert_str(message.value[i], i == FIELD_SYSZDDM ? "441900"
                                     : i == FIELD_SJHM  ? "a1.k1.xyz"
                                                        : "");
}

static void
what_is_sealed_is_what_is_sensitive(void **state)
{
    struct str value[FIELD_COUNT_] = {[FIELD_SJHM] = STR("13800138000"),
                                      [FIELD_SYSZDDM] = STR("441900"),
                                      [FIELD_JTDZ] = STR("路\"1\"号")};
    struct str again[FIELD_COUNT_] = {{0}};
    struct buf out;
    (void)state;
    buf_init(&out, LIMIT_MESSAGE);
    assert_true(submission_sealed_encode(value, &out));
    assert_str(buf_str(&out), "{\"SJHM\":\"13800138000\",\"JTDZ\":\"路\\\"1\\\"号\"}");
    assert_works(submission_sealed_decode(buf_str(&out), arena, again, &err));
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        assert_true(fields[i].sensitive ? str_eq(value[i], again[i]) : again[i].len == 0);
    assert_true(submission_sealed_fits(value, out.len));
    assert_false(submission_sealed_fits(value, out.len - 1));
    char grows[1000];
    memset(grows, 0x7f, sizeof grows); /* \u007f */
    value[FIELD_JTDZ] = (struct str){grows, sizeof grows};
    assert_false(submission_sealed_fits(value, 6 * sizeof grows));
    assert_true(submission_sealed_fits(value, 6 * sizeof grows + 64));
    value[FIELD_SJHM] = value[FIELD_JTDZ] = STR_NONE;
    buf_reset(&out);
    assert_false(submission_sealed_encode(value, &out));
    buf_done(&out);
    assert_str(submission_sealed_context(STR("s"), STR("i"), arena), "s/submission/i");
}

static void
refuses_what_does_not_belong_into_the_sealed_part(void **state)
{
    static const struct {
        const char *text;
        enum err_code code;
    } rows[] = {
        {"", ERR_MALFORMED},
        {"[]", ERR_MALFORMED},
        {"{\"SYSZDDM\":\"441900\"}", ERR_MALFORMED},
        {"{\"SJHM\":1}", ERR_MALFORMED},
        {"{\"SJHM\":\"1\",\"SJHM\":\"1\"}", ERR_MALFORMED},
        {"{\"SJHN\":\"1\"}", ERR_UNKNOWN_MEMBER},
        {"{\"SJHM\\u0000\":\"1\"}", ERR_MALFORMED},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err = {0};
        struct str value[FIELD_COUNT_] = {{0}};
        if (submission_sealed_decode(str_of(rows[i].text), arena, value, &err) != rows[i].code)
            fail_msg("'%s': %s", rows[i].text, err.text);
    }
}

static void
every_field_survives_the_journey(void **state)
{
    struct submission_received message = {
        .submission_id = STR(SUBMISSION),
        .student_id = STR(STUDENT),
        .campaign_id = STR("c"),
        .idempotency_key = STR("k"),
        .body_index = STR("b"),
        .received_at_ms = 1790000000000,
    };
    struct submission_received again;
    struct buf out;
    (void)state;
    struct buf sealed;
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        message.value[i] = arena_printf(arena, "%s\"\\\n\t\x01·𠮷 %u", fields[i].label, i);
    buf_init(&out, LIMIT_MESSAGE);
    buf_init(&sealed, LIMIT_MESSAGE);
    submission_received_encode(&message, &out);
    assert_true(submission_sealed_encode(message.value, &sealed));
    assert_works(submission_received_decode(buf_str(&out), arena, &again, &err));
    assert_works(submission_sealed_decode(buf_str(&sealed), arena, again.value, &err));
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        assert_true(str_eq(message.value[i], again.value[i]));
    buf_done(&sealed);
    assert_int_equal(again.received_at_ms, message.received_at_ms);
    buf_done(&out);
}

struct wrong {
    const char *old;
    const char *new;
    enum err_code code;
    const char *says;
};

/* Every row refused with its code and text, and nothing given back. */
static void
assert_refused(const char *text, const struct wrong *rows, size_t count,
               enum err_code (*decode)(struct str text, struct err *err))
{
    for (size_t i = 0; i < count; i++) {
        struct err err = {0};
        enum err_code code = decode(changed(text, rows[i].old, rows[i].new, arena), &err);
        if (code != rows[i].code || err.code != code || strstr(err.text, rows[i].says) == NULL)
            fail_msg("'%s' for '%s': %s '%s'", rows[i].new, rows[i].old, err_name(code), err.text);
    }
}

static enum err_code
received_decode(struct str text, struct err *err)
{
    struct submission_received message = {.received_at_ms = 77};
    enum err_code code = submission_received_decode(text, arena, &message, err);
    if (code)
        assert_int_equal(message.received_at_ms, 77);
    return code;
}

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void
refuses_what_was_never_sent_by_intake(void **state)
{
    /* clang-format off */
    static const struct wrong rows[] = {
        {"\"version\":2", "\"version\":3",     ERR_VERSION, "version 3 is not known here"},
        {"\"version\":2", "\"version\":0",     ERR_VERSION, "version 0"},
        {"\"version\":2", "\"version\":-1",    ERR_VERSION, "version -1"},
        {"\"version\":2", "\"version\":\"2\"", ERR_MALFORMED, "'version'"},
        {"\"version\":2", "\"version\":2.0",   ERR_MALFORMED, "an integer"},
        {"\"version\":2", "\"version\":null",  ERR_MALFORMED, "'version'"},
        {"\"version\":2", "\"version\":true",  ERR_MALFORMED, "'version'"},
        {"\"version\":2", "\"version\":2,\"version\":2", ERR_MALFORMED, "twice"},
        {"\"version\":2,", "",                 ERR_MISSING_MEMBER, "'version'"},
        {"\"submission_id\":\"" SUBMISSION "\",", "", ERR_MISSING_MEMBER, "'submission_id'"},
        {"\"student_id\":\"" STUDENT "\",", "",       ERR_MISSING_MEMBER, "'student_id'"},
        {"\"campaign_id\":\"gd-2027\",", "",          ERR_MISSING_MEMBER, "'campaign_id'"},
        {"\"idempotency_key\":\"key-1\",", "",        ERR_MISSING_MEMBER, "'idempotency_key'"},
        {"\"body_index\":\"i1.abcd\",", "",           ERR_MISSING_MEMBER, "'body_index'"},
        {"\"received_at\":\"2026-09-21T14:13:20.123Z\",", "", ERR_MISSING_MEMBER, "'received_at'"},
        {",\"fields\":{\"SYSZDDM\":\"441900\",\"CXSY\":\"城镇\"}", "", ERR_MISSING_MEMBER, "'fields'"},
        {"\"student_id\"", "\"Student_id\"",   ERR_MISSING_MEMBER, "'student_id'"},
        {"\"" STUDENT "\"", "7",               ERR_MALFORMED, "'student_id'"},
        {"\"gd-2027\"", "[\"gd-2027\"]",       ERR_MALFORMED, "'campaign_id'"},
        {"\"2026-09-21T14:13:20.123Z\"", "1790000000123", ERR_MALFORMED, "'received_at'"},
        {"{\"SYSZDDM\":\"441900\",\"CXSY\":\"城镇\"}", "[]",     ERR_MALFORMED, "'fields'"},
        {"{\"SYSZDDM\":\"441900\",\"CXSY\":\"城镇\"}", "null",   ERR_MALFORMED, "'fields'"},
        {"{\"SYSZDDM\":\"441900\",\"CXSY\":\"城镇\"}", "\"{}\"", ERR_MALFORMED, "'fields'"},
        {SUBMISSION, "",                                       ERR_INVALID, "not a UUID"},
        {SUBMISSION, "0190a6c2-1111-8aaa-8bbb-00000000000",    ERR_INVALID, "not a UUID"},
        {SUBMISSION, "0190a6c2-1111-8aaa-8bbb-0000000000011",  ERR_INVALID, "not a UUID"},
        {SUBMISSION, "0190A6C2-1111-8aaa-8bbb-000000000001",   ERR_INVALID, "not a UUID"},
        {SUBMISSION, "0190a6c2-1111-8aaa-8bbb-00000000000g",   ERR_INVALID, "not a UUID"},
        {SUBMISSION, "0190a6c2011110-8aaa-8bbb-000000000001",  ERR_INVALID, "not a UUID"},
        {STUDENT,    "{0190a6c2-2222-7aaa-8bbb-0000000002}",   ERR_INVALID, "not a UUID"},
        {"gd-2027", "",                        ERR_INVALID, "campaign_id is empty or too long"},
        {"gd-2027", X64 "x",                   ERR_INVALID, "campaign_id is empty or too long"},
        {"key-1", "",                          ERR_INVALID, "idempotency_key is empty or too long"},
        {"key-1", X64 X64 X64 X64,             ERR_INVALID, "idempotency_key is empty or too long"},
        {"2026-09-21T14:13:20.123Z", "",       ERR_INVALID, "received_at is not a time"},
        {"2026-09-21T14:13:20.123Z", "2026-09-21T14:13:20+08:00", ERR_INVALID, "received_at is not a time"},
        {"2026-09-21T14:13:20.123Z", "2026-09-21 14:13:20Z",      ERR_INVALID, "received_at is not a time"},
        {"2026-09-21T14:13:20.123Z", "2026-13-21T14:13:20Z",      ERR_INVALID, "received_at is not a time"},
        {"2026-09-21T14:13:20.123Z", "2026-09-21T24:13:20Z",      ERR_INVALID, "received_at is not a time"},
        {"\"SYSZDDM\"", "\"SYSZD\"",           ERR_UNKNOWN_MEMBER, "unknown field"},
        {"\"SYSZDDM\"", "\"syszddm\"",         ERR_UNKNOWN_MEMBER, "unknown field"},
        {"\"SYSZDDM\"", "\"\"",                ERR_UNKNOWN_MEMBER, "unknown field"},
        {"\"441900\"", "441900",               ERR_MALFORMED, "'SYSZDDM' is not a string"},
        {"\"441900\"", "null",                 ERR_MALFORMED, "'SYSZDDM' is not a string"},
        {"\"441900\"", "{}",                   ERR_MALFORMED, "'SYSZDDM' is not a string"},
        {"\"CXSY\"", "\"SYSZDDM\"",            ERR_MALFORMED, "twice"},
        {"\"CXSY\"", "\"SJHM\"",               ERR_MALFORMED, "'SJHM' is not sealed"},
        {"\"a1.k1.xyz\"", "7",                 ERR_MALFORMED, "'fields_sealed'"},
        {"\"version\":2", "\"version\":1",     ERR_INVALID, "version 1 has no fields_sealed"},
        {"441900", "4419\\u000000",            ERR_MALFORMED, "a character of text"},
        {"441900", "4419\xFF",                 ERR_MALFORMED, "valid UTF-8"},
        {"xyz\"}", "xyz\"",                    ERR_MALFORMED, "not strict JSON"},
        {"xyz\"}", "xyz\"} x",                         ERR_MALFORMED, "the end"},
        {"xyz\"}", "xyz\",}",                  ERR_MALFORMED, "member name"},
        {received_text, "",                    ERR_MALFORMED, "byte 0"},
        {received_text, "[]",                  ERR_MALFORMED, "expected an object"},
        {received_text, "null",                ERR_MALFORMED, "expected an object"},
        {received_text, "{}",                  ERR_MISSING_MEMBER, "'version'"},
    };
    /* clang-format on */
    (void)state;
    assert_refused(received_text, rows, COUNT(rows), received_decode);
}

static void
accepts_what_lies_just_inside_the_limits(void **state)
{
    static const char *const rows[][2] = {
        {"gd-2027", X64},
        {"key-1", X64 X64 X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
        {"{\"SYSZDDM\":\"441900\",\"CXSY\":\"城镇\"}", "{}"},
        {"2026-09-21T14:13:20.123Z", "2026-09-21T14:13:20Z"},
        {"{\"version\":2", " {\n\t\"version\" : 2"},
        {",\"fields_sealed\":\"a1.k1.xyz\"", ""},
        {"i1.abcd", ""},
        {"\"441900\"", "\"\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err = {0};
        if (received_decode(changed(received_text, rows[i][0], rows[i][1], arena), &err))
            fail_msg("'%s': %s", rows[i][1], err.text);
    }
}

static void
writes_and_reads_a_judgement_unchanged(void **state)
{
    struct submission_judged message;
    struct buf out;
    (void)state;
    assert_works(submission_judged_decode(str_of(judged_text), arena, &message, &err));
    assert_str(message.submission_id, SUBMISSION);
    assert_str(message.student_id, STUDENT);
    assert_str(message.campaign_id, "gd-2027");
    assert_int_equal(message.revision, 3);
    assert_str(message.outcome, "rejected");
    assert_int_equal(message.judged_at_ms, 1790000000123);
    assert_str(message.findings, "[{\"field\":\"SJHM\",\"rule\":\"phone\",\"severity\":\"reject\","
                                 "\"message\":\"请\\\"核对\\\"\"}]");
    buf_init(&out, LIMIT_MESSAGE);
    submission_judged_encode(&message, &out);
    assert_str(buf_str(&out), judged_text);
    buf_done(&out);
}

static void
a_judgement_without_findings_has_an_empty_list(void **state)
{
    struct submission_judged message = {
        .submission_id = STR(SUBMISSION),
        .student_id = STR(STUDENT),
        .campaign_id = STR("c"),
        .revision = 1,
        .outcome = STR("accepted"),
        .judged_at_ms = 1790000000000,
    };
    struct submission_judged again;
    struct buf out;
    (void)state;
    buf_init(&out, LIMIT_MESSAGE);
    submission_judged_encode(&message, &out);
    assert_non_null(strstr(out.ptr, "\"findings\":[]}"));
    assert_works(submission_judged_decode(buf_str(&out), arena, &again, &err));
    assert_str(again.findings, "[]");
    buf_done(&out);
}

static enum err_code
judged_decode(struct str text, struct err *err)
{
    struct submission_judged message = {.revision = 77};
    enum err_code code = submission_judged_decode(text, arena, &message, err);
    if (code)
        assert_int_equal(message.revision, 77);
    return code;
}

static void
refuses_what_is_no_judgement(void **state)
{
    /* clang-format off */
    static const struct wrong rows[] = {
        {"\"version\":1", "\"version\":2",     ERR_VERSION, "version 2 is not known here"},
        {"\"version\":1", "\"version\":\"1\"", ERR_MALFORMED, "'version'"},
        {"\"version\":1,", "",                 ERR_MISSING_MEMBER, "'version'"},
        {"\"submission_id\":\"" SUBMISSION "\",", "", ERR_MISSING_MEMBER, "'submission_id'"},
        {"\"student_id\":\"" STUDENT "\",", "",       ERR_MISSING_MEMBER, "'student_id'"},
        {"\"campaign_id\":\"gd-2027\",", "",          ERR_MISSING_MEMBER, "'campaign_id'"},
        {"\"revision\":3,", "",                       ERR_MISSING_MEMBER, "'revision'"},
        {"\"outcome\":\"rejected\",", "",             ERR_MISSING_MEMBER, "'outcome'"},
        {"\"judged_at\":\"2026-09-21T14:13:20.123Z\",", "", ERR_MISSING_MEMBER, "'judged_at'"},
        {"\"revision\":3", "\"revision\":\"3\"", ERR_MALFORMED, "'revision'"},
        {"\"revision\":3", "\"revision\":3.5",   ERR_MALFORMED, "an integer"},
        {"\"revision\":3", "\"revision\":9007199254740992", ERR_MALFORMED, "53 bits"},
        {"\"rejected\"", "false",                ERR_MALFORMED, "'outcome'"},
        {SUBMISSION, "1",                        ERR_INVALID, "not well-formed"},
        {STUDENT, "",                            ERR_INVALID, "not well-formed"},
        {"2026-09-21T14:13:20.123Z", "today",    ERR_INVALID, "not a time"},
        {"}]}", "}]",                            ERR_MALFORMED, "not strict JSON"},
        {judged_text, "[]",                      ERR_MALFORMED, "expected an object"},
    };
    /* clang-format on */
    (void)state;
    assert_refused(judged_text, rows, COUNT(rows), judged_decode);
}

static void
writes_and_reads_an_identity_unchanged(void **state)
{
    struct identity_changed message;
    struct buf out;
    (void)state;
    assert_works(identity_changed_decode(str_of(identity_text), arena, &message, &err));
    assert_int_equal(message.sequence, 7);
    assert_str(message.account_id, "acc-1");
    assert_str(message.kind, "bound");
    assert_str(message.document_index, "i1.d");
    assert_str(message.student_id, STUDENT);
    assert_str(message.school_code, "10558");
    assert_str(message.phone_index, "i1.p");
    assert_str(message.phone_sealed, "a1.k1.p");
    assert_str(message.card_sealed, "a1.k1.c");
    buf_init(&out, LIMIT_MESSAGE);
    identity_changed_encode(&message, &out);
    assert_str(buf_str(&out), identity_text);
    buf_done(&out);
}

static void
an_identity_may_know_little(void **state)
{
    static const struct identity_changed little = {
        .sequence = 1, .account_id = {"acc-1", 5}, .kind = {"verified", 8}};
    struct identity_changed again;
    struct buf out;
    (void)state;
    buf_init(&out, LIMIT_MESSAGE);
    identity_changed_encode(&little, &out);
    assert_works(identity_changed_decode(buf_str(&out), arena, &again, &err));
    assert_str(again.kind, "verified");
    assert_int_equal(again.document_index.len, 0);
    assert_int_equal(again.student_id.len, 0);
    assert_int_equal(again.card_sealed.len, 0);
    assert_works(identity_changed_decode(
        STR("{\"version\":1,\"sequence\":1,\"account_id\":\"acc-1\",\"kind\":\"verified\"}"), arena,
        &again, &err));
    assert_int_equal(again.phone_sealed.len, 0);
    buf_done(&out);
}

static enum err_code
identity_decode(struct str text, struct err *err)
{
    struct identity_changed message = {.sequence = 77};
    enum err_code code = identity_changed_decode(text, arena, &message, err);
    if (code)
        assert_int_equal(message.sequence, 77);
    return code;
}

static void
refuses_what_is_no_identity(void **state)
{
    /* clang-format off */
    static const struct wrong rows[] = {
        {"\"version\":1", "\"version\":2",       ERR_VERSION, "version 2 is not known here"},
        {"\"version\":1", "\"version\":true",    ERR_MALFORMED, "'version'"},
        {"\"version\":1,", "",                   ERR_MISSING_MEMBER, "'version'"},
        {"\"sequence\":7,", "",                  ERR_MISSING_MEMBER, "'sequence'"},
        {"\"account_id\":\"acc-1\",", "",        ERR_MISSING_MEMBER, "'account_id'"},
        {"\"kind\":\"bound\",", "",              ERR_MISSING_MEMBER, "'kind'"},
        {"\"sequence\":7", "\"sequence\":\"7\"", ERR_MALFORMED, "'sequence'"},
        {"\"sequence\":7", "\"sequence\":7e0",   ERR_MALFORMED, "an integer"},
        {"\"i1.d\"", "null",                     ERR_MALFORMED, "'document_index'"},
        {"\"10558\"", "10558",                   ERR_MALFORMED, "'school_code'"},
        {"\"a1.k1.c\"", "{}",                    ERR_MALFORMED, "'card_sealed'"},
        {"acc-1", "",                            ERR_INVALID, "account_id is empty or too long"},
        {"acc-1", X64 "x",                       ERR_INVALID, "account_id is empty or too long"},
        {"\"kind\"", "\"sequence\"",             ERR_MALFORMED, "twice"},
        {identity_text, "[]",                    ERR_MALFORMED, "expected an object"},
        {identity_text, "\"x\"",                 ERR_MALFORMED, "expected an object"},
    };
    /* clang-format on */
    (void)state;
    assert_refused(identity_text, rows, COUNT(rows), identity_decode);
}

/* What arrives broken off is refused wherever it breaks. */
static void
refuses_every_beginning_of_a_message(void **state)
{
    static const struct {
        struct str text;
        enum err_code (*decode)(struct str text, struct err *err);
    } rows[] = {{{received_text, sizeof received_text - 1}, received_decode},
                {{judged_text, sizeof judged_text - 1}, judged_decode},
                {{identity_text, sizeof identity_text - 1}, identity_decode}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err = {0};
        for (size_t length = 0; length < rows[i].text.len; length++)
            assert_int_equal(rows[i].decode((struct str){rows[i].text.ptr, length}, &err),
                             ERR_MALFORMED);
        assert_int_equal(rows[i].decode(rows[i].text, &err), ERR_OK);
    }
}

#define IN_ARENA(test) cmocka_unit_test_setup_teardown(test, open_arena, close_arena)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ARENA(writes_what_was_received_in_the_released_form),
        IN_ARENA(reads_what_was_received),
        IN_ARENA(still_reads_the_first_version),
        IN_ARENA(what_is_sealed_is_what_is_sensitive),
        IN_ARENA(refuses_what_does_not_belong_into_the_sealed_part),
        IN_ARENA(every_field_survives_the_journey),
        IN_ARENA(refuses_what_was_never_sent_by_intake),
        IN_ARENA(accepts_what_lies_just_inside_the_limits),
        IN_ARENA(writes_and_reads_a_judgement_unchanged),
        IN_ARENA(a_judgement_without_findings_has_an_empty_list),
        IN_ARENA(refuses_what_is_no_judgement),
        IN_ARENA(writes_and_reads_an_identity_unchanged),
        IN_ARENA(an_identity_may_know_little),
        IN_ARENA(refuses_what_is_no_identity),
        IN_ARENA(refuses_every_beginning_of_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
