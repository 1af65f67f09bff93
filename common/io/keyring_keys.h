/* What a key ring consists of: for the modules that use keys (keyring.c, seal.c), for nobody else.
 */
#pragma once

#include "io/suite.h"

enum {
    KEY_ID_SIZE = 16,
    KEYRING_KEYS_MAX = 16, /* two live keys a purpose are usual */
};

enum key_purpose { KEY_SEAL, KEY_INDEX, KEY_SUBMISSION, KEY_PURPOSE_COUNT_ };

struct key {
    enum key_purpose purpose;
    const struct suite *suite; /* of a seal key */
    char id[KEY_ID_SIZE];
    unsigned char bytes[SUITE_KEY_SIZE];
};

struct keyring {
    size_t count;
    struct key keys[KEYRING_KEYS_MAX];
    const struct key *active[KEY_PURPOSE_COUNT_]; /* the last one of a purpose */
    bool demonstration;                           /* made by make run */
};

/* NULL when the ring has none of that purpose and id. */
const struct key *keyring_find(const struct keyring *keyring, enum key_purpose purpose,
                               struct str id);
