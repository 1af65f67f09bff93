#include "tests/unit/test.h"

#include "runtime/session_news.h"
#include "services/authorization/domain.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

#define C64 "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
#define C512 C64 C64 C64 C64 C64 C64 C64 C64

static void
knows_two_channels(void **state)
{
    static const struct {
        const char *text;
        enum login_channel channel; /* LOGIN_CHANNEL_COUNT_: none */
    } rows[] = {
        {"mini_program", LOGIN_MINI_PROGRAM}, {"h5", LOGIN_H5},
        {"H5", LOGIN_CHANNEL_COUNT_},         {"mini-program", LOGIN_CHANNEL_COUNT_},
        {"", LOGIN_CHANNEL_COUNT_},           {"h5 ", LOGIN_CHANNEL_COUNT_},
        {"h", LOGIN_CHANNEL_COUNT_},          {"mini_programs", LOGIN_CHANNEL_COUNT_},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum login_channel channel = LOGIN_CHANNEL_COUNT_;
        bool known = login_channel_parse(str_of(rows[i].text), &channel);
        assert_int_equal(known, rows[i].channel != LOGIN_CHANNEL_COUNT_);
        assert_int_equal(channel, rows[i].channel);
    }
}

static void
checks_a_request_to_log_in(void **state)
{
    /* clang-format off */
    static const struct {
        const char *channel;
        const char *code;
        const char *consent;
        const char *expected; /* "field:rule field:rule" */
    } rows[] = {
        {"mini_program", "0a1B2c3D",   "2026-09", ""},
        {"h5",           "0a1B2c3D",   "2026-09", ""},
        {"h5",           "!~",         "2026-09", ""},
        {"h5",           "x",          "2026-09", ""},
        {"h5",           C512,         "2026-09", ""},
        {"h5",           C512 "x",     "2026-09", "code:characters"},
        {"h5",           "",           "2026-09", "code:characters"},
        {"h5",           "a b",        "2026-09", "code:characters"},
        {"h5",           "a\n",        "2026-09", "code:characters"},
        {"h5",           "a\x7f",      "2026-09", "code:characters"},
        {"h5",           "验证码",      "2026-09", "code:characters"},
        {"web",          "0a1B2c3D",   "2026-09", "channel:code"},
        {"",             "0a1B2c3D",   "2026-09", "channel:code"},
        {"h5",           "0a1B2c3D",   "2026-08", "consent_version:in-force"},
        {"h5",           "0a1B2c3D",   "2026-10", "consent_version:in-force"},
        {"h5",           "0a1B2c3D",   "",        "consent_version:in-force"},
        {"h5",           "0a1B2c3D",   "2026-09 ", "consent_version:in-force"},
        {"",             "",           "",        "channel:code code:characters consent_version:in-force"},
    };
    /* clang-format on */
    struct arena *arena = arena_new(1024 * 1024);
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct problem_field errors[3];
        struct buf text;
        size_t count = login_check(str_of(rows[i].channel), str_of(rows[i].code),
                                   str_of(rows[i].consent), "2026-09", arena, errors);
        buf_init(&text, 256);
        for (size_t k = 0; k < count; k++) {
            buf_printf(&text, "%s%s:%s", k ? " " : "", errors[k].field, errors[k].rule);
            assert_true(errors[k].message.len > 0 && utf8_valid(errors[k].message));
        }
        if (!str_eq_text(buf_str(&text), rows[i].expected))
            fail_msg("row %zu: '%.*s'", i, STR_ARG(buf_str(&text)));
        buf_done(&text);
    }
    arena_free(arena);
}

static void
says_which_consent_is_in_force_and_never_shows_the_code(void **state)
{
    struct arena *arena = arena_new(1024 * 1024);
    struct problem_field errors[3];
    (void)state;
    assert_int_equal(login_check(STR("web"), STR("sec ret"), STR("old"), "2026-09", arena, errors),
                     3);
    assert_str(errors[0].message, "登录渠道只能是 mini_program 或 h5");
    assert_str(errors[1].message, "登录凭证格式不对，请重新授权");
    assert_str(errors[2].message, "请先阅读并同意现行的用户告知书（版本 2026-09）");
    arena_free(arena);
}

static void
an_outcome_is_the_users_or_ours(void **state)
{
    static const struct {
        enum wechat_outcome outcome;
        enum problem_id problem; /* PROBLEM_COUNT_: a failure of ours or theirs */
    } rows[] = {
        {WECHAT_CODE_INVALID, PROBLEM_LOGIN_CODE_INVALID},
        {WECHAT_USER_REFUSED, PROBLEM_LOGIN_REFUSED},
        {WECHAT_OK, PROBLEM_COUNT_},
        {WECHAT_TOKEN_STALE, PROBLEM_COUNT_},
        {WECHAT_BUSY, PROBLEM_COUNT_},
        {WECHAT_REQUEST, PROBLEM_COUNT_},
        {WECHAT_MISCONFIGURED, PROBLEM_COUNT_},
    };
    (void)state;
    assert_int_equal(COUNT(rows), WECHAT_MISCONFIGURED + 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum problem_id problem = PROBLEM_COUNT_;
        assert_int_equal(login_refusal(rows[i].outcome, &problem),
                         rows[i].problem != PROBLEM_COUNT_);
        assert_int_equal(problem, rows[i].problem);
    }
}

