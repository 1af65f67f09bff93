/*
 * Cipher suites: one row each, an authenticated encryption behind one interface. A row says how a
 * 32-byte key becomes the suite's own keys, and how a text is locked and unlocked together with a
 * context that is authenticated but not hidden. Knows nothing of key files or of the form of sealed
 * values (io/seal.h). A `struct cipher` belongs to one thread.
 */
#pragma once

#include "io/crypto.h"

enum { SUITE_KEY_SIZE = 32, SUITE_NONCE_MAX = 16, SUITE_TAG_MAX = 32 };

struct suite;
struct cipher;

/* By the name in a key file ("aes-256-gcm", "sm4-ctr-hmac-sm3"); NULL when there is none. */
const struct suite *suite_find(struct str name);
/* By the first word of a sealed value ("a1", "s1"); NULL when there is none. */
const struct suite *suite_of_prefix(struct str prefix);
const struct suite *suite_default(void);
const char *suite_name(const struct suite *suite);
const char *suite_prefix(const struct suite *suite);
size_t suite_nonce_size(const struct suite *suite);
size_t suite_tag_size(const struct suite *suite);
void suite_write_docs(struct buf *out);

/* A suite with a key. `locks`: for cipher_lock, else for cipher_unlock. */
struct cipher *cipher_new(const struct suite *suite, const unsigned char key[SUITE_KEY_SIZE],
                          bool locks);
void cipher_free(struct cipher *cipher);
const struct suite *cipher_suite(const struct cipher *cipher);
/* Writes plain.len bytes and the tag to `out`. A nonce is never used twice with one key. */
void cipher_lock(struct cipher *cipher, const unsigned char *nonce, struct str context,
                 struct str plain, unsigned char *out);
/* `text` and the tag behind it, as cipher_lock wrote them. False when anything was changed; `out`
 * (text.len bytes) then holds nothing of use. */
bool cipher_unlock(struct cipher *cipher, const unsigned char *nonce, struct str context,
                   struct str text, unsigned char *out);
