/* Passwords and one-time codes of staff, by the vectors of their RFCs. */
#include "tests/unit/test.h"

#include "io/password.h"

static void
codes_are_those_of_rfc_6238(void **state)
{
    /* Appendix B, SHA-1, the last six of its eight digits. */
    static const struct {
        uint64_t seconds;
        const char *code;
    } rows[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
                {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    const unsigned char *secret = (const unsigned char *)"12345678901234567890";
    char code[TOTP_CODE_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        totp_code(secret, rows[i].seconds / TOTP_STEP_S, code);
        assert_string_equal(code, rows[i].code);
    }
}

static void
a_code_is_good_one_step_around_and_once(void **state)
{
    const unsigned char *secret = (const unsigned char *)"12345678901234567890";
    const uint64_t step = 1111111109 / TOTP_STEP_S;
    const int64_t start_s = (int64_t)step * TOTP_STEP_S;
    (void)state;
    assert_int_equal(totp_step_of(secret, STR("081804"), start_s, 0), step);
    assert_int_equal(totp_step_of(secret, STR("081804"), start_s - 1, 0), step);
    assert_int_equal(totp_step_of(secret, STR("081804"), start_s - TOTP_STEP_S, 0), step);
    assert_int_equal(totp_step_of(secret, STR("081804"), start_s - TOTP_STEP_S - 1, 0), 0);
    assert_int_equal(totp_step_of(secret, STR("081804"), start_s + 2 * TOTP_STEP_S - 1, 0), step);
    assert_int_equal(totp_step_of(secret, STR("081804"), start_s + 2 * TOTP_STEP_S, 0), 0);
    assert_int_equal(totp_step_of(secret, STR("081804"), start_s, step - 1), step);
    assert_int_equal(totp_step_of(secret, STR("081804"), start_s, step), 0);
    assert_int_equal(totp_step_of(secret, STR("08180"), start_s, 0), 0);
    assert_int_equal(totp_step_of(secret, STR("181804"), start_s, 0), 0);
}

static void
secrets_are_written_as_apps_take_them(void **state)
{
    char text[TOTP_BASE32_SIZE];
    (void)state;
    totp_base32((const unsigned char *)"12345678901234567890", text);
    assert_string_equal(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}

static void
a_password_fits_its_verifier_only(void **state)
{
    char verifier[PASSWORD_VERIFIER_SIZE];
    char again[PASSWORD_VERIFIER_SIZE];
    (void)state;
    password_verifier(STR("correct horse"), verifier);
    password_verifier(STR("correct horse"), again);
    assert_string_not_equal(verifier, again); /* salted */
    assert_int_equal(strlen(verifier), strlen(password_of_nobody));
    assert_memory_equal(verifier, password_of_nobody, strlen("scrypt$15$8$3$"));
    assert_true(password_check(STR("correct horse"), str_of(verifier)));
    assert_false(password_check(STR("correct horsf"), str_of(verifier)));
    assert_false(password_check(STR(""), str_of(verifier)));
    assert_false(password_check(STR(""), str_of(password_of_nobody)));
}

static void
verifiers_keep_their_cost(void **state)
{
    /* RFC 7914, section 12, has salts of other lengths; this one is
     * hashlib.scrypt(b"pleaseletmein", salt=b"SodiumChlorideXX", n=16, r=8, p=1, dklen=32). */
    static const char weak[] =
        "scrypt$4$8$1$U29kaXVtQ2hsb3JpZGVYWA==$KiAOkoXYQX70hkG3WcUbNJBJwdgtjo3vr9CiDfV/wc0=";
    static const char *const bad[] = {
        "",
        "scrypt",
        "argon$4$8$1$U29kaXVtQ2hsb3JpZGVYWA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$0$8$1$U29kaXVtQ2hsb3JpZGVYWA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$21$8$1$U29kaXVtQ2hsb3JpZGVYWA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$4$0$1$U29kaXVtQ2hsb3JpZGVYWA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$4$9$1$U29kaXVtQ2hsb3JpZGVYWA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$4$8$0$U29kaXVtQ2hsb3JpZGVYWA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$4$8$17$U29kaXVtQ2hsb3JpZGVYWA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$4$8$1$U29kaXVt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$4$8$1$U29kaXVtQ2hsb3JpZGVYWA==$AAAA",
        "scrypt$4$8$1$U29kaXVtQ2hsb3JpZGVYWA==",
    };
    (void)state;
    assert_true(password_check(STR("pleaseletmein"), str_of(weak)));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (password_check(STR("pleaseletmein"), str_of(bad[i])))
            fail_msg("row %zu", i);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_those_of_rfc_6238),
        cmocka_unit_test(a_code_is_good_one_step_around_and_once),
        cmocka_unit_test(secrets_are_written_as_apps_take_them),
        cmocka_unit_test(a_password_fits_its_verifier_only),
        cmocka_unit_test(verifiers_keep_their_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
