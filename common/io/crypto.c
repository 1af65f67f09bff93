#include "io/crypto.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Fetching an algorithm by name costs more than hashing what we hash: each thread keeps its own
 * contexts, made at first use, freed when the thread ends. */
enum { NONCE_STOCK = 1024 };
/* As many keys as one call of a service uses by turns, each set up once. */
enum { HMAC_KEYS = 4, HMAC_KEY_KEPT = 32 };

struct keyed {
    unsigned char key[HMAC_KEY_KEPT];
    bool used;
    EVP_MAC_CTX *hmac;
};

struct contexts {
    EVP_MD *sha256;
    EVP_MD_CTX *digest;
    EVP_MAC_CTX *hmac; /* for keys of other lengths */
    struct keyed keyed[HMAC_KEYS];
    size_t keyed_next;
    size_t nonce_left;
    unsigned char nonces[NONCE_STOCK];
};
static pthread_key_t contexts_key;
static pthread_once_t contexts_once = PTHREAD_ONCE_INIT;
static _Thread_local struct contexts *contexts;

static void
contexts_free(void *memory)
{
    struct contexts *own = memory;
    EVP_MAC_CTX_free(own->hmac);
    for (size_t i = 0; i < HMAC_KEYS; i++)
        EVP_MAC_CTX_free(own->keyed[i].hmac);
    EVP_MD_CTX_free(own->digest);
    EVP_MD_free(own->sha256);
    crypto_wipe(own, sizeof *own);
    free(own);
}

/* The main thread ends with the process, without its destructors. */
static void
contexts_free_main(void)
{
    if (contexts)
        contexts_free(contexts);
    contexts = NULL;
}

static void
contexts_init(void)
{
    if (pthread_key_create(&contexts_key, contexts_free) != 0 ||
        OPENSSL_atexit(contexts_free_main) != 1)
        abort();
}

/* Only an unusable libcrypto refuses SHA-256. */
static void
must(bool done)
{
    if (!done)
        mem_exhausted();
}

static struct contexts *
contexts_own(void)
{
    if (contexts)
        return contexts;
    (void)pthread_once(&contexts_once, contexts_init);
    struct contexts *own = mem_zalloc(sizeof *own);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    own->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    own->digest = EVP_MD_CTX_new();
    own->hmac = EVP_MAC_CTX_new(hmac);
    must(own->sha256 && own->digest && own->hmac &&
         EVP_DigestInit_ex2(own->digest, own->sha256, NULL) == 1 &&
         EVP_MAC_CTX_set_params(own->hmac, params) == 1);
    for (size_t i = 0; i < HMAC_KEYS; i++)
        must((own->keyed[i].hmac = EVP_MAC_CTX_dup(own->hmac)) != NULL);
    EVP_MAC_free(hmac);
    (void)pthread_setspecific(contexts_key, own);
    contexts = own;
    return own;
}

void
crypto_sha256(struct str data, unsigned char out[SHA256_SIZE])
{
    EVP_MD_CTX *digest = contexts_own()->digest;
    must(EVP_DigestInit_ex2(digest, NULL, NULL) == 1 &&
         EVP_DigestUpdate(digest, data.ptr, data.len) == 1 &&
         EVP_DigestFinal_ex(digest, out, NULL) == 1);
}

/* Ready for a text under this key. The oldest of the keys makes room for a new one. */
static EVP_MAC_CTX *
hmac_keyed(struct contexts *own, struct str key)
{
    const unsigned char *bytes = (const unsigned char *)key.ptr;
    struct keyed *keyed = NULL;
    if (key.len != HMAC_KEY_KEPT) {
        must(EVP_MAC_init(own->hmac, bytes, key.len, NULL) == 1);
        return own->hmac;
    }
    for (size_t i = 0; i < HMAC_KEYS; i++) {
        keyed = &own->keyed[i];
        if (keyed->used && CRYPTO_memcmp(keyed->key, bytes, HMAC_KEY_KEPT) == 0) {
            must(EVP_MAC_init(keyed->hmac, NULL, 0, NULL) == 1);
            return keyed->hmac;
        }
    }
    keyed = &own->keyed[own->keyed_next++ % HMAC_KEYS];
    memcpy(keyed->key, bytes, HMAC_KEY_KEPT);
    keyed->used = true;
    must(EVP_MAC_init(keyed->hmac, bytes, key.len, NULL) == 1);
    return keyed->hmac;
}

