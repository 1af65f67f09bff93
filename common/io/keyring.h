/*
 * Keys, and what is done with them: sealing values (authenticated encryption, key id in each
 * value), keyed hashes for equality search, and submission ids. The cipher suite is behind a table:
 * a sealed value names its suite and key, so several live side by side.
 *
 * Sealed text: "<suite>.<key id>.<base64 of nonce, ciphertext, tag>", e.g. "a1.k2.Zm9v…"; the
 * `context` (such as "student-id/JTDZ") is authenticated, so a value cannot be moved elsewhere.
 *
 * A keyring is read-only after loading and shared by all threads; a sealer belongs to one thread.
 */
#pragma once

#include "io/crypto.h"

struct keyring;
struct sealer;

/* Reads a key file: lines "<purpose> <key id> <64 hex digits>", purposes seal, index, submission;
 * '#' begins a comment. The last seal key seals, all open. ERR_CONFIG with a hint when the file can
 * be read by group or others, when a purpose is missing, or when a key is all zero. */
enum err_code keyring_load(const char *path, struct keyring **ret_keyring,
                           struct err *err) MUST_CHECK;
void keyring_free(struct keyring *keyring);
/* Id of the key that seals now. */
const char *keyring_active_id(const struct keyring *keyring);

struct sealer *sealer_new(const struct keyring *keyring); /* keyring outlives it */
void sealer_free(struct sealer *sealer);
/* Sealed text in the arena. */
struct str seal_text(struct sealer *sealer, struct str plain, struct str context,
                     struct arena *arena);
/* ERR_CRYPTO when malformed, of an unknown key, or not made for this context. */
enum err_code seal_open(struct sealer *sealer, struct str sealed, struct str context,
                        struct arena *arena, struct str *ret_plain, struct err *err) MUST_CHECK;
/* The key id of a sealed text; STR_NONE when it is none. */
struct str seal_key_id(struct str sealed);

enum { INDEX_HEX_SIZE = 33 };
/* Keyed hash for equality search, 128 bits in hex. `domain` keeps kinds apart ("document"). */
void keyring_index(const struct keyring *keyring, const char *domain, struct str value,
                   char out[INDEX_HEX_SIZE]);

enum { SUBMISSION_ID_SIZE = 37 };
/*
 * A submission's id, derived so that the same student, campaign and idempotency key give the same
 * id without any memory, in UUIDv8 form (RFC 9562). The first half is a keyed hash of all three,
 * the second a keyed hash of student, campaign and first half: whether an id is this student's can
 * be told without asking a store.
 */
void submission_id_make(const struct keyring *keyring, struct str student_id,
                        struct str campaign_id, struct str idempotency_key,
                        char out[SUBMISSION_ID_SIZE]);
bool submission_id_is_of(const struct keyring *keyring, struct str student_id,
                         struct str campaign_id, struct str submission_id);

/* A random UUIDv4 in text form. */
void uuid_random(char out[SUBMISSION_ID_SIZE]);
/* Lower-case 8-4-4-4-12. */
bool uuid_valid(struct str text);
