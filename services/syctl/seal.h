/*
 * Walks over every sealed value there is, to count them by key (syctl seal status) or to seal them
 * again under the key that seals now (syctl seal rotate). One file a store: PostgreSQL, Redis,
 * messages not yet consumed. Values are exchanged by compare-and-set everywhere: what a service has
 * written meanwhile stands, and the next walk finds it.
 */
#pragma once

#include "io/pg.h"
#include "io/redis.h"
#include "io/seal.h"
#include "services/syctl/command.h"

enum { SEAL_TALLIES_MAX = 512, SEAL_PLACE_SIZE = 64, SEAL_KEY_SIZE = 16 };

struct seal_tally {
    char place[SEAL_PLACE_SIZE]; /* "roster.student.sfzh_sealed" */
    char key_id[SEAL_KEY_SIZE];
    int64_t many;
};

struct seal_walk {
    struct syctl *ctl;
    struct keyring *keyring;
    struct sealer *sealer;
    struct pg *pg;
    struct redis *redis;
    struct arena *arena; /* forgotten after each step */
    size_t tally_count;
    struct seal_tally tallies[SEAL_TALLIES_MAX];
    bool overflow; /* there are more */
    int64_t resealed;
    int64_t unopened; /* could not be opened: *why says the last reason */
    char why[ERR_TEXT_SIZE];
};

void seal_walk_count(struct seal_walk *walk, struct str relation, struct str name,
                     struct str key_id, int64_t many);
/* The value under the current key; false (and counted) when it cannot be opened. */
bool seal_walk_again(struct seal_walk *walk, struct str place, struct str value, struct str context,
                     struct str *ret_value);

/* Count into the tallies. */
enum err_code seal_pg_count(struct seal_walk *walk, struct err *err) MUST_CHECK;
enum err_code seal_redis_count(struct seal_walk *walk, struct err *err) MUST_CHECK;
enum err_code seal_waiting_count(struct seal_walk *walk, struct err *err) MUST_CHECK;
/* Seal again what is under another key than the current one. */
enum err_code seal_pg_rotate(struct seal_walk *walk, struct err *err) MUST_CHECK;
enum err_code seal_redis_rotate(struct seal_walk *walk, struct err *err) MUST_CHECK;
