#include "io/seal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "io/keyring_keys.h"

enum { NONCE_STOCK_SIZE = 4096 };

struct sealer {
    const struct keyring *keyring;
    struct cipher *lock;   /* keyed with the active key */
    struct cipher *unlock; /* keyed with unlock_key; NULL before the first use */
    const struct key *unlock_key;
    unsigned char nonces[NONCE_STOCK_SIZE];
    size_t nonces_used;
};

struct sealer *
sealer_new(const struct keyring *keyring)
{
    const struct key *key = keyring->active[KEY_SEAL];
    struct sealer *sealer = mem_zalloc(sizeof *sealer);
    sealer->keyring = keyring;
    sealer->nonces_used = NONCE_STOCK_SIZE;
    sealer->lock = cipher_new(key->suite, key->bytes, true);
    return sealer;
}

void
sealer_free(struct sealer *sealer)
{
    if (sealer == NULL)
        return;
    cipher_free(sealer->lock);
    cipher_free(sealer->unlock);
    free(sealer);
}

static const unsigned char *
sealer_nonce(struct sealer *sealer, size_t size)
{
    if (sealer->nonces_used + size > NONCE_STOCK_SIZE) {
        crypto_random(sealer->nonces, NONCE_STOCK_SIZE);
        sealer->nonces_used = 0;
    }
    sealer->nonces_used += size;
    return sealer->nonces + sealer->nonces_used - size;
}

const struct suite *
seal_suite(const struct sealer *sealer)
{
    return cipher_suite(sealer->lock);
}

struct str
seal_text(struct sealer *sealer, struct str plain, struct str context, struct arena *arena)
{
    assert(plain.len <= SEALED_PLAIN_MAX);
    const struct suite *suite = cipher_suite(sealer->lock);
    size_t nonce_size = suite_nonce_size(suite);
    size_t size = nonce_size + plain.len + suite_tag_size(suite);
    unsigned char *bytes = arena_alloc(arena, size);
    memcpy(bytes, sealer_nonce(sealer, nonce_size), nonce_size);
    cipher_lock(sealer->lock, bytes, context, plain, bytes + nonce_size);
    struct str head = ARENA_JOIN(arena, str_of(suite_prefix(suite)), STR("."),
                                 str_of(keyring_active_id(sealer->keyring)), STR("."));
    size_t length = head.len + base64_length(size);
    char *text = arena_alloc(arena, length + 1);
    memcpy(text, head.ptr, head.len);
    base64_write(text + head.len, (struct str){(const char *)bytes, size});
    return (struct str){text, length};
}

/* Splits "<suite>.<id>.<base64>"; false when it is not of that form. */
static bool
sealed_split(struct str sealed, struct str *ret_suite, struct str *ret_id, struct str *ret_data)
{
    *ret_suite = str_cut(&sealed, '.');
    *ret_id = str_cut(&sealed, '.');
    *ret_data = sealed;
    return suite_of_prefix(*ret_suite) && ret_id->len && sealed.len;
}

struct str
seal_key_id(struct str sealed)
{
    struct str suite;
    struct str id;
    struct str data;
    return sealed_split(sealed, &suite, &id, &data) ? id : STR_NONE;
}

bool
seal_is_current(const struct sealer *sealer, struct str sealed)
{
    struct str suite;
    struct str id;
    struct str data;
    return sealed_split(sealed, &suite, &id, &data) &&
           str_eq_text(id, keyring_active_id(sealer->keyring));
}

/* The key that a sealed value names, if it is of the suite that the value names; else NULL, and
 * *err says why. */
static const struct key *
sealed_key(const struct keyring *keyring, struct str sealed, struct str *ret_data, struct err *err)
{
    struct str suite;
    struct str id;
    const struct key *key = NULL;
    if (!sealed_split(sealed, &suite, &id, ret_data)) {
        (void)ERR(err, ERR_CRYPTO, "not a sealed value of a known suite");
        return NULL;
    }
    key = keyring_find(keyring, KEY_SEAL, id);
    if (key == NULL)
        (void)ERR(err, ERR_CRYPTO, "sealed under key '%.*s', which is not in the key file",
                  (int)(id.len < KEY_ID_SIZE ? id.len : KEY_ID_SIZE), id.ptr);
    else if (!str_eq_text(suite, suite_prefix(key->suite)))
        (void)ERR(err, ERR_CRYPTO, "sealed by another suite than the one of key '%s'", key->id);
    else
        return key;
    return NULL;
}

enum err_code
seal_open(struct sealer *sealer, struct str sealed, struct str context, struct arena *arena,
          struct str *ret_plain, struct err *err)
{
    struct str data;
    size_t length = 0;
    const struct key *key = sealed_key(sealer->keyring, sealed, &data, err);
    if (key == NULL)
        return ERR_CRYPTO;
    size_t nonce_size = suite_nonce_size(key->suite);
    size_t extra = nonce_size + suite_tag_size(key->suite);
    if (data.len > base64_length(SEALED_PLAIN_MAX + extra))
        return ERR(err, ERR_CRYPTO, "sealed value is too long");
    unsigned char *bytes = arena_alloc(arena, data.len);
    if (!base64_decode(data, bytes, data.len, &length) || length < extra)
        return ERR(err, ERR_CRYPTO, "sealed value is not base64 of a nonce, text and tag");
    if (sealer->unlock_key != key) {
        cipher_free(sealer->unlock);
        sealer->unlock = cipher_new(key->suite, key->bytes, false);
        sealer->unlock_key = key;
    }
    struct str text = {(const char *)bytes + nonce_size, length - extra};
    char *plain = arena_alloc(arena, text.len + 1);
    if (!cipher_unlock(sealer->unlock, bytes, context, text, (unsigned char *)plain))
        return ERR(err, ERR_CRYPTO, "sealed value was changed or made for another place");
    *ret_plain = (struct str){plain, text.len};
    return ERR_OK;
}

enum err_code
seal_again(struct sealer *sealer, struct str sealed, struct str context, struct arena *arena,
           struct str *ret_sealed, struct err *err)
{
    struct str plain = STR_NONE;
    enum err_code code = seal_open(sealer, sealed, context, arena, &plain, err);
    if (code == ERR_OK)
        *ret_sealed = seal_text(sealer, plain, context, arena);
    return code;
}
