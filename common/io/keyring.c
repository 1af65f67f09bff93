#include "io/keyring.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    KEY_SIZE = 32,
    KEY_ID_SIZE = 16,
    KEYRING_KEYS_MAX = 16, /* two live keys a purpose are usual */
    NONCE_SIZE = 12,
    TAG_SIZE = 16,
    SEALED_PLAIN_MAX = 64 * 1024,
    NONCE_POOL_SIZE = 4096 - 4096 % NONCE_SIZE,
};

enum key_purpose { KEY_SEAL, KEY_INDEX, KEY_SUBMISSION, KEY_PURPOSE_COUNT_ };
static const char *const purpose_names[KEY_PURPOSE_COUNT_] = {"seal", "index", "submission"};

struct key {
    enum key_purpose purpose;
    char id[KEY_ID_SIZE];
    unsigned char bytes[KEY_SIZE];
};

struct keyring {
    size_t count;
    struct key keys[KEYRING_KEYS_MAX];
    const struct key *active[KEY_PURPOSE_COUNT_];
};

static enum err_code
keyring_check_mode(const char *path, FILE *file, struct err *err)
{
    struct stat status;
    if (fstat(fileno(file), &status) != 0)
        return ERR(err, ERR_CONFIG, "cannot look at key file '%s': %s", path, strerror(errno));
    if (status.st_mode & 077)
        return ERR(err, ERR_CONFIG, "key file '%s' can be read by others; HINT: chmod 400 it",
                   path);
    return ERR_OK;
}

static bool
key_parse(struct str line, struct key *ret_key)
{
    struct str purpose = str_cut(&line, ' ');
    struct str id = str_cut(&line, ' ');
    static const unsigned char zero[KEY_SIZE];
    *ret_key = (struct key){.purpose = KEY_PURPOSE_COUNT_};
    for (unsigned i = 0; i < KEY_PURPOSE_COUNT_; i++)
        if (str_eq_text(purpose, purpose_names[i]))
            ret_key->purpose = (enum key_purpose)i;
    if (ret_key->purpose == KEY_PURPOSE_COUNT_ || id.len == 0 || id.len >= KEY_ID_SIZE ||
        memchr(id.ptr, '.', id.len) || !hex_decode(line, ret_key->bytes, KEY_SIZE))
        return false;
    memcpy(ret_key->id, id.ptr, id.len);
    return memcmp(ret_key->bytes, zero, KEY_SIZE) != 0;
}

static enum err_code
keyring_read(struct keyring *keyring, const char *path, FILE *file, struct err *err)
{
    char line[256];
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        struct str text = {line, strcspn(line, "\r\n")};
        if (text.len == 0 || text.ptr[0] == '#')
            continue;
        if (keyring->count == KEYRING_KEYS_MAX)
            return ERR(err, ERR_CONFIG, "key file '%s' has more than %d keys", path,
                       KEYRING_KEYS_MAX);
        struct key *key = &keyring->keys[keyring->count];
        if (!key_parse(text, key))
            return ERR(err, ERR_CONFIG, "key file '%s' line %d is not '<purpose> <id> <64 hex>'",
                       path, number);
        keyring->count++;
        keyring->active[key->purpose] = key;
    }
    crypto_wipe(line, sizeof line);
    for (int i = 0; i < KEY_PURPOSE_COUNT_; i++)
        if (keyring->active[i] == NULL)
            return ERR(err, ERR_CONFIG, "key file '%s' has no '%s' key", path, purpose_names[i]);
    return ERR_OK;
}

enum err_code
keyring_load(const char *path, struct keyring **ret_keyring, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return ERR(err, ERR_CONFIG, "cannot read key file '%s': %s", path, strerror(errno));
    struct keyring *keyring = mem_zalloc(sizeof *keyring);
    enum err_code code = keyring_check_mode(path, file, err);
    if (code == ERR_OK)
        code = keyring_read(keyring, path, file, err);
    (void)fclose(file);
    if (code) {
        keyring_free(keyring);
        return code;
    }
    *ret_keyring = keyring;
    return ERR_OK;
}