void
crypto_hmac_sha256(struct str key, struct str data, unsigned char out[SHA256_SIZE])
{
    EVP_MAC_CTX *hmac = hmac_keyed(contexts_own(), key);
    size_t length = 0;
    must(EVP_MAC_update(hmac, (const unsigned char *)data.ptr, data.len) == 1 &&
         EVP_MAC_final(hmac, out, &length, SHA256_SIZE) == 1);
}

void
crypto_nonce(void *out, size_t size)
{
    struct contexts *own = contexts_own();
    assert(size <= NONCE_STOCK);
    if (own->nonce_left < size) {
        crypto_random(own->nonces, sizeof own->nonces);
        own->nonce_left = sizeof own->nonces;
    }
    own->nonce_left -= size;
    memcpy(out, own->nonces + own->nonce_left, size);
}

void
crypto_random(void *out, size_t size)
{
    if (RAND_bytes(out, (int)size) != 1)
        abort(); /* guessable tokens would be worse than none */
}

bool
crypto_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

void
crypto_wipe(void *memory, size_t size)
{
    OPENSSL_cleanse(memory, size);
}

void
hex_encode(const void *data, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool
hex_decode(struct str text, void *out, size_t size)
{
    if (text.len != 2 * size)
        return false;
    unsigned char *bytes = out;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(text.ptr[2 * i]);
        int low = hex_digit(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

void
crypto_sha256_hex(struct str data, char out[SHA256_HEX_SIZE])
{
    unsigned char digest[SHA256_SIZE];
    crypto_sha256(data, digest);
    hex_encode(digest, sizeof digest, out);
}

size_t
base64_length(size_t data_length)
{
    return (data_length + 2) / 3 * 4;
}

void
base64_write(char *out, struct str data)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)data.ptr;
    size_t left = data.len;
    for (; left >= 3; left -= 3, in += 3) {
        uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        *out++ = alphabet[bits >> 18];
        *out++ = alphabet[bits >> 12 & 63];
        *out++ = alphabet[bits >> 6 & 63];
        *out++ = alphabet[bits & 63];
    }
    if (left == 0)
        return;
    uint32_t bits = (uint32_t)in[0] << 16 | (left > 1 ? (uint32_t)in[1] << 8 : 0);
    *out++ = alphabet[bits >> 18];
    *out++ = alphabet[bits >> 12 & 63];
    *out++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
    *out = '=';
}

void
base64_encode(struct buf *out, struct str data)
{
    char *room = buf_room(out, base64_length(data.len));
    if (room)
        base64_write(room, data);
}

/* Value of each character plus one; 0 for those that are none. */
static const unsigned char base64_values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

static int
base64_digit(char c)
{
    return base64_values[(unsigned char)c] - 1;
}

bool
base64_decode(struct str text, void *out, size_t size, size_t *ret_length)
{
    unsigned char *bytes = out;
    size_t length = 0;
    if (text.len % 4 != 0)
        return false;
    for (size_t i = 0; i < text.len; i += 4) {
        bool last = i + 4 == text.len;
        size_t pad = 0;
        if (last && text.ptr[i + 3] == '=')
            pad = text.ptr[i + 2] == '=' ? 2 : 1;
        uint32_t bits = 0;
        for (size_t k = 0; k < 4; k++) {
            int digit = k >= 4 - pad ? 0 : base64_digit(text.ptr[i + k]);
            if (digit < 0)
                return false;
            bits = bits << 6 | (uint32_t)digit;
        }
        if ((pad == 1 && (bits & 0xFF)) || (pad == 2 && (bits & 0xFFFF)))
            return false;
        for (size_t k = 0; k < 3 - pad; k++) {
            if (length == size)
                return false;
            bytes[length++] = (unsigned char)(bits >> (16 - 8 * k));
        }
    }
    *ret_length = length;
    return true;
}
