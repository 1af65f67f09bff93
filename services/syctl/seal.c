/* seal status and seal rotate: which key sealed what, and exchanging keys. See OPERATIONS, Secrets.
 */
#include "services/syctl/seal.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "io/kafka.h"
#include "schema/identity_event.h"
#include "schema/submission_event.h"

enum {
    WALK_ARENA_MAX = 256 * 1024 * 1024,
    SEAL_TIMEOUT_MS = 15000,
    ROUNDS_MAX = 20,
    WAITING_MAX_MS = 60000, /* for messages that were sealed before to be consumed */
    WAITING_STEP_MS = 200,
    SEAL_TEXT_MAX = 256 * 1024,
};

void
seal_walk_count(struct seal_walk *walk, struct str relation, struct str name, struct str key_id,
                int64_t many)
{
    char place[SEAL_PLACE_SIZE];
    if (key_id.len == 0 || key_id.len >= SEAL_KEY_SIZE)
        return;
    (void)snprintf(place, sizeof place, "%.*s.%.*s", STR_ARG(relation), STR_ARG(name));
    for (size_t i = 0; i < walk->tally_count; i++)
        if (strcmp(walk->tallies[i].place, place) == 0 &&
            str_eq_text(key_id, walk->tallies[i].key_id)) {
            walk->tallies[i].many += many;
            return;
        }
    if (walk->tally_count == SEAL_TALLIES_MAX) { /* fifty places, sixteen keys */
        walk->overflow = true;
        return;
    }
    struct seal_tally *tally = &walk->tallies[walk->tally_count++];
    *tally = (struct seal_tally){.many = many};
    memcpy(tally->place, place, sizeof place);
    memcpy(tally->key_id, key_id.ptr, key_id.len);
}

bool
seal_walk_again(struct seal_walk *walk, struct str place, struct str value, struct str context,
                struct str *ret_value)
{
    struct err err = {0};
    if (seal_again(walk->sealer, value, context, walk->arena, ret_value, &err) == ERR_OK)
        return true;
    walk->unopened++;
    (void)snprintf(walk->why, sizeof walk->why, "%.*s: %.180s", STR_ARG(place), err.text);
    return false;
}

/* --- messages that a group has not consumed: their values get into the tables --- */

static void
count_waiting(struct seal_walk *walk, const struct kafka_record *record, struct str sealed)
{
    seal_walk_count(walk, STR("waiting"), str_of(record->topic), seal_key_id(sealed), 1);
}

/* Only what is sealed: a field in the clear may look as it likes. What cannot be decoded gets into
 * no table. */
static bool
count_received(const struct kafka_record *record, void *ctx)
{
    struct seal_walk *walk = ctx;
    struct submission_received message;
    struct err bad = {0};
    struct arena_mark mark = arena_mark(walk->arena);
    if (submission_received_decode(record->value, walk->arena, &message, &bad) == ERR_OK) {
        count_waiting(walk, record, message.fields_sealed);
        for (unsigned i = 0; i < FIELD_COUNT_; i++)
            if (fields[i].sensitive) /* version 1 */
                count_waiting(walk, record, message.value[i]);
    }
    arena_rewind(walk->arena, mark);
    return true;
}

static bool
count_identity(const struct kafka_record *record, void *ctx)
{
    struct seal_walk *walk = ctx;
    struct identity_changed message;
    struct err bad = {0};
    struct arena_mark mark = arena_mark(walk->arena);
    if (identity_changed_decode(record->value, walk->arena, &message, &bad) == ERR_OK) {
        count_waiting(walk, record, message.phone_sealed);
        count_waiting(walk, record, message.card_sealed);
    }
    arena_rewind(walk->arena, mark);
    return true;
}

static const struct {
    const char *group;
    const char *topic;
    bool (*count)(const struct kafka_record *record, void *ctx);
} readers[] = {
    {"validation", TOPIC_SUBMISSION_RECEIVED, count_received},
    {"authorization", TOPIC_IDENTITY_CHANGED, count_identity},
};