void
keyring_free(struct keyring *keyring)
{
    if (keyring == NULL)
        return;
    crypto_wipe(keyring, sizeof *keyring);
    free(keyring);
}

const char *
keyring_active_id(const struct keyring *keyring)
{
    return keyring->active[KEY_SEAL]->id;
}

/* --- cipher suites --- */

struct suite {
    const char *name;
    const EVP_CIPHER *(*cipher)(void);
};
static const struct suite suites[] = {
    {"a1", EVP_aes_256_gcm},
};

struct sealer {
    const struct keyring *keyring;
    EVP_CIPHER_CTX *encrypt; /* keyed with the active key */
    EVP_CIPHER_CTX *decrypt;
    const struct key *decrypt_key; /* what `decrypt` is keyed with */
    unsigned char nonces[NONCE_POOL_SIZE];
    size_t nonces_used;
};

/* libcrypto refuses these calls only for wrong arguments or without memory. */
static void
must(int result)
{
    if (result != 1)
        abort();
}

struct sealer *
sealer_new(const struct keyring *keyring)
{
    struct sealer *sealer = mem_zalloc(sizeof *sealer);
    sealer->keyring = keyring;
    sealer->nonces_used = NONCE_POOL_SIZE;
    sealer->encrypt = EVP_CIPHER_CTX_new();
    sealer->decrypt = EVP_CIPHER_CTX_new();
    if (!sealer->encrypt || !sealer->decrypt)
        abort();
    must(EVP_EncryptInit_ex(sealer->encrypt, suites[0].cipher(), NULL,
                            keyring->active[KEY_SEAL]->bytes, NULL));
    return sealer;
}

void
sealer_free(struct sealer *sealer)
{
    if (sealer == NULL)
        return;
    EVP_CIPHER_CTX_free(sealer->encrypt);
    EVP_CIPHER_CTX_free(sealer->decrypt);
    free(sealer);
}

static const unsigned char *
sealer_nonce(struct sealer *sealer)
{
    if (sealer->nonces_used == NONCE_POOL_SIZE) {
        crypto_random(sealer->nonces, NONCE_POOL_SIZE);
        sealer->nonces_used = 0;
    }
    sealer->nonces_used += NONCE_SIZE;
    return sealer->nonces + sealer->nonces_used - NONCE_SIZE;
}

struct str
seal_text(struct sealer *sealer, struct str plain, struct str context, struct arena *arena)
{
    assert(plain.len <= SEALED_PLAIN_MAX);
    size_t size = NONCE_SIZE + plain.len + TAG_SIZE;
    unsigned char *bytes = arena_alloc(arena, size);
    int length = 0;
    memcpy(bytes, sealer_nonce(sealer), NONCE_SIZE);
    must(EVP_EncryptInit_ex(sealer->encrypt, NULL, NULL, NULL, bytes));
    must(EVP_EncryptUpdate(sealer->encrypt, NULL, &length, (const unsigned char *)context.ptr,
                           (int)context.len));
    must(EVP_EncryptUpdate(sealer->encrypt, bytes + NONCE_SIZE, &length,
                           (const unsigned char *)plain.ptr, (int)plain.len));
    must(EVP_EncryptFinal_ex(sealer->encrypt, bytes + NONCE_SIZE + length, &length));
    must(EVP_CIPHER_CTX_ctrl(sealer->encrypt, EVP_CTRL_GCM_GET_TAG, TAG_SIZE,
                             bytes + NONCE_SIZE + plain.len));
    struct buf text;
    buf_init(&text, base64_length(size) + KEY_ID_SIZE + 8);
    buf_printf(&text, "%s.%s.", suites[0].name, keyring_active_id(sealer->keyring));
    base64_encode(&text, (struct str){(const char *)bytes, size});
    struct str sealed = arena_copy(arena, buf_str(&text));
    buf_done(&text);
    return sealed;
}

