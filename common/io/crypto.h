/*
 * The few cryptographic operations everything else is built from, on OpenSSL's libcrypto: hashes,
 * keyed hashes, random bytes, constant-time comparison; and hex and base64 text. Keys belong to
 * io/keyring.h; each thread keeps the states of the last HMAC keys of 32 bytes until it ends.
 * Thread-safe.
 */
#pragma once

#include "base/buf.h"

enum { SHA256_SIZE = 32, SHA256_HEX_SIZE = 65 };

void crypto_sha256(struct str data, unsigned char out[SHA256_SIZE]);
void crypto_hmac_sha256(struct str key, struct str data, unsigned char out[SHA256_SIZE]);
/* Cryptographically strong; aborts when the system has none to give. */
void crypto_random(void *out, size_t size);
/* The same, drawn in stock by each thread: for what is public and has to be unique (nonces, trace
 * ids), not for secrets. size <= 1024. */
void crypto_nonce(void *out, size_t size);
/* Compares without telling by its time where the difference is. Lengths are not secret. */
bool crypto_equal(struct str a, struct str b);
/* Overwrites in a way the compiler keeps. */
void crypto_wipe(void *memory, size_t size);

/* Lower-case; `out` has 2 * size + 1 bytes. */
void hex_encode(const void *data, size_t size, char *out);
/* Exactly 2 * size hex digits of either case. */
bool hex_decode(struct str text, void *out, size_t size);
void crypto_sha256_hex(struct str data, char out[SHA256_HEX_SIZE]);

/* Standard alphabet with padding (RFC 4648 section 4). */
void base64_encode(struct buf *out, struct str data);
/* The same into base64_length(data.len) bytes, without a NUL. */
void base64_write(char *out, struct str data);
/* Strict: no white space, right padding, no stray bits. Writes at most `size` bytes. */
bool base64_decode(struct str text, void *out, size_t size, size_t *ret_length);
/* Length of base64_encode's text. */
size_t base64_length(size_t data_length);
