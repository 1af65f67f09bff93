/*
 * Keys, and what is done with them besides sealing (io/seal.h): keyed hashes for equality search,
 * and submission ids. A keyring is read-only after loading and shared by all threads.
 */
#pragma once

#include "io/crypto.h"

struct keyring;

/*
 * Reads a key file: lines "<purpose> <key id> <64 hex digits>", purposes seal, index, submission; a
 * seal key may be followed by its suite (io/suite.h). '#' begins a comment. The last seal key
 * seals, all open. ERR_CONFIG with a hint when others can read the file, a purpose is missing, an
 * id or a key is there twice, or a key is all zero.
 */
enum err_code keyring_load(const char *path, struct keyring **ret_keyring,
                           struct err *err) MUST_CHECK;
/* ERR_CONFIG for the keys of a demonstration and for patterns: not fit for real people's data. */
enum err_code keyring_check_production(const struct keyring *keyring, struct err *err) MUST_CHECK;
void keyring_free(struct keyring *keyring);
/* Id of the key that seals now. */
const char *keyring_active_id(const struct keyring *keyring);
/* Ids of the seal keys in the order of the file; NULL behind the last. */
const char *keyring_seal_id(const struct keyring *keyring, size_t index);
bool keyring_has_seal_id(const struct keyring *keyring, const char *id);

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
