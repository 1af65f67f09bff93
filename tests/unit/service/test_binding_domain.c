#include "tests/unit/test.h"

#include "services/binding/domain.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

enum { TODAY = 20261123 };
#define CONSENT "face-2026"

/* Made for the tests; check digits are right. */
#define CARD "440103200402290016"
#define PERMIT "810000200402290010"

#define HAN10 "一二三四五六七八九十"
#define HAN40 HAN10 HAN10 HAN10 HAN10

static void
knows_two_categories(void **state)
{
    static const struct {
        const char *text;
        enum category category; /* CATEGORY_COUNT_: none */
    } rows[] = {
        {"mainland", CATEGORY_MAINLAND}, {"hmt", CATEGORY_HMT},        {"HMT", CATEGORY_COUNT_},
        {"", CATEGORY_COUNT_},           {"foreign", CATEGORY_COUNT_}, {"hmt ", CATEGORY_COUNT_},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum category category = CATEGORY_COUNT_;
        assert_int_equal(category_parse(str_of(rows[i].text), &category),
                         rows[i].category != CATEGORY_COUNT_);
        assert_int_equal(category, rows[i].category);
    }
}

static void
a_category_shows_its_own_documents_only(void **state)
{
    /* clang-format off */
    static const bool expected[ID_TYPE_COUNT_][CATEGORY_COUNT_] = {
        /*                          mainland hmt */
        [ID_IDENTITY_CARD]        = {true,  false},
        [ID_HMT_RESIDENCE_PERMIT] = {false, true},
        [ID_HM_TRAVEL_PERMIT]     = {false, true},
        [ID_TW_TRAVEL_PERMIT]     = {false, true},
        [ID_FOREIGN_PR]           = {false, false},
        [ID_PASSPORT]             = {false, false},
    };
    /* clang-format on */
    (void)state;
    for (unsigned type = 0; type < ID_TYPE_COUNT_; type++)
        for (unsigned category = 0; category < CATEGORY_COUNT_; category++)
            assert_int_equal(category_takes((enum category)category, (enum id_type)type),
                             expected[type][category]);
}

static void
limits_are_those_of_the_contract(void **state)
{
    const struct {
        const struct limit *limit;
        unsigned count;
        unsigned window_s;
    } rows[] = {
        {&limit_phone_cool_down, 1, 60},   {&limit_phone_hour, 5, 3600},
        {&limit_phone_day, 10, 86400},     {&limit_code_tries, 5, 3600},
        {&limit_match_failures, 10, 3600}, {&limit_verifications, 10, 3600},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(rows[i].limit->count, rows[i].count);
        assert_int_equal(rows[i].limit->window_s, rows[i].window_s);
    }
    assert_int_equal(PHONE_CODE_LIFE_S, 300);
    assert_int_equal(PHONE_CODE_DIGITS, 6);
    assert_int_equal(VERIFICATION_VALID_S, 86400);
}

/* "field:rule field:rule"; a message is never empty and never shows what must not be seen. */
static void
assert_errors(const char *title, const struct problem_field *errors, size_t count,
              const char *expected, struct str secret)
{
    struct buf text;
    buf_init(&text, 1024);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&text, "%s%s:%s", i ? " " : "", errors[i].field, errors[i].rule);
        assert_true(errors[i].message.len > 0 && utf8_valid(errors[i].message));
        if (secret.len > 3 &&
            memmem(errors[i].message.ptr, errors[i].message.len, secret.ptr, secret.len))
            fail_msg("%s: the message shows the number", title);
    }
    if (!str_eq_text(buf_str(&text), expected))
        fail_msg("%s: '%.*s', not '%s'", title, STR_ARG(buf_str(&text)), expected);
    buf_done(&text);
}

