#include "tests/unit/test.h"

#include <openssl/hmac.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/keyring.h"
#include "io/secret_file.h"

#define KEY_A "1111111111111111111111111111111111111111111111111111111111111111"
#define KEY_C "3333333333333333333333333333333333333333333333333333333333333333"
#define KEY_D "4444444444444444444444444444444444444444444444444444444444444444"

static char path[] = "/tmp/sy-keyring-XXXXXX";

static void
write_keys(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static struct keyring *
load(const char *text)
{
    struct keyring *keyring = NULL;
    write_keys(text, 0600);
    assert_works(keyring_load(path, &keyring, &err));
    return keyring;
}

static const char good[] =
    "# test\nseal k1 " KEY_A "\nindex i1 " KEY_C "\nsubmission s1 " KEY_D "\n";
static void
refuses_a_key_file_that_is_not_fit(void **state)
{
    (void)state;
    struct keyring *keyring = NULL;
    write_keys(good, 0644);
    assert_fails(keyring_load(path, &keyring, &err), ERR_CONFIG, "HINT: chmod 400");
    write_keys("seal k1 " KEY_A "\n", 0600);
    assert_fails(keyring_load(path, &keyring, &err), ERR_CONFIG, "no 'index' key");
    write_keys("seal k1 0000000000000000000000000000000000000000000000000000000000000000\n", 0600);
    assert_fails(keyring_load(path, &keyring, &err), ERR_CONFIG, "line 1");
    write_keys("seal k1 12\n", 0600);
    assert_fails(keyring_load(path, &keyring, &err), ERR_CONFIG, "line 1");
    write_keys("index i1 " KEY_A " aes-256-gcm\n", 0600);
    assert_fails(keyring_load(path, &keyring, &err), ERR_CONFIG, "line 1");
    write_keys("seal k1 " KEY_A " rot13\n", 0600);
    assert_fails(keyring_load(path, &keyring, &err), ERR_CONFIG, "for seal keys also a suite");
    write_keys("seal k1 " KEY_A "\nseal k1 " KEY_C "\n", 0600);
    assert_fails(keyring_load(path, &keyring, &err), ERR_CONFIG,
                 "two 'seal' keys 'k1'; HINT: a new key takes a new id");
    write_keys("seal k1 " KEY_A "\nindex i1 " KEY_A "\n", 0600);
    assert_fails(keyring_load(path, &keyring, &err), ERR_CONFIG,
                 "the same key as 'seal k1' and 'index i1'; HINT: openssl rand -hex 32");
    assert_fails(keyring_load("/nowhere/keys", &keyring, &err), ERR_CONFIG,
                 "cannot read key file '/nowhere/keys'");
    assert_fails(keyring_load("/tmp", &keyring, &err), ERR_CONFIG, "not a regular file");
}

#define RANDOM_A "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define RANDOM_B "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
#define RANDOM_C "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"

static void
tells_random_keys_from_patterns_and_demonstrations(void **state)
{
    (void)state;
    struct keyring *keyring =
        load("seal k1 " RANDOM_A "\nindex i1 " RANDOM_B "\nsubmission s1 " RANDOM_C "\n");
    assert_works(keyring_check_production(keyring, &err));
    keyring_free(keyring);
    static const char *const weak[] = {
        KEY_A, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff01"};
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        char text[512];
        (void)snprintf(text, sizeof text,
                       "seal k1 " RANDOM_A "\nindex i1 " RANDOM_B "\nsubmission s1 %s\n", weak[i]);
        keyring = load(text);
        assert_fails(keyring_check_production(keyring, &err), ERR_CONFIG,
                     "key 'submission s1' is a pattern, not a random key; HINT: openssl rand");
        keyring_free(keyring);
    }
    keyring = load("# demonstration keys: never for production\nseal k1 " RANDOM_A
                   "\nindex i1 " RANDOM_B "\nsubmission s1 " RANDOM_C "\n");
    assert_fails(keyring_check_production(keyring, &err), ERR_CONFIG,
                 "made for a demonstration; HINT: write one of your own");
    keyring_free(keyring);
}

static void
reads_a_secret_that_only_its_owner_can(void **state)
{
    char secret[8];
    (void)state;
    write_keys("word\nmore\n", 0400);
    assert_works(secret_file_read("secret file", path, secret, sizeof secret, &err));
    assert_string_equal(secret, "word");
    write_keys("1234567", 0600); /* as long as fits, without a newline */
    assert_works(secret_file_read("secret file", path, secret, sizeof secret, &err));
    assert_string_equal(secret, "1234567");
    write_keys("12345678\n", 0600);
    assert_fails(secret_file_read("secret file", path, secret, sizeof secret, &err), ERR_CONFIG,
                 "more than 7 characters");
    write_keys("\n", 0600);
    assert_fails(secret_file_read("secret file", path, secret, sizeof secret, &err), ERR_CONFIG,
                 "is empty");
    for (mode_t bit = 1; bit < 0100; bit <<= 1) {
        write_keys("word\n", 0600 | bit);
        assert_fails(secret_file_read("secret file", path, secret, sizeof secret, &err), ERR_CONFIG,
                     "can be read by others; HINT: chmod 400 it");
    }
}

static void
gives_the_same_submission_id_for_the_same_key_of_the_same_student(void **state)
{
    (void)state;
    struct keyring *keyring = load(good);
    char a[SUBMISSION_ID_SIZE];
    char b[SUBMISSION_ID_SIZE];
    submission_id_make(keyring, STR("stu-1"), STR("c"), STR("key"), a);
    submission_id_make(keyring, STR("stu-1"), STR("c"), STR("key"), b);
    assert_string_equal(a, b);
    assert_true(uuid_valid(str_of(a)));
    assert_int_equal(a[14], '8');
    assert_true(submission_id_is_of(keyring, STR("stu-1"), STR("c"), str_of(a)));
    assert_false(submission_id_is_of(keyring, STR("stu-2"), STR("c"), str_of(a)));
    assert_false(submission_id_is_of(keyring, STR("stu-1"), STR("d"), str_of(a)));
    submission_id_make(keyring, STR("stu-1"), STR("c"), STR("other"), b);
    assert_string_not_equal(a, b);
    submission_id_make(keyring, STR("stu-2"), STR("c"), STR("key"), b);
    assert_string_not_equal(a, b);
    keyring_free(keyring);
}

static void
index_depends_on_key_and_domain(void **state)
{
    (void)state;
    struct keyring *keyring = load(good);
    char a[INDEX_HEX_SIZE];
    char b[INDEX_HEX_SIZE];
    char plain[SHA256_HEX_SIZE];
    keyring_index(keyring, "phone", STR("x"), a);
    keyring_index(keyring, "document", STR("x"), b);
    assert_string_not_equal(a, b);
    crypto_sha256_hex(STR("x"), plain);
    assert_memory_not_equal(a, plain, 32);
    keyring_free(keyring);
}

static void
base64_follows_rfc_4648(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"}};
    static const char *const wrong[] = {
        "Zg", "Zg=", "Zh==", "Z===", "Zm9v\n", "Zm9v Zg==", "Zg==Zg=="};
    char out[16];
    size_t length;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf buf;
        buf_init(&buf, 64);
        base64_encode(&buf, str_of(rows[i][0]));
        assert_true(str_eq_text(buf_str(&buf), rows[i][1]));
        assert_true(base64_decode(str_of(rows[i][1]), out, sizeof out, &length));
        assert_true(str_eq((struct str){out, length}, str_of(rows[i][0])));
        buf_done(&buf);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (base64_decode(str_of(wrong[i]), out, sizeof out, &length))
            fail_msg("accepted '%s'", wrong[i]);
}

/* RFC 4231 test cases 2 and 3, FIPS 180-4's "abc"; by turns, because contexts are used again. */
static void
hashes_as_published(void **state)
{
    char key3[20];
    char data3[50];
    unsigned char digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    (void)state;
    memset(key3, 0xAA, sizeof key3);
    memset(data3, 0xDD, sizeof data3);
    const struct {
        struct str key; /* STR_NONE: no key, SHA-256 */
        struct str data;
        const char *hex;
    } rows[] = {
        {STR("Jefe"), STR("what do ya want for nothing?"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {STR_NONE, STR("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {{key3, sizeof key3},
         {data3, sizeof data3},
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {STR_NONE, STR(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    };
    enum { ROWS = sizeof rows / sizeof rows[0] };
    for (size_t i = 0; i < 2 * (size_t)ROWS; i++) {
        if (rows[i % ROWS].key.ptr)
            crypto_hmac_sha256(rows[i % ROWS].key, rows[i % ROWS].data, digest);
        else
            crypto_sha256(rows[i % ROWS].data, digest);
        hex_encode(digest, sizeof digest, hex);
        assert_string_equal(hex, rows[i % ROWS].hex);
    }
}

/* Of keys of 32 bytes a thread keeps a few ready: more of them than it keeps, by turns and again.
 */
static void
hashes_alike_under_keys_seen_before(void **state)
{
    enum { KEYS = 7, TIMES = 5 };
    (void)state;
    for (size_t i = 0; i < (size_t)KEYS * TIMES; i++) {
        unsigned char key[32];
        unsigned char digest[SHA256_SIZE];
        unsigned char wanted[SHA256_SIZE];
        unsigned wanted_size = 0;
        memset(key, (int)(i * i % KEYS), sizeof key);
        key[31] = (unsigned char)(i % KEYS);
        struct str data = {"abcdefghijklmnopqrstuvwxyz0123456789", i};
        crypto_hmac_sha256((struct str){(char *)key, sizeof key}, data, digest);
        assert_non_null(HMAC(EVP_sha256(), key, sizeof key, (const unsigned char *)data.ptr,
                             data.len, wanted, &wanted_size));
        assert_memory_equal(digest, wanted, SHA256_SIZE);
    }
}

static void
nonces_do_not_repeat(void **state)
{
    enum { COUNT = 1000 };
    static unsigned char nonces[COUNT][12];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        crypto_nonce(nonces[i], sizeof nonces[i]);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(nonces[i], nonces[k], sizeof nonces[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_key_file_that_is_not_fit),
        cmocka_unit_test(tells_random_keys_from_patterns_and_demonstrations),
        cmocka_unit_test(reads_a_secret_that_only_its_owner_can),
        cmocka_unit_test(gives_the_same_submission_id_for_the_same_key_of_the_same_student),
        cmocka_unit_test(index_depends_on_key_and_domain),
        cmocka_unit_test(base64_follows_rfc_4648),
        cmocka_unit_test(hashes_as_published),
        cmocka_unit_test(hashes_alike_under_keys_seen_before),
        cmocka_unit_test(nonces_do_not_repeat),
    };
    int file = mkstemp(path);
    if (file < 0)
        return 1;
    (void)close(file);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path);
    return failed;
}
