/*
 * Sealing values: authenticated encryption under a key of the key ring. Each value names its suite
 * and its key, so several live side by side (io/suite.h) and keys can be exchanged while everything
 * runs.
 *
 * Sealed text: "<suite>.<key id>.<base64 of nonce, ciphertext, tag>", e.g. "a1.k2.Zm9v…"; the
 * `context` (such as "student-id/JTDZ") is authenticated, so a value cannot be moved elsewhere.
 *
 * A sealer belongs to one thread.
 */
#pragma once

#include "io/keyring.h"
#include "io/suite.h"

struct sealer;

struct sealer *sealer_new(const struct keyring *keyring); /* keyring outlives it */
void sealer_free(struct sealer *sealer);
/* Bytes of what may be sealed as one: who lets values in keeps them below it. */
enum { SEALED_PLAIN_MAX = 64 * 1024 };
/* Sealed text in the arena; `plain` is at most SEALED_PLAIN_MAX long. */
struct str seal_text(struct sealer *sealer, struct str plain, struct str context,
                     struct arena *arena);
/* ERR_CRYPTO when malformed, of an unknown key, or not made for this context. */
enum err_code seal_open(struct sealer *sealer, struct str sealed, struct str context,
                        struct arena *arena, struct str *ret_plain, struct err *err) MUST_CHECK;
/* Opens and seals under the key that seals now. */
enum err_code seal_again(struct sealer *sealer, struct str sealed, struct str context,
                         struct arena *arena, struct str *ret_sealed, struct err *err) MUST_CHECK;
/* The key id of a sealed text; STR_NONE when it is none. */
struct str seal_key_id(struct str sealed);
/* Of the key that seals now. */
const struct suite *seal_suite(const struct sealer *sealer);
/* Whether the key that seals now sealed it. */
bool seal_is_current(const struct sealer *sealer, struct str sealed);