static void
checks_a_request_to_verify(void **state)
{
    /* clang-format off */
    static const struct {
        const char *title;
        const char *category, *name, *id_type, *id_number, *consent;
        const char *expected;
    } rows[] = {
        {"good",               "mainland", "张三",  "IDENTITY_CARD", CARD, CONSENT, ""},
        {"a name of 40",       "mainland", HAN40,  "IDENTITY_CARD", CARD, CONSENT, ""},
        {"a name of 41",       "mainland", HAN40 "一", "IDENTITY_CARD", CARD, CONSENT, "name:length"},
        {"no name",            "mainland", "",     "IDENTITY_CARD", CARD, CONSENT, "name:length"},
        {"only a space",       "mainland", " ",    "IDENTITY_CARD", CARD, CONSENT, "name:length"},
        {"a space in front",   "mainland", " 张三", "IDENTITY_CARD", CARD, CONSENT, "name:length"},
        {"a space behind",     "mainland", "张三 ", "IDENTITY_CARD", CARD, CONSENT, "name:length"},
        {"a space inside",     "mainland", "张 三", "IDENTITY_CARD", CARD, CONSENT, ""},
        {"check digit",        "mainland", "张三",  "IDENTITY_CARD", "440103200402290017", CONSENT, "id_number:document"},
        {"no number",          "mainland", "张三",  "IDENTITY_CARD", "", CONSENT, "id_number:document"},
        {"15 digits",          "mainland", "张三",  "IDENTITY_CARD", "440103040229001", CONSENT, "id_number:document"},
        {"born tomorrow",      "mainland", "张三",  "IDENTITY_CARD", "440103202611240010", CONSENT, "id_number:document"},
        {"a permit's type",    "mainland", "张三",  "HMT_RESIDENCE_PERMIT", PERMIT, CONSENT, "id_type:category"},
        {"a passport",         "mainland", "张三",  "PASSPORT", "E12345678", CONSENT, "id_type:category"},
        {"no such type",       "mainland", "张三",  "CARD", CARD, CONSENT, "id_type:code"},
        {"no such category",   "foreign",  "张三",  "IDENTITY_CARD", CARD, CONSENT, "category:code"},
        {"hmt needs no face",  "hmt",      "陈大文", "HMT_RESIDENCE_PERMIT", PERMIT, CONSENT, "category:face"},
        {"hmt, number unread", "hmt",      "陈大文", "CARD", "1", CONSENT, "category:face"},
        {"old consent",        "mainland", "张三",  "IDENTITY_CARD", CARD, "face-2025", "consent_version:in-force"},
        {"no consent",         "mainland", "张三",  "IDENTITY_CARD", CARD, "", "consent_version:in-force"},
        {"everything",         "",         "",     "",              "",   "", "category:code id_type:code name:length consent_version:in-force"},
        {"everything else",    "mainland", "",     "IDENTITY_CARD", "1",  "", "id_number:document name:length consent_version:in-force"},
    };
    /* clang-format on */
    struct arena *arena = arena_new(1024 * 1024);
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct problem_field errors[BINDING_ERRORS_MAX];
        const struct verification_request request = {
            str_of(rows[i].category),  str_of(rows[i].name),    str_of(rows[i].id_type),
            str_of(rows[i].id_number), str_of(rows[i].consent),
        };
        size_t count = verification_check(&request, CONSENT, TODAY, arena, errors);
        assert_errors(rows[i].title, errors, count, rows[i].expected, request.id_number);
    }
    arena_free(arena);
}

static void
says_what_to_do_about_a_request_to_verify(void **state)
{
    static const struct verification_request request = {
        {"hmt", 3}, {"x", 1}, {"IDENTITY_CARD", 13}, {CARD, 18}, {"old", 3}};
    struct arena *arena = arena_new(1024 * 1024);
    struct problem_field errors[BINDING_ERRORS_MAX];
    (void)state;
    assert_int_equal(verification_check(&request, CONSENT, TODAY, arena, errors), 2);
    assert_str(errors[0].message, "港澳台学生不需要实名认证，请直接进行学籍绑定");
    assert_str(errors[1].message, "请先阅读并同意人脸核验告知书（版本 " CONSENT "）");
    arena_free(arena);
}

