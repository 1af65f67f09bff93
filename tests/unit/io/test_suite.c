/* The library's SM4, SM3 and AES-GCM against published vectors: what the suites stand on. */
#include "tests/unit/test.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "io/crypto.h"

enum { BYTES_MAX = 128 };

static size_t
bytes_from(const char *hex, unsigned char out[BYTES_MAX])
{
    size_t size = strlen(hex) / 2;
    assert_true(size <= BYTES_MAX && hex_decode(str_of(hex), out, size));
    return size;
}

static void
sm4_encrypts_as_published(void **state)
{
    static const struct {
        const EVP_CIPHER *(*cipher)(void);
        const char *key;
        const char *iv;
        const char *plain;
        const char *text;
    } rows[] = {
        /* GB/T 32907-2016, A.1 */
        {EVP_sm4_ecb, "0123456789abcdeffedcba9876543210", "00000000000000000000000000000000",
         "0123456789abcdeffedcba9876543210", "681edf34d206965e86b3e94f536e4246"},
        /* draft-ribose-cfrg-sm4-10, A.2.5.1, the first three blocks */
        {EVP_sm4_ctr, "0123456789abcdeffedcba9876543210", "000102030405060708090a0b0c0d0e0f",
         "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeee"
         "ffffffffffffffff",
         "ac3236cb970cc20791364c395a1342d1a3cbc1878c6f30cd074cce385cdd70c7f234bc0e24c11980"
         "fd1286310ce37b92"},
        /* NIST SP 800-38A, F.5.5: the same mode with AES */
        {EVP_aes_256_ctr, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
         "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "6bc1bee22e409f96e93d7e117393172a",
         "601ec313775789a5b7a7f504bbf3d228"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned char key[BYTES_MAX];
        unsigned char iv[BYTES_MAX];
        unsigned char plain[BYTES_MAX];
        unsigned char out[BYTES_MAX];
        char hex[2 * BYTES_MAX + 1];
        int length = 0;
        (void)bytes_from(rows[i].key, key);
        (void)bytes_from(rows[i].iv, iv);
        size_t size = bytes_from(rows[i].plain, plain);
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        assert_int_equal(EVP_EncryptInit_ex(ctx, rows[i].cipher(), NULL, key, iv), 1);
        assert_int_equal(EVP_CIPHER_CTX_set_padding(ctx, 0), 1);
        assert_int_equal(EVP_EncryptUpdate(ctx, out, &length, plain, (int)size), 1);
        assert_int_equal(length, size);
        hex_encode(out, size, hex);
        assert_string_equal(hex, rows[i].text);
        EVP_CIPHER_CTX_free(ctx);
    }
}

static void
sm3_hashes_as_published(void **state)
{
    static const struct {
        const char *key; /* in hex; NULL: the plain hash */
        const char *text;
        const char *hash;
    } rows[] = {
        /* GB/T 32905-2016, A.1 and A.2 */
        {NULL, "abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"},
        {NULL, "abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd",
         "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"},
        /* GM/T 0042-2015, D.3 */
        {"0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
         "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopqabcdbcdecdefdefgefghfghighij"
         "hijkijkljklmklmnlmnomnopnopq",
         "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned char out[EVP_MAX_MD_SIZE];
        unsigned char key[BYTES_MAX];
        char hex[65];
        unsigned length = 0;
        const unsigned char *text = (const unsigned char *)rows[i].text;
        if (rows[i].key)
            (void)HMAC(EVP_sm3(), key, (int)bytes_from(rows[i].key, key), text,
                       strlen(rows[i].text), out, &length);
        else
            (void)EVP_Digest(text, strlen(rows[i].text), out, &length, EVP_sm3(), NULL);
        assert_int_equal(length, 32);
        hex_encode(out, 32, hex);
        assert_string_equal(hex, rows[i].hash);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sm4_encrypts_as_published),
        cmocka_unit_test(sm3_hashes_as_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
