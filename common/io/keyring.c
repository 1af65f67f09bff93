#include "io/keyring.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "io/keyring_keys.h"
#include "io/secret_file.h"

enum {
    KEY_LINE_SIZE = 256,
    KEY_BYTES_DIFFERENT_MIN = 16, /* of 32; one random key in 10^10 has fewer than 20 */
};

static const char *const purpose_names[KEY_PURPOSE_COUNT_] = {"seal", "index", "submission"};
#define DEMONSTRATION_MARK "# demonstration keys"

/* Apart from the heap, in memory that is neither written to a swap area nor to a core file. */
static struct keyring *
keyring_new(void)
{
    void *memory = mmap(NULL, sizeof(struct keyring), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    (void)mlock(memory, sizeof(struct keyring)); /* a limit may forbid it: then only the other */
    (void)madvise(memory, sizeof(struct keyring), MADV_DONTDUMP);
    return memory;
}

void
keyring_free(struct keyring *keyring)
{
    if (keyring == NULL)
        return;
    crypto_wipe(keyring, sizeof *keyring);
    (void)munmap(keyring, sizeof *keyring);
}

/* "<purpose> <id> <64 hex>", for seal keys also " <suite>". */
static bool
key_parse(struct str line, struct key *ret_key)
{
    struct str purpose = str_cut(&line, ' ');
    struct str id = str_cut(&line, ' ');
    struct str bytes = str_cut(&line, ' ');
    static const unsigned char zero[SUITE_KEY_SIZE];
    *ret_key = (struct key){.purpose = KEY_PURPOSE_COUNT_};
    for (unsigned i = 0; i < KEY_PURPOSE_COUNT_; i++)
        if (str_eq_text(purpose, purpose_names[i]))
            ret_key->purpose = (enum key_purpose)i;
    if (ret_key->purpose == KEY_PURPOSE_COUNT_ || id.len == 0 || id.len >= KEY_ID_SIZE ||
        memchr(id.ptr, '.', id.len) || !hex_decode(bytes, ret_key->bytes, SUITE_KEY_SIZE))
        return false;
    memcpy(ret_key->id, id.ptr, id.len);
    if (line.ptr && ret_key->purpose != KEY_SEAL)
        return false;
    if (ret_key->purpose == KEY_SEAL)
        ret_key->suite = line.ptr ? suite_find(line) : suite_default();
    return (ret_key->purpose != KEY_SEAL || ret_key->suite) &&
           memcmp(ret_key->bytes, zero, SUITE_KEY_SIZE) != 0;
}

/* An id names one key, and a key has one use: two purposes with the same bytes are one secret. */
static enum err_code
key_check_unique(const struct keyring *keyring, const struct key *key, const char *path,
                 struct err *err)
{
    for (size_t i = 0; i < keyring->count; i++) {
        const struct key *other = &keyring->keys[i];
        if (other->purpose == key->purpose && strcmp(other->id, key->id) == 0)
            return ERR(err, ERR_CONFIG,
                       "key file '%s' has two '%s' keys '%s'; HINT: a new key takes a new id", path,
                       purpose_names[key->purpose], key->id);
        if (memcmp(other->bytes, key->bytes, SUITE_KEY_SIZE) == 0)
            return ERR(err, ERR_CONFIG,
                       "key file '%s' has the same key as '%s %s' and '%s %s'; HINT: openssl rand "
                       "-hex 32 for each line",
                       path, purpose_names[other->purpose], other->id, purpose_names[key->purpose],
                       key->id);
    }
    return ERR_OK;
}

static enum err_code
keyring_add_line(struct keyring *keyring, struct str text, const char *path, int number,
                 struct err *err)
{
    if (str_starts(text, STR(DEMONSTRATION_MARK)))
        keyring->demonstration = true;
    if (text.len == 0 || text.ptr[0] == '#')
        return ERR_OK;
    if (keyring->count == KEYRING_KEYS_MAX)
        return ERR(err, ERR_CONFIG, "key file '%s' has more than %d keys", path, KEYRING_KEYS_MAX);
    struct key *key = &keyring->keys[keyring->count];
    if (!key_parse(text, key))
        return ERR(err, ERR_CONFIG,
                   "key file '%s' line %d is not '<purpose> <id> <64 hex>', for seal keys also a "
                   "suite",
                   path, number);
    enum err_code code = key_check_unique(keyring, key, path, err);
    if (code)
        return code;
    keyring->count++;
    keyring->active[key->purpose] = key;
    return ERR_OK;
}

static enum err_code
keyring_read(struct keyring *keyring, const char *path, FILE *file, struct err *err)
{
    char line[KEY_LINE_SIZE];
    enum err_code code = ERR_OK;
    for (int number = 1; code == ERR_OK && fgets(line, sizeof line, file); number++)
        code =
            keyring_add_line(keyring, (struct str){line, strcspn(line, "\r\n")}, path, number, err);
    crypto_wipe(line, sizeof line);
    for (int i = 0; code == ERR_OK && i < KEY_PURPOSE_COUNT_; i++)
        if (keyring->active[i] == NULL)
            code = ERR(err, ERR_CONFIG, "key file '%s' has no '%s' key", path, purpose_names[i]);
    return code;
}

enum err_code
keyring_load(const char *path, struct keyring **ret_keyring, struct err *err)
{
    FILE *file = NULL;
    enum err_code code = secret_file_open("key file", path, &file, err);
    if (code)
        return code;
    struct keyring *keyring = keyring_new();
    code = keyring_read(keyring, path, file, err);
    (void)fclose(file);
    if (code) {
        keyring_free(keyring);
        return code;
    }
    *ret_keyring = keyring;
    return ERR_OK;
}

/* Few different bytes, or an even staircase of them: typed by somebody, not drawn. */
static bool
key_is_weak(const struct key *key)
{
    bool seen[256] = {false};
    size_t different = 0;
    size_t even = 0;
    for (size_t i = 0; i < SUITE_KEY_SIZE; i++) {
        different += !seen[key->bytes[i]];
        seen[key->bytes[i]] = true;
        if (i > 1)
            even += (unsigned char)(key->bytes[i] - key->bytes[i - 1]) ==
                    (unsigned char)(key->bytes[1] - key->bytes[0]);
    }
    return different < KEY_BYTES_DIFFERENT_MIN || even > SUITE_KEY_SIZE / 2;
}

enum err_code
keyring_check_production(const struct keyring *keyring, struct err *err)
{
    if (keyring->demonstration)
        return ERR(
            err, ERR_CONFIG,
            "the key file was made for a demonstration; HINT: write one of your own, each key "
            "from openssl rand -hex 32");
    for (size_t i = 0; i < keyring->count; i++)
        if (key_is_weak(&keyring->keys[i]))
            return ERR(err, ERR_CONFIG,
                       "key '%s %s' is a pattern, not a random key; HINT: openssl rand -hex 32",
                       purpose_names[keyring->keys[i].purpose], keyring->keys[i].id);
    return ERR_OK;
}

const char *
keyring_active_id(const struct keyring *keyring)
{
    return keyring->active[KEY_SEAL]->id;
}

const char *
keyring_seal_id(const struct keyring *keyring, size_t index)
{
    for (size_t i = 0; i < keyring->count; i++)
        if (keyring->keys[i].purpose == KEY_SEAL && index-- == 0)
            return keyring->keys[i].id;
    return NULL;
}

bool
keyring_has_seal_id(const struct keyring *keyring, const char *id)
{
    return keyring_find(keyring, KEY_SEAL, str_of(id)) != NULL;
}

const struct key *
keyring_find(const struct keyring *keyring, enum key_purpose purpose, struct str id)
{
    for (size_t i = 0; i < keyring->count; i++)
        if (keyring->keys[i].purpose == purpose && str_eq_text(id, keyring->keys[i].id))
            return &keyring->keys[i];
    return NULL;
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
    crypto_hmac_sha256((struct str){(const char *)key->bytes, SUITE_KEY_SIZE},
                       (struct str){stack, used}, out);
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
    size_t used = 0;
    hex_encode(bytes, 16, hex);
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            out[used++] = '-';
        out[used++] = hex[i];
    }
    out[used] = '\0';
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