static void
checks_a_request_to_bind(void **state)
{
    /* clang-format off */
    static const struct {
        const char *title;
        const char *by, *category, *name, *id_type, *id_number, *number, *school, *phone, *code;
        const char *expected;
    } rows[] = {
#define ID "IDENTITY_CARD", CARD
#define PHONE "13800138000", "012345"
        {"by name",              "name", "mainland", "张三", ID, "", "", PHONE, ""},
        {"by student number",    "student_number", "mainland", "", ID, "2023001", "10558", PHONE, ""},
        {"by number, with name", "student_number", "mainland", "张三", ID, "2023001", "10558", PHONE, ""},
        {"by number, bad name",  "student_number", "mainland", " 张三", ID, "2023001", "10558", PHONE, "name:length"},
        {"by name, none",        "name", "mainland", "", ID, "", "", PHONE, "name:length"},
        {"by name, number unread", "name", "mainland", "张三", ID, "1234567890123456", "12345678901", PHONE, ""},
        {"number of 15",         "student_number", "mainland", "", ID, "123456789012345", "10558", PHONE, ""},
        {"number of 16",         "student_number", "mainland", "", ID, "1234567890123456", "10558", PHONE, "student_number:length"},
        {"no number",            "student_number", "mainland", "", ID, "", "10558", PHONE, "student_number:length"},
        {"school of 10",         "student_number", "mainland", "", ID, "1", "4144010558", PHONE, ""},
        {"school of 11",         "student_number", "mainland", "", ID, "1", "41440105580", PHONE, "school_code:length"},
        {"no school",            "student_number", "mainland", "", ID, "1", "", PHONE, "school_code:length"},
        {"residence permit",     "name", "hmt", "陈大文", "HMT_RESIDENCE_PERMIT", PERMIT, "", "", PHONE, ""},
        {"travel permit",        "name", "hmt", "陈大文", "HM_TRAVEL_PERMIT", "H12345678", "", "", PHONE, ""},
        {"Taiwan permit",        "name", "hmt", "陈大文", "TW_TRAVEL_PERMIT", "12345678", "", "", PHONE, ""},
        {"hmt with a card",      "name", "hmt", "陈大文", ID, "", "", PHONE, "id_type:category"},
        {"foreigners",           "name", "hmt", "陈大文", "FOREIGN_PR", "CAN110101000010", "", "", PHONE, "id_type:category"},
        {"wrong permit number",  "name", "hmt", "陈大文", "HM_TRAVEL_PERMIT", "H1234567801", "", "", PHONE, "id_number:document"},
        {"no way to bind",       "", "mainland", "张三", ID, "", "", PHONE, "by:code"},
        {"another way",          "phone", "mainland", "", ID, "", "", PHONE, "by:code"},
        {"ten digits",           "name", "mainland", "张三", ID, "", "", "1380013800", "012345", "phone:phone"},
        {"Hong Kong phone",      "name", "mainland", "张三", ID, "", "", "+85291234567", "012345", "phone:phone"},
        {"Hong Kong phone, hmt", "name", "hmt", "陈大文", "HM_TRAVEL_PERMIT", "H12345678", "", "", "+85291234567", "012345", ""},
        {"mainland with its code", "name", "hmt", "陈大文", "HM_TRAVEL_PERMIT", "H12345678", "", "", "+8613800138000", "012345", "phone:phone"},
        {"code of 5",            "name", "mainland", "张三", ID, "", "", "13800138000", "12345", "phone_code:digits"},
        {"code of 7",            "name", "mainland", "张三", ID, "", "", "13800138000", "1234567", "phone_code:digits"},
        {"code with a letter",   "name", "mainland", "张三", ID, "", "", "13800138000", "12345a", "phone_code:digits"},
        {"no code",              "name", "mainland", "张三", ID, "", "", "13800138000", "", "phone_code:digits"},
        {"nothing",              "", "", "", "", "", "", "", "", "", "by:code category:code id_type:code phone:phone phone_code:digits"},
        {"all that can be wrong", "student_number", "", " ", "", "", "", "", "", "", "category:code id_type:code name:length student_number:length school_code:length phone:phone phone_code:digits"},
#undef ID
#undef PHONE
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct problem_field errors[BINDING_ERRORS_MAX];
        const struct binding_request request = {
            .by = str_of(rows[i].by),
            .category = str_of(rows[i].category),
            .name = str_of(rows[i].name),
            .id_type = str_of(rows[i].id_type),
            .id_number = str_of(rows[i].id_number),
            .student_number = str_of(rows[i].number),
            .school_code = str_of(rows[i].school),
            .phone = str_of(rows[i].phone),
            .phone_code = str_of(rows[i].code),
        };
        size_t count = binding_check(&request, TODAY, errors);
        assert_errors(rows[i].title, errors, count, rows[i].expected, request.id_number);
        assert_errors(rows[i].title, errors, count, rows[i].expected, request.phone);
    }
}

