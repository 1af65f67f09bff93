#include "io/suite.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

struct suite {
    const char *prefix; /* of sealed values; never reused for something else */
    const char *name;   /* in key files */
    size_t nonce_size;
    size_t tag_size;
    void (*key)(struct cipher *cipher, const unsigned char key[SUITE_KEY_SIZE]);
    void (*lock)(struct cipher *cipher, const unsigned char *nonce, struct str context,
                 struct str plain, unsigned char *out);
    bool (*unlock)(struct cipher *cipher, const unsigned char *nonce, struct str context,
                   struct str text, unsigned char *out);
    const char *meaning;
};

struct cipher {
    const struct suite *suite;
    bool locks;
    EVP_CIPHER_CTX *evp;
    EVP_MAC_CTX *hmac; /* of suites that authenticate apart */
    unsigned char hmac_key[SUITE_KEY_SIZE];
};

/* libcrypto refuses these calls only for wrong arguments or without memory. */
static void
must(int result)
{
    if (result != 1)
        mem_exhausted();
}

static const unsigned char *
bytes_of(struct str text)
{
    return (const unsigned char *)text.ptr;
}

/* --- AES-256-GCM: NIST SP 800-38D --- */

enum { GCM_NONCE_SIZE = 12, GCM_TAG_SIZE = 16 };

static void
gcm_key(struct cipher *c, const unsigned char key[SUITE_KEY_SIZE])
{
    must(EVP_CipherInit_ex(c->evp, EVP_aes_256_gcm(), NULL, key, NULL, c->locks));
}

static void
gcm_lock(struct cipher *c, const unsigned char *nonce, struct str context, struct str plain,
         unsigned char *out)
{
    int length = 0;
    must(EVP_EncryptInit_ex(c->evp, NULL, NULL, NULL, nonce));
    must(EVP_EncryptUpdate(c->evp, NULL, &length, bytes_of(context), (int)context.len));
    must(EVP_EncryptUpdate(c->evp, out, &length, bytes_of(plain), (int)plain.len));
    must(EVP_EncryptFinal_ex(c->evp, out + length, &length));
    must(EVP_CIPHER_CTX_ctrl(c->evp, EVP_CTRL_GCM_GET_TAG, GCM_TAG_SIZE, out + plain.len));
}

static bool
gcm_unlock(struct cipher *c, const unsigned char *nonce, struct str context, struct str text,
           unsigned char *out)
{
    unsigned char tag[GCM_TAG_SIZE];
    int length = 0;
    memcpy(tag, text.ptr + text.len, sizeof tag);
    must(EVP_DecryptInit_ex(c->evp, NULL, NULL, NULL, nonce));
    must(EVP_DecryptUpdate(c->evp, NULL, &length, bytes_of(context), (int)context.len));
    must(EVP_DecryptUpdate(c->evp, out, &length, bytes_of(text), (int)text.len));
    must(EVP_CIPHER_CTX_ctrl(c->evp, EVP_CTRL_GCM_SET_TAG, GCM_TAG_SIZE, tag));
    return EVP_DecryptFinal_ex(c->evp, out + length, &length) == 1;
}

/* --- SM4 in counter mode (GB/T 32907), then HMAC-SM3 (GB/T 32905) over all of it --- */

enum { SM4_KEY_SIZE = 16, SM4_NONCE_SIZE = 16, SM3_SIZE = 32 };

static void
sm3_hmac(EVP_MAC_CTX *hmac, const unsigned char key[SUITE_KEY_SIZE], const struct str *parts,
         size_t count, unsigned char out[SM3_SIZE])
{
    size_t length = 0;
    must(EVP_MAC_init(hmac, key, SUITE_KEY_SIZE, NULL));
    for (size_t i = 0; i < count; i++)
        must(EVP_MAC_update(hmac, bytes_of(parts[i]), parts[i].len));
    must(EVP_MAC_final(hmac, out, &length, SM3_SIZE));
}

static EVP_MAC_CTX *
sm3_hmac_new(void)
{
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SM3"}, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *hmac = mac ? EVP_MAC_CTX_new(mac) : NULL;
    must(hmac && EVP_MAC_CTX_set_params(hmac, params));
    EVP_MAC_free(mac);
    return hmac;
}

/* Two keys from the one of the key file, each for its own use. */
static void
sm_key(struct cipher *c, const unsigned char key[SUITE_KEY_SIZE])
{
    unsigned char derived[SM3_SIZE];
    c->hmac = c->hmac ? c->hmac : sm3_hmac_new();
    sm3_hmac(c->hmac, key, &STR("shengyuan sm4-ctr"), 1, derived);
    must(EVP_CipherInit_ex(c->evp, EVP_sm4_ctr(), NULL, derived, NULL, 1));
    sm3_hmac(c->hmac, key, &STR("shengyuan hmac-sm3"), 1, c->hmac_key);
    crypto_wipe(derived, sizeof derived);
}