/* A session that knows news `sequence`; bound or not. */
static struct session
session_make(int64_t sequence, bool bound)
{
    struct session session = {.identity_sequence = sequence, .document_index = STR("old-document")};
    session.account_id = STR("acc-1");
    session.channel = STR("h5");
    if (!bound)
        return session;
    session.student_id = STR("old-student");
    session.school_code = STR("old-school");
    session.phone_index = STR("old-index");
    session.phone_sealed = STR("old-phone");
    session.card_sealed = STR("old-card");
    return session;
}

static void
a_session_takes_news_it_does_not_know_yet(void **state)
{
    /* Expected: whether it changes, and whose document and binding it tells afterwards. */
    static const struct {
        const char *title;
        int64_t known;
        bool bound;
        int64_t sequence;
        const char *kind;
        bool changes;
        const char *document;
        const char *student;
    } rows[] = {
        {"verified", 0, false, 1, "verified", true, "new-document", ""},
        {"bound", 1, false, 2, "bound", true, "new-document", "new-student"},
        {"phone changed", 2, true, 3, "phone_changed", true, "new-document", "new-student"},
        {"a face check leaves a binding alone", 2, true, 3, "verified", true, "old-document",
         "old-student"},
        {"a gap does not matter", 2, true, 9, "bound", true, "new-document", "new-student"},
        {"the same again", 2, true, 2, "bound", false, "old-document", "old-student"},
        {"older", 2, true, 1, "bound", false, "old-document", "old-student"},
        {"older, verified", 2, false, 1, "verified", false, "old-document", ""},
        {"bound again to another", 2, true, 3, "bound", true, "new-document", "new-student"},
    };
    static const struct identity_changed news_all = {
        .account_id = {"acc-1", 5},
        .document_index = {"new-document", 12},
        .student_id = {"new-student", 11},
        .school_code = {"new-school", 10},
        .phone_index = {"new-index", 9},
        .phone_sealed = {"new-phone", 9},
        .card_sealed = {"new-card", 8},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct session session = session_make(rows[i].known, rows[i].bound);
        struct identity_changed news = news_all;
        news.sequence = rows[i].sequence;
        news.kind = str_of(rows[i].kind);
        if (session_take_news(&session, &news) != rows[i].changes)
            fail_msg("%s: changes %d", rows[i].title, !rows[i].changes);
        assert_int_equal(session.identity_sequence,
                         rows[i].changes ? rows[i].sequence : rows[i].known);
        assert_str(session.document_index, rows[i].document);
        assert_str(session.student_id, rows[i].student);
        /* The binding is taken whole or not at all. */
        bool taken = str_eq(session.student_id, STR("new-student"));
        assert_int_equal(str_eq(session.school_code, STR("new-school")), taken);
        assert_int_equal(str_eq(session.phone_index, STR("new-index")), taken);
        assert_int_equal(str_eq(session.phone_sealed, STR("new-phone")), taken);
        assert_int_equal(str_eq(session.card_sealed, STR("new-card")), taken);
        assert_str(session.account_id, "acc-1");
        assert_str(session.channel, "h5");
    }
}

static void
what_can_be_no_log_in_of_staff_is_said(void **state)
{
    static const struct {
        const char *account;
        const char *password;
        const char *code;
        const char *fields;
    } rows[] = {
        {"wang", "x", "012345", ""},
        {"Wang", "x", "012345", "account "},
        {"wang", "", "012345", "password "},
        {"wang", "x", "01234", "one_time_code "},
        {"wang", "x", "0123456", "one_time_code "},
        {"wang", "x", "01234/", "one_time_code "},
        {"wang", "x", "01234:", "one_time_code "},
        {"", "", "", "account password one_time_code "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct problem_field errors[3];
        char fields[128] = "";
        size_t count = staff_login_check(str_of(rows[i].account), str_of(rows[i].password),
                                         str_of(rows[i].code), errors);
        for (size_t k = 0; k < count; k++) {
            strncat(fields, errors[k].field, sizeof fields - strlen(fields) - 1);
            strncat(fields, " ", sizeof fields - strlen(fields) - 1);
        }
        assert_string_equal(fields, rows[i].fields);
    }
    char text[129];
    struct problem_field errors[3];
    memset(text, 'x', sizeof text);
    assert_int_equal(staff_login_check(STR("wang"), (struct str){text, 128}, STR("012345"), errors),
                     0);
    assert_int_equal(staff_login_check(STR("wang"), (struct str){text, 129}, STR("012345"), errors),
                     1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_two_channels),
        cmocka_unit_test(checks_a_request_to_log_in),
        cmocka_unit_test(says_which_consent_is_in_force_and_never_shows_the_code),
        cmocka_unit_test(an_outcome_is_the_users_or_ours),
        cmocka_unit_test(a_session_takes_news_it_does_not_know_yet),
        cmocka_unit_test(what_can_be_no_log_in_of_staff_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
