/*
 * Sealing what is too large to be sealed as text (io/seal.h): under a key of its own, made for it
 * alone, by the suite that seals now. That key is sealed as any value is; exchanging keys touches
 * it and leaves the bytes alone. The context is authenticated with both.
 */
#pragma once

#include "io/seal.h"

/* *ret_key_sealed in the arena; nonce, ciphertext and tag appended to *out. */
void blob_seal(struct sealer *sealer, struct str plain, struct str context, struct arena *arena,
               struct str *ret_key_sealed, struct buf *out);
/* Appends the plain bytes to *out. ERR_CRYPTO as seal_open. */
enum err_code blob_open(struct sealer *sealer, struct str key_sealed, struct str bytes,
                        struct str context, struct arena *arena, struct buf *out,
                        struct err *err) MUST_CHECK;
