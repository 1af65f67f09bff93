/*
 * Passwords and one-time codes of staff. A password is kept as a verifier: scrypt (RFC 7914) of
 * OpenSSL with a salt and its cost in the text, so that the cost can be raised later. One-time
 * codes: RFC 6238 with SHA-1, 30 seconds, six digits, as authenticator apps have them. Thread-safe.
 */
#pragma once

#include "io/crypto.h"

/* "scrypt$15$8$3$<salt>$<hash>": 2^15 blocks of 8, three times; 32 MiB and a quarter of a second.
 */
enum { PASSWORD_VERIFIER_SIZE = 128 };
void password_verifier(struct str password, char ret_verifier[PASSWORD_VERIFIER_SIZE]);
/* False as well when the verifier cannot be read; takes as long for a wrong password as for a right
 * one. */
bool password_check(struct str password, struct str verifier);
/* A verifier no password fits, which takes as long: for accounts that do not exist. */
extern const char password_of_nobody[];

enum { TOTP_SECRET_SIZE = 20, TOTP_CODE_SIZE = 7, TOTP_STEP_S = 30, TOTP_BASE32_SIZE = 33 };
void totp_code(const unsigned char secret[TOTP_SECRET_SIZE], uint64_t step,
               char ret_code[TOTP_CODE_SIZE]);
/* The step within one of now's that has this code and is later than `used_step`; 0 when there is
 * none. Does the same work in every case. */
uint64_t totp_step_of(const unsigned char secret[TOTP_SECRET_SIZE], struct str code, int64_t now_s,
                      uint64_t used_step);
/* RFC 4648 base32, as apps take a secret. */
void totp_base32(const unsigned char secret[TOTP_SECRET_SIZE], char ret_text[TOTP_BASE32_SIZE]);