enum err_code
seal_waiting_count(struct seal_walk *walk, struct err *err)
{
    static struct kafka_range ranges[KAFKA_PARTITIONS_MAX];
    enum err_code code = ERR_OK;
    for (size_t c = 0; code == ERR_OK && c < sizeof readers / sizeof readers[0]; c++) {
        size_t count = 0;
        code = kafka_topic_ranges(walk->ctl->kafka_bootstrap, readers[c].topic, readers[c].group,
                                  SEAL_TIMEOUT_MS, ranges, &count, err);
        for (size_t i = 0; i < count; i++)
            if (ranges[i].committed > ranges[i].begin)
                ranges[i].begin = ranges[i].committed;
        if (code == ERR_OK)
            code = kafka_read_ranges(walk->ctl->kafka_bootstrap, readers[c].topic, ranges, count,
                                     SEAL_TIMEOUT_MS, readers[c].count, walk, err);
    }
    return code;
}

/* --- the walk --- */

static int64_t
tallied_old(const struct seal_walk *walk)
{
    int64_t many = 0;
    for (size_t i = 0; i < walk->tally_count; i++)
        if (strcmp(walk->tallies[i].key_id, keyring_active_id(walk->keyring)) != 0)
            many += walk->tallies[i].many;
    return many;
}

static enum err_code
walk_count(struct seal_walk *walk, struct err *err)
{
    walk->tally_count = 0;
    enum err_code code = seal_redis_count(walk, err);
    if (code == ERR_OK)
        code = seal_waiting_count(walk, err);
    if (code == ERR_OK)
        code = seal_pg_count(walk, err);
    if (code == ERR_OK && walk->overflow)
        return ERR(err, ERR_TOO_LARGE, "more than %d kinds of places and keys: not all are counted",
                   SEAL_TALLIES_MAX);
    return code;
}

/* Until no message that waits holds an old value: the consumers run, or somebody has to see to it.
 */
static enum err_code
walk_wait(struct seal_walk *walk, struct err *err)
{
    for (int waited_ms = 0;; waited_ms += WAITING_STEP_MS) {
        walk->tally_count = 0;
        enum err_code code = seal_waiting_count(walk, err);
        if (code || tallied_old(walk) == 0)
            return code;
        if (waited_ms >= WAITING_MAX_MS)
            return ERR(err, ERR_TIMEOUT,
                       "%" PRId64 " values under an old key are in messages that nobody consumes; "
                       "HINT: syctl lag",
                       tallied_old(walk));
        (void)poll(NULL, 0, WAITING_STEP_MS);
    }
}

/* Sessions first, then what is on its way into the tables, then the tables. */
static enum err_code
walk_rotate(struct seal_walk *walk, struct err *err)
{
    int64_t left = 0;
    for (int round = 1; round <= ROUNDS_MAX; round++) {
        walk->unopened = 0;
        enum err_code code = seal_redis_rotate(walk, err);
        if (code == ERR_OK)
            code = walk_wait(walk, err);
        if (code == ERR_OK)
            code = seal_pg_rotate(walk, err);
        if (code == ERR_OK)
            code = walk_count(walk, err);
        if (code)
            return code;
        left = tallied_old(walk);
        (void)fprintf(stderr, "syctl: round %d: %" PRId64 " sealed again, %" PRId64 " left\n",
                      round, walk->resealed, left);
        if (left == 0)
            return ERR_OK;
        if (walk->unopened >= left)
            return ERR(err, ERR_CRYPTO, "%" PRId64 " values cannot be opened, such as %.150s",
                       walk->unopened, walk->why);
    }
    return ERR(err, ERR_CONFLICT,
               "%" PRId64 " values are still under an old key; HINT: which process has not been "
               "restarted with the new key file?",
               left);
}

/* --- printing --- */