static void
checks_a_request_for_the_school_to_confirm(void **state)
{
    /* clang-format off */
    static const struct {
        const char *title;
        const char *by, *category, *name, *id_type, *id_number, *number, *school, *confirmation;
        bool face;
        const char *expected;
    } rows[] = {
        {"own card",           "name", "mainland", "张三", "IDENTITY_CARD", CARD, "", "10558", "school", false, ""},
        {"by number",          "student_number", "mainland", "张三", "IDENTITY_CARD", CARD, "1", "10558", "school", false, ""},
        {"by number, no name", "student_number", "mainland", "", "IDENTITY_CARD", CARD, "1", "10558", "school", false, "name:length"},
        {"no school",          "name", "mainland", "张三", "IDENTITY_CARD", CARD, "", "", "school", false, "school_code:length"},
        {"foreigner",          "name", "mainland", "Maria", "FOREIGN_PR", "CAN110101000010", "", "10558", "school", false, ""},
        {"foreigner, no school asked", "name", "mainland", "Maria", "FOREIGN_PR", "CAN110101000010", "", "", "", false, "id_type:confirmation"},
        {"wrong number",       "name", "mainland", "Maria", "FOREIGN_PR", "CAN1", "", "10558", "school", false, "id_number:document"},
        {"hmt",                "name", "hmt", "陈大文", "HM_TRAVEL_PERMIT", "H12345678", "", "10558", "school", false, "confirmation:category"},
        {"another word",       "name", "mainland", "张三", "IDENTITY_CARD", CARD, "", "10558", "me", false, "confirmation:code"},
        {"face",               "name", "mainland", "张三", "IDENTITY_CARD", CARD, "", "", "", true, ""},
        {"hmt, none needed",   "name", "hmt", "陈大文", "HM_TRAVEL_PERMIT", "H12345678", "", "", "", false, ""},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct problem_field errors[BINDING_ERRORS_MAX];
        const struct binding_request request = {
            .by = str_of(rows[i].by),
            .category = str_of(rows[i].category),
            .name = str_of(rows[i].name),
            .id_type = str_of(rows[i].id_type),
            .id_number = str_of(rows[i].id_number),
            .student_number = str_of(rows[i].number),
            .school_code = str_of(rows[i].school),
            .phone = STR("13800138000"),
            .phone_code = STR("012345"),
            .confirmation = str_of(rows[i].confirmation),
        };
        size_t count = binding_check(&request, TODAY, errors);
        assert_errors(rows[i].title, errors, count, rows[i].expected, request.id_number);
        assert_int_equal(binding_needs_face(&request), rows[i].face);
    }
}

static void
names_agree_but_for_the_middle_dot(void **state)
{
    /* clang-format off */
    static const struct {
        const char *a;
        const char *b;
        bool agree;
    } rows[] = {
        {"张三", "张三", true},
        {"张三", "张四", false},
        {"张三", "张三丰", false},
        {"张三丰", "张三", false},
        {"张三", "", false},
        {"", "", false},
        {"张三", "张 三", false},
        {"张三", "张三 ", false},
        {"阿依古丽·买买提", "阿依古丽·买买提", true}, /* U+00B7 */
        {"阿依古丽·买买提", "阿依古丽•买买提", true}, /* U+2022 */
        {"阿依古丽·买买提", "阿依古丽‧买买提", true}, /* U+2027 */
        {"阿依古丽·买买提", "阿依古丽・买买提", true}, /* U+30FB */
        {"阿依古丽·买买提", "阿依古丽．买买提", true}, /* U+FF0E */
        {"阿依古丽·买买提", "阿依古丽.买买提", true},
        {"阿依古丽·买买提", "阿依古丽･买买提", true}, /* U+FF65 */
        {"阿依古丽·买买提", "阿依古丽∙买买提", true}, /* U+2219 */
        {"阿依古丽•买买提", "阿依古丽．买买提", true},
        {"阿依古丽·买买提", "阿依古丽买买提", false},
        {"阿依古丽·买买提", "阿依古丽-买买提", false},
        {"阿依古丽·买买提", "阿依古丽··买买提", false},
        {"·", ".", true},
        {"𠮷三", "𠮷三", true},
        {"𠮷三", "吉三", false},
        {"Li", "li", false},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (names_agree(str_of(rows[i].a), str_of(rows[i].b)) != rows[i].agree)
            fail_msg("'%s' and '%s'", rows[i].a, rows[i].b);
        assert_int_equal(names_agree(str_of(rows[i].b), str_of(rows[i].a)), rows[i].agree);
    }
}

