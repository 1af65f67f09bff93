#include "io/blob.h"

#include <string.h>

#include "io/suite.h"

/* The key's text: "<suite>.<64 hex digits>". */
enum { KEY_HEX = 2 * SUITE_KEY_SIZE };

void
blob_seal(struct sealer *sealer, struct str plain, struct str context, struct arena *arena,
          struct str *ret_key_sealed, struct buf *out)
{
    unsigned char key[SUITE_KEY_SIZE];
    char hex[KEY_HEX + 1];
    const struct suite *suite = seal_suite(sealer);
    size_t nonce_size = suite_nonce_size(suite);
    crypto_random(key, sizeof key);
    hex_encode(key, sizeof key, hex);
    struct str text = arena_printf(arena, "%s.%s", suite_prefix(suite), hex);
    *ret_key_sealed = seal_text(sealer, text, context, arena);
    char *room = buf_room(out, nonce_size + plain.len + suite_tag_size(suite));
    if (room) {
        struct cipher *cipher = cipher_new(suite, key, true);
        crypto_random(room, nonce_size);
        cipher_lock(cipher, (const unsigned char *)room, context, plain,
                    (unsigned char *)room + nonce_size);
        cipher_free(cipher);
    }
    crypto_wipe(key, sizeof key);
    crypto_wipe(hex, sizeof hex);
    crypto_wipe((char *)(uintptr_t)text.ptr, text.len);
}

enum err_code
blob_open(struct sealer *sealer, struct str key_sealed, struct str bytes, struct str context,
          struct arena *arena, struct buf *out, struct err *err)
{
    struct str text;
    unsigned char key[SUITE_KEY_SIZE];
    enum err_code code = seal_open(sealer, key_sealed, context, arena, &text, err);
    if (code)
        return code;
    struct str hex = text;
    const struct suite *suite = suite_of_prefix(str_cut(&hex, '.'));
    if (suite == NULL || !hex_decode(hex, key, sizeof key))
        return ERR(err, ERR_CRYPTO, "the key of sealed bytes is none");
    size_t nonce_size = suite_nonce_size(suite);
    size_t extra = nonce_size + suite_tag_size(suite);
    char *room = bytes.len < extra ? NULL : buf_room(out, bytes.len - extra);
    bool opened = false;
    if (room) {
        struct cipher *cipher = cipher_new(suite, key, false);
        opened = cipher_unlock(cipher, (const unsigned char *)bytes.ptr, context,
                               (struct str){bytes.ptr + nonce_size, bytes.len - extra},
                               (unsigned char *)room);
        cipher_free(cipher);
    }
    crypto_wipe(key, sizeof key);
    return opened ? ERR_OK
                  : ERR(err, ERR_CRYPTO, "sealed bytes were changed or made for another place");
}