static int64_t
tallied(const struct seal_walk *walk, const char *key_id)
{
    int64_t many = 0;
    for (size_t i = 0; i < walk->tally_count; i++)
        if (strcmp(walk->tallies[i].key_id, key_id) == 0)
            many += walk->tallies[i].many;
    return many;
}

static void
print_tallies(const struct seal_walk *walk)
{
    const char *active = keyring_active_id(walk->keyring);
    for (size_t i = 0; i < walk->tally_count; i++)
        printf("%-36s %-15s %12" PRId64 "\n", walk->tallies[i].place, walk->tallies[i].key_id,
               walk->tallies[i].many);
    printf("%" PRId64 " values under the key %s, which seals now\n", tallied(walk, active), active);
    const char *key_id;
    for (size_t i = 0; (key_id = keyring_seal_id(walk->keyring, i)) != NULL; i++)
        if (strcmp(key_id, active) != 0)
            printf("%" PRId64 " values under the old key %s\n", tallied(walk, key_id), key_id);
    for (size_t i = 0; i < walk->tally_count; i++)
        if (!keyring_has_seal_id(walk->keyring, walk->tallies[i].key_id))
            printf("%" PRId64 " values in %s under the key %s, which the key file has not\n",
                   walk->tallies[i].many, walk->tallies[i].place, walk->tallies[i].key_id);
}

static void
print_tallies_json(const struct seal_walk *walk)
{
    struct buf out;
    buf_init(&out, SEAL_TEXT_MAX);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    jsonw_member_text(&w, "active", keyring_active_id(walk->keyring));
    jsonw_member_int(&w, "old", tallied_old(walk));
    jsonw_member_int(&w, "resealed", walk->resealed);
    jsonw_key(&w, "values");
    jsonw_array_open(&w);
    for (size_t i = 0; i < walk->tally_count; i++) {
        jsonw_object_open(&w);
        jsonw_member_text(&w, "place", walk->tallies[i].place);
        jsonw_member_text(&w, "key", walk->tallies[i].key_id);
        jsonw_member_int(&w, "count", walk->tallies[i].many);
        jsonw_object_close(&w);
    }
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    syctl_print(&out);
    buf_done(&out);
}

static int
seal_run(struct syctl *ctl, const char *what,
         enum err_code (*walk_run)(struct seal_walk *walk, struct err *err))
{
    static struct seal_walk walk;
    struct err err = {0};
    if (!syctl_locate(ctl, SYCTL_KAFKA | SYCTL_KEEPER | SYCTL_KEYS))
        return 2;
    walk = (struct seal_walk){.ctl = ctl, .arena = arena_new(WALK_ARENA_MAX)};
    walk.pg = pg_new(&(struct pg_conf){ctl->keeper_dsn, "syctl", SEAL_TIMEOUT_MS, PG_ANY_WAY});
    enum err_code code = keyring_load(ctl->keys_file, &walk.keyring, &err);
    if (code == ERR_OK)
        code = redis_new(
            &(struct redis_conf){ctl->redis_url, ctl->redis_password_file, SEAL_TIMEOUT_MS},
            &walk.redis, &err);
    if (code == ERR_OK) {
        walk.sealer = sealer_new(walk.keyring);
        code = walk_run(&walk, &err);
    }
    if (code)
        (void)syctl_fail(ctl, what, &err);
    else if (ctl->json)
        print_tallies_json(&walk);
    else
        print_tallies(&walk);
    sealer_free(walk.sealer);
    redis_free(walk.redis);
    keyring_free(walk.keyring);
    pg_free(walk.pg);
    arena_free(walk.arena);
    return code ? 1 : 0;
}

int
seal_status_run(struct syctl *ctl)
{
    return seal_run(ctl, "seal status", walk_count);
}

int
seal_rotate_run(struct syctl *ctl)
{
    return seal_run(ctl, "seal rotate", walk_rotate);
}