/* The lengths in front keep the parts apart: no context can be moved into the text. */
static void
sm_tag(struct cipher *c, const unsigned char *nonce, struct str context, struct str text,
       unsigned char out[SM3_SIZE])
{
    char lengths[16];
    for (unsigned i = 0; i < 8; i++) {
        lengths[i] = (char)((uint64_t)context.len >> (56 - 8 * i) & 0xFF);
        lengths[8 + i] = (char)((uint64_t)text.len >> (56 - 8 * i) & 0xFF);
    }
    const struct str parts[] = {
        {lengths, sizeof lengths}, context, {(const char *)nonce, SM4_NONCE_SIZE}, text};
    sm3_hmac(c->hmac, c->hmac_key, parts, sizeof parts / sizeof parts[0], out);
}

/* Counter mode is its own inverse. */
static void
sm4_ctr(struct cipher *c, const unsigned char *nonce, struct str in, unsigned char *out)
{
    int length = 0;
    must(EVP_EncryptInit_ex(c->evp, NULL, NULL, NULL, nonce));
    must(EVP_EncryptUpdate(c->evp, out, &length, bytes_of(in), (int)in.len));
}

static void
sm_lock(struct cipher *c, const unsigned char *nonce, struct str context, struct str plain,
        unsigned char *out)
{
    sm4_ctr(c, nonce, plain, out);
    sm_tag(c, nonce, context, (struct str){(const char *)out, plain.len}, out + plain.len);
}

static bool
sm_unlock(struct cipher *c, const unsigned char *nonce, struct str context, struct str text,
          unsigned char *out)
{
    unsigned char tag[SM3_SIZE];
    sm_tag(c, nonce, context, text, tag);
    if (!crypto_equal((struct str){(const char *)tag, sizeof tag},
                      (struct str){text.ptr + text.len, sizeof tag}))
        return false;
    sm4_ctr(c, nonce, text, out);
    return true;
}

/* --- the table --- */

/* clang-format off */
static const struct suite suites[] = {
    {"a1", "aes-256-gcm",      GCM_NONCE_SIZE, GCM_TAG_SIZE, gcm_key, gcm_lock, gcm_unlock, "AES-256-GCM, random nonces of 96 bits, tags of 128"},
    {"s1", "sm4-ctr-hmac-sm3", SM4_NONCE_SIZE, SM3_SIZE,     sm_key,  sm_lock,  sm_unlock,  "SM4 in counter mode, then HMAC-SM3 (256 bits); both keys derived from the key by HMAC-SM3"},
};
/* clang-format on */
enum { SUITES = sizeof suites / sizeof suites[0] };

const struct suite *
suite_find(struct str name)
{
    for (size_t i = 0; i < SUITES; i++)
        if (str_eq_text(name, suites[i].name))
            return &suites[i];
    return NULL;
}

const struct suite *
suite_of_prefix(struct str prefix)
{
    for (size_t i = 0; i < SUITES; i++)
        if (str_eq_text(prefix, suites[i].prefix))
            return &suites[i];
    return NULL;
}

const struct suite *
suite_default(void)
{
    return &suites[0];
}

const char *
suite_name(const struct suite *suite)
{
    return suite->name;
}

const char *
suite_prefix(const struct suite *suite)
{
    return suite->prefix;
}

size_t
suite_nonce_size(const struct suite *suite)
{
    return suite->nonce_size;
}

size_t
suite_tag_size(const struct suite *suite)
{
    return suite->tag_size;
}

void
suite_write_docs(struct buf *out)
{
    buf_add_text(out, "| word in the key file | sealed values begin with | what it is |\n"
                      "|---|---|---|\n");
    for (size_t i = 0; i < SUITES; i++)
        buf_printf(out, "| `%s` | `%s` | %s |\n", suites[i].name, suites[i].prefix,
                   suites[i].meaning);
}

struct cipher *
cipher_new(const struct suite *suite, const unsigned char key[SUITE_KEY_SIZE], bool locks)
{
    struct cipher *cipher = mem_zalloc(sizeof *cipher);
    cipher->suite = suite;
    cipher->locks = locks;
    cipher->evp = EVP_CIPHER_CTX_new();
    must(cipher->evp != NULL);
    suite->key(cipher, key);
    return cipher;
}

void
cipher_free(struct cipher *cipher)
{
    if (cipher == NULL)
        return;
    EVP_CIPHER_CTX_free(cipher->evp);
    EVP_MAC_CTX_free(cipher->hmac);
    crypto_wipe(cipher, sizeof *cipher);
    free(cipher);
}

const struct suite *
cipher_suite(const struct cipher *cipher)
{
    return cipher->suite;
}

void
cipher_lock(struct cipher *cipher, const unsigned char *nonce, struct str context, struct str plain,
            unsigned char *out)
{
    cipher->suite->lock(cipher, nonce, context, plain, out);
}

bool
cipher_unlock(struct cipher *cipher, const unsigned char *nonce, struct str context,
              struct str text, unsigned char *out)
{
    return cipher->suite->unlock(cipher, nonce, context, text, out);
}
