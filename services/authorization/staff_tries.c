#include "services/authorization/staff_tries.h"

#include <stdio.h>

#include "runtime/metrics.h"

enum { STRANGER_TRIES = 10, DEVICE_TRIES = 5, NONCE_BYTES = 16, NONCE_HEX = 32 };
#define WINDOW STR("900")
_Static_assert(STAFF_TRIES_WINDOW_S == 900, "as WINDOW says");
_Static_assert(STAFF_DEVICE_SIZE == NONCE_HEX + 1 + INDEX_HEX_SIZE, "nonce, dot, hash");

static void
device_hash(const struct keyring *keyring, struct str account, struct str nonce,
            char out[INDEX_HEX_SIZE])
{
    char text[128];
    int length = snprintf(text, sizeof text, "%.*s/%.*s", STR_ARG(account), STR_ARG(nonce));
    keyring_index(keyring, "staff-device", (struct str){text, (size_t)length}, out);
}

void
staff_device_new(const struct keyring *keyring, struct str account,
                 char ret_device[STAFF_DEVICE_SIZE])
{
    unsigned char bytes[NONCE_BYTES];
    char nonce[NONCE_HEX + 1];
    char hash[INDEX_HEX_SIZE];
    crypto_random(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, nonce);
    device_hash(keyring, account, str_of(nonce), hash);
    (void)snprintf(ret_device, STAFF_DEVICE_SIZE, "%s.%s", nonce, hash);
}

bool
staff_device_known(const struct keyring *keyring, struct str account, struct str device)
{
    char hash[INDEX_HEX_SIZE];
    struct str nonce = str_cut(&device, '.');
    if (nonce.len != NONCE_HEX || device.len != INDEX_HEX_SIZE - 1)
        return false;
    device_hash(keyring, account, nonce, hash);
    return crypto_equal(device, str_of(hash));
}

static enum err_code
take(struct redis *redis, struct staff_tries *tries, int64_t most, struct arena *arena,
     struct err *err)
{
    struct redis_value values[3];
    const struct redis_command commands[] = {
        REDIS_COMMAND(STR("INCR"), tries->key),
        REDIS_COMMAND(STR("EXPIRE"), tries->key, WINDOW, STR("NX")),
        REDIS_COMMAND(STR("TTL"), tries->key),
    };
    enum err_code code = redis_pipeline(redis, commands, 3, arena, values, err);
    for (size_t i = 0; code == ERR_OK && i < 3; i++)
        if (values[i].type == REDIS_ERROR)
            code = ERR(err, ERR_UNAVAILABLE, "redis answered: %.*s", STR_ARG(values[i].text));
    if (code)
        return code;
    tries->within = values[0].integer <= most;
    tries->first_beyond = values[0].integer == most + 1;
    tries->retry_s = values[2].integer > 0 ? (unsigned)values[2].integer : STAFF_TRIES_WINDOW_S;
    if (!tries->within)
        metric_count(METRIC_sy_limits_refused_total, "staff-login");
    return ERR_OK;
}

enum err_code
staff_tries_take(struct redis *redis, const struct keyring *keyring, struct str account,
                 struct str device, struct arena *arena, struct staff_tries *ret_tries,
                 struct err *err)
{
    char index[INDEX_HEX_SIZE];
    bool known = staff_device_known(keyring, account, device);
    keyring_index(keyring, "staff-account", account, index);
    *ret_tries = (struct staff_tries){
        .known_device = known,
        .key = known ? arena_printf(arena, "lim:staff:%s:%.*s", index, NONCE_HEX, device.ptr)
                     : arena_printf(arena, "lim:staff:%s", index),
    };
    return take(redis, ret_tries, known ? DEVICE_TRIES : STRANGER_TRIES, arena, err);
}

enum err_code
staff_tries_of_session(struct redis *redis, struct str staff_id, struct arena *arena,
                       struct staff_tries *ret_tries, struct err *err)
{
    *ret_tries = (struct staff_tries){
        .key = arena_printf(arena, "lim:staff-password:%.*s", STR_ARG(staff_id))};
    return take(redis, ret_tries, DEVICE_TRIES, arena, err);
}

enum err_code
staff_tries_forget(struct redis *redis, const struct staff_tries *tries, struct arena *arena,
                   struct err *err)
{
    struct redis_value value;
    const struct redis_command command = REDIS_COMMAND(STR("DEL"), tries->key);
    return redis_call(redis, &command, arena, &value, err);
}

enum err_code
staff_tries_give_back(struct redis *redis, const struct staff_tries *tries, struct arena *arena,
                      struct err *err)
{
    struct redis_value values[2];
    const struct redis_command commands[] = {
        REDIS_COMMAND(STR("DECR"), tries->key),
        REDIS_COMMAND(STR("EXPIRE"), tries->key, WINDOW, STR("NX")),
    };
    return redis_pipeline(redis, commands, 2, arena, values, err);
}
