/*
 * Tries to log in as staff, counted in Redis before anything is looked at, for accounts that exist
 * and for others alike. Who has logged in from a device before has tries of his own there (a cookie
 * says so): others can use up those of strangers, never his.
 */
#pragma once

#include "io/keyring.h"
#include "io/redis.h"

#define STAFF_DEVICE_COOKIE "sy_staff_device"
enum { STAFF_DEVICE_SIZE = 66, STAFF_TRIES_WINDOW_S = 900 };

struct staff_tries {
    struct str key;
    bool known_device;
    bool within;
    bool first_beyond; /* this try was the one that closed the account */
    unsigned retry_s;
};

/* A device's cookie: "<nonce>.<keyed hash of account and nonce>"; nothing is stored. */
void staff_device_new(const struct keyring *keyring, struct str account,
                      char ret_device[STAFF_DEVICE_SIZE]);
bool staff_device_known(const struct keyring *keyring, struct str account, struct str device);

/* Counts one try. `device` is what the cookie says, empty when there is none. */
enum err_code staff_tries_take(struct redis *redis, const struct keyring *keyring,
                               struct str account, struct str device, struct arena *arena,
                               struct staff_tries *ret_tries, struct err *err) MUST_CHECK;
/* The same for the password that somebody who is logged in says again. */
enum err_code staff_tries_of_session(struct redis *redis, struct str staff_id, struct arena *arena,
                                     struct staff_tries *ret_tries, struct err *err) MUST_CHECK;
/* It was the right one: what was counted is forgotten. */
enum err_code staff_tries_forget(struct redis *redis, const struct staff_tries *tries,
                                 struct arena *arena, struct err *err) MUST_CHECK;
/* Takes one back that was never looked at. */
enum err_code staff_tries_give_back(struct redis *redis, const struct staff_tries *tries,
                                    struct arena *arena, struct err *err) MUST_CHECK;
