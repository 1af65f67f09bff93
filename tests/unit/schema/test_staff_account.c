/* What an account may be called, and what its password has to be. */
#include "tests/unit/test.h"

#include "schema/staff_account.h"

static void
accounts(void **state)
{
    static const struct {
        const char *account;
        bool valid;
    } rows[] = {
        {"abc", true},
        {"0bc", true},
        {"a.-", true},
        {"a_b.c-d", true},
        {"ab", false},
        {"", false},
        {".bc", false},
        {"-bc", false},
        {"Abc", false},
        {"ab c", false},
        {"ab\xC3\xA4", false},
        {"abcdefghijklmnopqrstuvwxyz012345", true},
        {"abcdefghijklmnopqrstuvwxyz0123456", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (staff_account_valid(str_of(rows[i].account)) != rows[i].valid)
            fail_msg("%s", rows[i].account);
}

static void
passwords(void **state)
{
    static const struct {
        const char *password;
        const char *said; /* NULL: it will do */
    } rows[] = {
        {"Abcdefghij12", NULL},
        {"abcdefghij1-", NULL},
        {"Abcdefghijk-", NULL},
        {"Abcdefghij1", "太短"},
        {"abcdefghij12", "太简单"},
        {"ABCDEFGHIJ12", "太简单"},
        {"abcdefghijklmnopqrs", "太简单"}, /* 19 of one kind */
        {"abcdefghijklmnopqrst", NULL},    /* 20 */
        {"correct horse battery staple", NULL},
        {"Aa1Aa1Aa1Aa1", "重复"},
        {"Aa1-bAa1-bAa1", "重复"}, /* five different ones */
        {"Aa1-bcAa1-bc", NULL},    /* six */
        {"Wang.liAbcd1", "账号"},
        {"xxWANG.LI-123", "账号"},
        {"Wang.l-Abcd12", NULL},
        {"Abcdefghij1\x1F", "半角"},
        {"Abcdefghij1\x7F", "半角"},
        {"Abcdefghij1\xC3\xA4", "半角"},
    };
    char longest[STAFF_PASSWORD_MAX + 2];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *said = staff_password_refusal(str_of(rows[i].password), STR("wang.li"));
        if ((said == NULL) != (rows[i].said == NULL) ||
            (said && strstr(said, rows[i].said) == NULL))
            fail_msg("%s: %s", rows[i].password, said ? said : "taken");
    }
    assert_null(staff_password_refusal(STR("Wang.liAbcd1"), STR("")));
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = (char)('a' + i % 26);
    assert_null(staff_password_refusal((struct str){longest, STAFF_PASSWORD_MAX}, STR("wang.li")));
    assert_non_null(strstr(
        staff_password_refusal((struct str){longest, STAFF_PASSWORD_MAX + 1}, STR("wang.li")),
        "太长"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accounts),
        cmocka_unit_test(passwords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
