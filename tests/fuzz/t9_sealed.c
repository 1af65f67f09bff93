/*
 * T9, sealed values, session records and submission ids. 's' and bytes: nothing that was not made
 * here opens. 'm' and edits of a value made here: it opens only when the edits changed nothing.
 * 'r' and bytes: a session record that is read is written and read the same. 'i' and an id: it is a
 * student's only when it was made for that student.
 */
#include <string.h>

#include "base/limits.h"
#include "io/seal.h"
#include "runtime/session.h"
#include "tests/fuzz/fuzz.h"

static struct {
    struct keyring *keyring;
    struct sealer *sealer;
    struct keyring *keyring_sm4; /* the same keys, but another suite seals */
    struct sealer *sealer_sm4;
} own;

static void
open_own(void)
{
    struct err err = {0};
    if (own.keyring)
        return;
    FUZZ_CHECK(keyring_load(fuzz_file(fuzz_keys), &own.keyring, &err) == ERR_OK, "keys load");
    FUZZ_CHECK(keyring_load(fuzz_file(fuzz_keys_sm4), &own.keyring_sm4, &err) == ERR_OK,
               "keys of another suite load");
    own.sealer = sealer_new(own.keyring);
    own.sealer_sm4 = sealer_new(own.keyring_sm4);
}

static void
take_strange(struct str text, struct arena *arena)
{
    struct err err = {0};
    struct str plain = STR("untouched");
    struct str id = seal_key_id(text);
    FUZZ_CHECK(seal_open(own.sealer, text, STR("c"), arena, &plain, &err) == ERR_CRYPTO,
               "a value that was not made here does not open");
    FUZZ_CHECK(str_eq(plain, STR("untouched")) && err.text[0], "a refusal returns words only");
    FUZZ_CHECK(id.len <= text.len, "a key id is part of the value");
}

/* Edits: pairs of (place, xor), then a cut. */
static void
take_edited(struct fuzz_input *input, struct arena *arena)
{
    static const struct str plains[] = {{"", 0}, {"x", 1}, {"13800000001", 11}};
    struct err err = {0};
    struct str plain;
    struct str secret = plains[fuzz_below(input, 3)];
    uint8_t choice = fuzz_byte(input);
    bool elsewhere = choice & 1;
    size_t cut = fuzz_byte(input);
    struct str sealed =
        seal_text(choice & 2 ? own.sealer_sm4 : own.sealer, secret, STR("here"), arena);
    struct str copy = arena_copy(arena, sealed);
    while (fuzz_more(input)) {
        size_t place = fuzz_byte(input);
        uint8_t change = fuzz_byte(input);
        if (place < copy.len)
            ((char *)(uintptr_t)copy.ptr)[place] ^= (char)change;
    }
    copy.len = cut < copy.len ? copy.len - cut : 0;
    bool same = str_eq(copy, sealed) && !elsewhere;
    enum err_code code =
        seal_open(own.sealer, copy, elsewhere ? STR("there") : STR("here"), arena, &plain, &err);
    FUZZ_CHECK((code == ERR_OK) == same, "a value opens unchanged, in its place, and only so");
    FUZZ_CHECK(code == ERR_OK || code == ERR_CRYPTO, "a value that does not open is refused");
    FUZZ_CHECK(code != ERR_OK || str_eq(plain, secret), "what opens is what was sealed");
}

static void
take_record(struct str text, struct arena *arena)
{
    struct session session = {0};
    struct session again = {0};
    if (!session_decode(text, &session))
        return;
    struct str written = session_encode(&session, arena);
    FUZZ_CHECK(session_decode(written, &again), "a session that was read can be written");
    FUZZ_CHECK(str_eq(written, session_encode(&again, arena)), "and is the same");
    FUZZ_CHECK(session.session_id.len && session.account_id.len && session.opened_at_ms >= 0 &&
                   session.expires_at_ms >= 0 && session.identity_sequence >= 0,
               "a session that was read is whole");
}

static void
take_id(struct str text)
{
    char made[SUBMISSION_ID_SIZE];
    submission_id_make(own.keyring, STR("student"), STR("campaign"), text, made);
    FUZZ_CHECK(uuid_valid(str_of(made)), "an id that was made is well-formed");
    FUZZ_CHECK(submission_id_is_of(own.keyring, STR("student"), STR("campaign"), str_of(made)),
               "an id is its student's");
    FUZZ_CHECK(!submission_id_is_of(own.keyring, STR("student2"), STR("campaign"), str_of(made)),
               "an id is nobody else's");
    FUZZ_CHECK(!submission_id_is_of(own.keyring, STR("student"), STR("campaign2"), str_of(made)),
               "an id is of no other campaign");
    FUZZ_CHECK(!submission_id_is_of(own.keyring, STR("student"), STR("campaign"), text),
               "an id that was not made is nobody's");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input_on(data, size);
    struct arena *arena = arena_new(LIMIT_BATCH_ARENA);
    char kind = (char)fuzz_byte(&input);
    open_own();
    if (kind == 's')
        take_strange(fuzz_rest(&input), arena);
    else if (kind == 'm')
        take_edited(&input, arena);
    else if (kind == 'r')
        take_record(fuzz_rest(&input), arena);
    else if (kind == 'i' && size <= LIMIT_IDEMPOTENCY_KEY)
        take_id(fuzz_rest(&input));
    arena_free(arena);
    return 0;
}
