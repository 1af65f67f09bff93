#include "io/password.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>

#include "base/buf.h"

enum { SALT_SIZE = 16, HASH_SIZE = 32, COST_LOG2 = 15, COST_LOG2_MAX = 20, BLOCK = 8, TIMES = 3 };
enum { TIMES_MAX = 16, STEPS_AROUND = 1, SHA1_SIZE = 20 };

const char password_of_nobody[] =
    "scrypt$15$8$3$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/* Only an unusable libcrypto, or no memory. */
static void
scrypt(struct str password, const unsigned char salt[SALT_SIZE], unsigned cost_log2, uint32_t block,
       uint32_t times, unsigned char hash[HASH_SIZE])
{
    uint64_t cost = UINT64_C(1) << cost_log2;
    uint64_t memory_max = 2 * 128 * cost * block;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)(uintptr_t)password.ptr,
                                          password.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, SALT_SIZE),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &cost),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &block),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &times),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory_max),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    if (context == NULL || EVP_KDF_derive(context, hash, HASH_SIZE, params) != 1)
        mem_exhausted();
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

void
password_verifier(struct str password, char ret_verifier[PASSWORD_VERIFIER_SIZE])
{
    unsigned char salt[SALT_SIZE];
    unsigned char hash[HASH_SIZE];
    struct buf text;
    crypto_random(salt, sizeof salt);
    scrypt(password, salt, COST_LOG2, BLOCK, TIMES, hash);
    buf_init(&text, PASSWORD_VERIFIER_SIZE - 1);
    buf_printf(&text, "scrypt$%d$%d$%d$", COST_LOG2, BLOCK, TIMES);
    base64_encode(&text, (struct str){(const char *)salt, sizeof salt});
    buf_add_char(&text, '$');
    base64_encode(&text, (struct str){(const char *)hash, sizeof hash});
    (void)snprintf(ret_verifier, PASSWORD_VERIFIER_SIZE, "%.*s", STR_ARG(buf_str(&text)));
    buf_done(&text);
    crypto_wipe(hash, sizeof hash);
}

bool
password_check(struct str password, struct str verifier)
{
    unsigned char salt[SALT_SIZE];
    unsigned char wanted[HASH_SIZE];
    unsigned char hash[HASH_SIZE];
    size_t salt_length = 0;
    size_t hash_length = 0;
    uint64_t cost_log2 = 0;
    uint64_t block = 0;
    uint64_t times = 0;
    if (!str_eq(str_cut(&verifier, '$'), STR("scrypt")) ||
        !str_to_u64(str_cut(&verifier, '$'), COST_LOG2_MAX, &cost_log2) || cost_log2 == 0 ||
        !str_to_u64(str_cut(&verifier, '$'), BLOCK, &block) || block == 0 ||
        !str_to_u64(str_cut(&verifier, '$'), TIMES_MAX, &times) || times == 0 ||
        !base64_decode(str_cut(&verifier, '$'), salt, sizeof salt, &salt_length) ||
        salt_length != sizeof salt ||
        !base64_decode(verifier, wanted, sizeof wanted, &hash_length) ||
        hash_length != sizeof wanted)
        return false;
    scrypt(password, salt, (unsigned)cost_log2, (uint32_t)block, (uint32_t)times, hash);
    bool right = crypto_equal((struct str){(const char *)hash, sizeof hash},
                              (struct str){(const char *)wanted, sizeof wanted});
    crypto_wipe(hash, sizeof hash);
    return right;
}

/* RFC 4226, section 5.3. */
void
totp_code(const unsigned char secret[TOTP_SECRET_SIZE], uint64_t step,
          char ret_code[TOTP_CODE_SIZE])
{
    unsigned char moment[8];
    unsigned char mac[SHA1_SIZE];
    unsigned length = sizeof mac;
    for (unsigned i = 0; i < sizeof moment; i++)
        moment[i] = (unsigned char)(step >> (56 - 8 * i));
    if (HMAC(EVP_sha1(), secret, TOTP_SECRET_SIZE, moment, sizeof moment, mac, &length) == NULL)
        mem_exhausted();
    unsigned at = mac[SHA1_SIZE - 1] & 15;
    uint32_t bits = ((uint32_t)(mac[at] & 0x7F) << 24) | ((uint32_t)mac[at + 1] << 16) |
                    ((uint32_t)mac[at + 2] << 8) | mac[at + 3];
    (void)snprintf(ret_code, TOTP_CODE_SIZE, "%06u", (unsigned)(bits % 1000000));
}

uint64_t
totp_step_of(const unsigned char secret[TOTP_SECRET_SIZE], struct str code, int64_t now_s,
             uint64_t used_step)
{
    uint64_t found = 0;
    uint64_t now = (uint64_t)(now_s / TOTP_STEP_S);
    for (uint64_t step = now - STEPS_AROUND; step <= now + STEPS_AROUND; step++) {
        char wanted[TOTP_CODE_SIZE];
        totp_code(secret, step, wanted);
        if (crypto_equal(code, str_of(wanted)) && step > used_step)
            found = step;
    }
    return found;
}

void
totp_base32(const unsigned char secret[TOTP_SECRET_SIZE], char ret_text[TOTP_BASE32_SIZE])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint64_t bits = 0;
    unsigned have = 0;
    char *out = ret_text;
    for (size_t i = 0; i < TOTP_SECRET_SIZE; i++) {
        bits = bits << 8 | secret[i];
        for (have += 8; have >= 5; have -= 5)
            *out++ = alphabet[bits >> (have - 5) & 31];
    }
    *out = '\0';
}