/* Splits "<suite>.<id>.<base64>"; false when it is not of that form. */
static bool
sealed_split(struct str sealed, struct str *ret_suite, struct str *ret_id, struct str *ret_data)
{
    *ret_suite = str_cut(&sealed, '.');
    *ret_id = str_cut(&sealed, '.');
    *ret_data = sealed;
    return ret_suite->len && ret_id->len && sealed.len;
}

struct str
seal_key_id(struct str sealed)
{
    struct str suite;
    struct str id;
    struct str data;
    return sealed_split(sealed, &suite, &id, &data) ? id : STR_NONE;
}

static const struct key *
keyring_find(const struct keyring *keyring, enum key_purpose purpose, struct str id)
{
    for (size_t i = 0; i < keyring->count; i++)
        if (keyring->keys[i].purpose == purpose && str_eq_text(id, keyring->keys[i].id))
            return &keyring->keys[i];
    return NULL;
}

static bool
sealer_decrypt(struct sealer *sealer, const struct key *key, struct str data, struct str context,
               unsigned char *out)
{
    unsigned char *bytes = (unsigned char *)(uintptr_t)data.ptr;
    size_t length = data.len - NONCE_SIZE - TAG_SIZE;
    int done = 0;
    if (sealer->decrypt_key != key)
        must(EVP_DecryptInit_ex(sealer->decrypt, suites[0].cipher(), NULL, key->bytes, NULL));
    sealer->decrypt_key = key;
    must(EVP_DecryptInit_ex(sealer->decrypt, NULL, NULL, NULL, bytes));
    must(EVP_DecryptUpdate(sealer->decrypt, NULL, &done, (const unsigned char *)context.ptr,
                           (int)context.len));
    must(EVP_DecryptUpdate(sealer->decrypt, out, &done, bytes + NONCE_SIZE, (int)length));
    must(EVP_CIPHER_CTX_ctrl(sealer->decrypt, EVP_CTRL_GCM_SET_TAG, TAG_SIZE,
                             bytes + NONCE_SIZE + length));
    return EVP_DecryptFinal_ex(sealer->decrypt, out + done, &done) == 1;
}

enum err_code
seal_open(struct sealer *sealer, struct str sealed, struct str context, struct arena *arena,
          struct str *ret_plain, struct err *err)
{
    struct str suite;
    struct str id;
    struct str data;
    size_t length = 0;
    if (!sealed_split(sealed, &suite, &id, &data) || !str_eq_text(suite, suites[0].name))
        return ERR(err, ERR_CRYPTO, "not a sealed value of a known suite");
    const struct key *key = keyring_find(sealer->keyring, KEY_SEAL, id);
    if (key == NULL)
        return ERR(err, ERR_CRYPTO, "sealed under key '%.*s', which is not in the key file",
                   (int)(id.len < KEY_ID_SIZE ? id.len : KEY_ID_SIZE), id.ptr);
    if (data.len > base64_length(SEALED_PLAIN_MAX + NONCE_SIZE + TAG_SIZE))
        return ERR(err, ERR_CRYPTO, "sealed value is too long");
    unsigned char *bytes = arena_alloc(arena, data.len);
    if (!base64_decode(data, bytes, data.len, &length) || length < NONCE_SIZE + TAG_SIZE)
        return ERR(err, ERR_CRYPTO, "sealed value is not base64 of a nonce, text and tag");
    char *plain = arena_alloc(arena, length - NONCE_SIZE - TAG_SIZE + 1);
    if (!sealer_decrypt(sealer, key, (struct str){(char *)bytes, length}, context,
                        (unsigned char *)plain))
        return ERR(err, ERR_CRYPTO, "sealed value was changed or made for another place");
    *ret_plain = (struct str){plain, length - NONCE_SIZE - TAG_SIZE};
    return ERR_OK;
}