static void
a_face_passes_for_one_answer_only(void **state)
{
    static const struct {
        enum wechat_outcome outcome;
        int64_t verify_ret;
        enum face_state state;
        const char *reason; /* "": untouched */
    } rows[] = {
        {WECHAT_OK, 10000, FACE_PASSED, ""},
        {WECHAT_OK, 0, FACE_PENDING, ""}, /* an errcode of 0 alone is no pass */
        {WECHAT_OK, -1, FACE_PENDING, ""},
        {WECHAT_OK, 9999, FACE_PENDING, ""},
        {WECHAT_OK, 10001, FACE_FAILED, "parameter"},
        {WECHAT_OK, 10002, FACE_FAILED, "parameter"},
        {WECHAT_OK, 10003, FACE_FAILED, "mismatch"},
        {WECHAT_OK, 10004, FACE_FAILED, "face-mismatch"},
        {WECHAT_OK, 10005, FACE_PENDING, ""},
        {WECHAT_OK, 10020, FACE_FAILED, "timeout"},
        {WECHAT_OK, 10026, FACE_FAILED, "no-record"},
        {WECHAT_OK, 10042, FACE_FAILED, "too-frequent"},
        {WECHAT_OK, 90000, FACE_PENDING, ""},
        {WECHAT_OK, 90001, FACE_FAILED, "device"},
        {WECHAT_OK, 90002, FACE_FAILED, "cancelled"},
        {WECHAT_OK, 90006, FACE_FAILED, "cancelled"},
        {WECHAT_OK, 90007, FACE_FAILED, "network"},
        {WECHAT_OK, 90008, FACE_FAILED, "permission"},
        {WECHAT_OK, 90010, FACE_FAILED, "permission"},
        {WECHAT_OK, 90011, FACE_FAILED, "capture"},
        {WECHAT_OK, 90012, FACE_FAILED, "network"},
        {WECHAT_OK, 90013, FACE_FAILED, "capture"},
        {WECHAT_OK, 90014, FACE_FAILED, "capture"},
        {WECHAT_OK, 90017, FACE_FAILED, "timeout"},
        {WECHAT_OK, 90018, FACE_FAILED, "system"},
        {WECHAT_OK, 90104, FACE_FAILED, "system"},
        {WECHAT_OK, 90199, FACE_FAILED, "system"},
        {WECHAT_OK, 90200, FACE_PENDING, ""},
        {WECHAT_REQUEST, 10000, FACE_FAILED, "rejected"}, /* another identity or openid */
        {WECHAT_CODE_INVALID, 10000, FACE_FAILED, "rejected"},
        {WECHAT_USER_REFUSED, 10000, FACE_PENDING, ""},
        {WECHAT_TOKEN_STALE, 10000, FACE_PENDING, ""},
        {WECHAT_BUSY, 10000, FACE_PENDING, ""},
        {WECHAT_MISCONFIGURED, 10000, FACE_PENDING, ""},
        {WECHAT_BUSY, 10003, FACE_PENDING, ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *reason = "";
        enum face_state face = face_decide(rows[i].outcome, rows[i].verify_ret, &reason);
        if (face != rows[i].state || strcmp(reason, rows[i].reason) != 0)
            fail_msg("%s %lld: %d '%s'", wechat_outcome_name(rows[i].outcome),
                     (long long)rows[i].verify_ret, (int)face, reason);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_two_categories),
        cmocka_unit_test(a_category_shows_its_own_documents_only),
        cmocka_unit_test(limits_are_those_of_the_contract),
        cmocka_unit_test(checks_a_request_to_verify),
        cmocka_unit_test(says_what_to_do_about_a_request_to_verify),
        cmocka_unit_test(checks_a_request_to_bind),
        cmocka_unit_test(checks_a_request_for_the_school_to_confirm),
        cmocka_unit_test(names_agree_but_for_the_middle_dot),
        cmocka_unit_test(a_face_passes_for_one_answer_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