/* --- keyed hashes and ids --- */

/* HMAC over the parts, each followed by a zero byte (no part contains one). */
static void
keyed_hash(const struct key *key, const struct str *parts, size_t count,
           unsigned char out[SHA256_SIZE])
{
    char stack[1024];
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        assert(parts[i].len < sizeof stack - used);
        if (parts[i].len)
            memcpy(stack + used, parts[i].ptr, parts[i].len);
        used += parts[i].len;
        stack[used++] = '\0';
    }
    crypto_hmac_sha256((struct str){(const char *)key->bytes, KEY_SIZE}, (struct str){stack, used},
                       out);
}

void
keyring_index(const struct keyring *keyring, const char *domain, struct str value,
              char out[INDEX_HEX_SIZE])
{
    unsigned char digest[SHA256_SIZE];
    unsigned char folded[SHA256_SIZE];
    /* Long values are hashed first; short ones too, so that there is one way. */
    crypto_sha256(value, folded);
    struct str parts[] = {str_of(domain), {(const char *)folded, sizeof folded}};
    keyed_hash(keyring->active[KEY_INDEX], parts, 2, digest);
    hex_encode(digest, 16, out);
}

static void
uuid_format(const unsigned char bytes[16], char out[SUBMISSION_ID_SIZE])
{
    char hex[33];
    hex_encode(bytes, 16, hex);
    (void)snprintf(out, SUBMISSION_ID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                   hex + 16, hex + 20);
}

static void
submission_second_half(const struct key *key, struct str student_id, struct str campaign_id,
                       unsigned char bytes[16])
{
    char first[17];
    unsigned char digest[SHA256_SIZE];
    hex_encode(bytes, 8, first);
    struct str parts[] = {STR("of"), student_id, campaign_id, {first, 16}};
    keyed_hash(key, parts, 4, digest);
    memcpy(bytes + 8, digest, 8);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80); /* RFC 9562 variant */
}

void
submission_id_make(const struct keyring *keyring, struct str student_id, struct str campaign_id,
                   struct str idempotency_key, char out[SUBMISSION_ID_SIZE])
{
    const struct key *key = keyring->active[KEY_SUBMISSION];
    unsigned char digest[SHA256_SIZE];
    struct str parts[] = {STR("id"), student_id, campaign_id, idempotency_key};
    keyed_hash(key, parts, 4, digest);
    digest[6] = (unsigned char)((digest[6] & 0x0F) | 0x80); /* version 8 */
    submission_second_half(key, student_id, campaign_id, digest);
    uuid_format(digest, out);
}

bool
submission_id_is_of(const struct keyring *keyring, struct str student_id, struct str campaign_id,
                    struct str submission_id)
{
    char hex[33];
    char expected[SUBMISSION_ID_SIZE];
    unsigned char bytes[16];
    size_t used = 0;
    if (!uuid_valid(submission_id))
        return false;
    for (size_t i = 0; i < submission_id.len; i++)
        if (submission_id.ptr[i] != '-')
            hex[used++] = submission_id.ptr[i];
    if (!hex_decode((struct str){hex, used}, bytes, sizeof bytes))
        return false;
    submission_second_half(keyring->active[KEY_SUBMISSION], student_id, campaign_id, bytes);
    uuid_format(bytes, expected);
    return crypto_equal(str_of(expected), submission_id);
}

void
uuid_random(char out[SUBMISSION_ID_SIZE])
{
    unsigned char bytes[16];
    crypto_random(bytes, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    uuid_format(bytes, out);
}

bool
uuid_valid(struct str text)
{
    if (text.len != SUBMISSION_ID_SIZE - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = text.ptr[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (dash ? c != '-' : !hex)
            return false;
    }
    return true;
}
