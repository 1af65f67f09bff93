/*
 * T12, a submission's way with texts that are long and grow: DEL, a line feed, U+2028 and U+20BB7
 * take up to six times their room in JSON of ours. 'i' and pieces (field, unit, how often): the
 * body that a student sends through intake's reading, sealing and writing, then validation's
 * decoding and what it stores, as services/intake/submit.c and services/validation/store_pg.c do
 * it. 'o' and 'p' and pieces: the same values, sealed as one (or, version 1, each by itself) by
 * somebody who did not look at their length. What is promised is judged with the very values; what
 * cannot be stored is refused before, or buried; nobody dies of it.
 */
#include <string.h>

#include "base/jsonw.h"
#include "base/limits.h"
#include "runtime/event.h"
#include "schema/json.h"
#include "services/intake/domain.h"
#include "services/validation/decode.h"
#include "tests/fuzz/fuzz.h"

#define STUDENT STR("11111111-1111-4111-8111-111111111111")
#define SUBMISSION STR("22222222-2222-4222-8222-222222222222")

/* What is repeated: as it stands in a student's JSON. */
static const struct str units[] = {
    {"a", 1},
    {"\x7f", 1},
    {"\\n", 2},
    {"\xe2\x80\xa8", 3},
    {"\xf0\xa0\xae\xb7", 4},
    {"\\u007f", 6},
    {"\\u2028", 6},
    {"\\ud842\\udfb7", 12},
    {"\\\"", 2},
    {"\\\\", 2},
    {"\xe7\x94\x9f", 3},
    {" ", 1},
};
enum { UNITS = sizeof units / sizeof units[0], OTHERS_BYTES_MAX = 48 * 1024 };

static struct campaign campaign;
static struct sealer *sealer;

/* A record here has no header fields: they are another target's (t5 knows nothing of them either).
 */
enum err_code
event_check(const struct kafka_record *record, const char *type, struct err *err)
{
    (void)record;
    (void)type;
    (void)err;
    return ERR_OK;
}

struct str
event_traceparent(const struct kafka_record *record)
{
    (void)record;
    return STR_NONE;
}

static void
open_own(void)
{
    static struct keyring *keyring;
    struct err err = {0};
    if (keyring)
        return;
    campaign_default(&campaign);
    campaign.campaign_id = STR("c");
    FUZZ_CHECK(keyring_load(fuzz_file(fuzz_keys), &keyring, &err) == ERR_OK, "keys load");
    sealer = sealer_new(keyring);
}

/* Pieces of the same field follow one another in its value. */
static void
grow(struct fuzz_input *input, struct buf texts[FIELD_COUNT_], size_t bytes_max)
{
    size_t bytes = 0;
    while (fuzz_more(input)) {
        struct buf *text = &texts[fuzz_below(input, FIELD_COUNT_)];
        struct str unit = units[fuzz_below(input, UNITS)];
        size_t times = (size_t)fuzz_byte(input) << 8;
        times += fuzz_byte(input);
        for (size_t i = 0; i < times && bytes + unit.len <= bytes_max; i++) {
            buf_add(text, unit);
            bytes += unit.len;
        }
    }
}

/* {"fields":{...}}, as a client writes it. */
static const struct json *
body_read(const struct buf texts[FIELD_COUNT_], struct arena *arena)
{
    CLEANUP(buf_done) struct buf body;
    struct err err = {0};
    const struct json *root = NULL;
    bool any = false;
    buf_init(&body, 2 * LIMIT_HTTP_BODY);
    buf_add_text(&body, "{\"fields\":{");
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        if (texts[i].len == 0)
            continue;
        buf_printf(&body, "%s\"%s\":\"", any ? "," : "", fields[i].name);
        buf_add(&body, buf_str(&texts[i]));
        buf_add_text(&body, "\"");
        any = true;
    }
    buf_add_text(&body, "}}");
    if (body.len > LIMIT_HTTP_BODY) /* 413, before anybody reads it */
        return NULL;
    FUZZ_CHECK(json_parse_in(arena, buf_str(&body), &root, &err) == ERR_OK, "the body is JSON");
    return json_get(root, "fields");
}

static struct str
seal_all(const struct str value[FIELD_COUNT_], struct buf *scratch, struct arena *arena)
{
    buf_reset(scratch);
    if (!submission_sealed_encode(value, scratch))
        return STR_NONE;
    return seal_text(sealer, buf_str(scratch),
                     submission_sealed_context(STUDENT, SUBMISSION, arena), arena);
}

static struct submission_received
message_of(const struct str value[FIELD_COUNT_], struct str sealed)
{
    struct submission_received message = {.submission_id = SUBMISSION,
                                          .student_id = STUDENT,
                                          .campaign_id = campaign.campaign_id,
                                          .idempotency_key = STR("k"),
                                          .body_index = STR("b"),
                                          .fields_sealed = sealed};
    memcpy(message.value, value, sizeof message.value);
    return message;
}

static void
decode(struct str text, struct arena *arena, struct item *item)
{
    const struct campaign_list campaigns = {1, &campaign};
    struct kafka_record record = {
        .topic = TOPIC_SUBMISSION_RECEIVED, .key = STUDENT, .value = text};
    item_decode(&record, &campaigns, sealer, arena, item);
}

/* What validation stores: sealed as one, with what is filled in; it opens again as it was. */
static void
check_stored(const struct item *item, struct buf *scratch, struct arena *arena)
{
    struct err err = {0};
    struct str plain;
    struct str again[FIELD_COUNT_] = {{0}};
    struct record_values values = item->submitted;
    record_apply_defaults(item->campaign, &values);
    struct str sealed = seal_all(values.value, scratch, arena);
    if (sealed.len == 0)
        return;
    FUZZ_CHECK(seal_open(sealer, sealed, submission_sealed_context(STUDENT, SUBMISSION, arena),
                         arena, &plain, &err) == ERR_OK,
               "what is stored opens");
    FUZZ_CHECK(submission_sealed_decode(plain, arena, again, &err) == ERR_OK, "and is read");
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        FUZZ_CHECK(!fields[i].sensitive || str_eq(again[i], values.value[i]),
                   "a stored value is what was judged");
}

static void
check_same(const struct item *item, const struct str value[FIELD_COUNT_])
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        FUZZ_CHECK(str_eq(item->submitted.value[i], value[i]), "what was sent is judged");
}

/* Through intake: promised, so it has to be decodable and storable. */
static const char *
through_intake(const struct json *object, struct buf *scratch, struct arena *arena)
{
    struct fields_read read;
    struct item item;
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, 4 * LIMIT_MESSAGE);
    fields_read_object(object, FIELDS_LENGTH_FACTOR, &read);
    if (read.verdict != FIELDS_OK)
        return "refused";
    struct submission_received message =
        message_of(read.value, seal_all(read.value, scratch, arena));
    submission_received_encode(&message, &text);
    FUZZ_CHECK(!text.overflow && text.len <= LIMIT_MESSAGE, "a submission fits into a message");
    decode(buf_str(&text), arena, &item);
    fuzz_tell("%s", item.text);
    FUZZ_CHECK(item.state == ITEM_DECODED, "what intake promises validation can judge");
    check_same(&item, read.value);
    check_stored(&item, scratch, arena);
    return "promised";
}

/* Version 1, which is only read: each value sealed by itself among the others. */
static void
encode_one(const struct submission_received *message, struct arena *arena, struct buf *out)
{
    struct jsonw w = jsonw_on(out);
    jsonw_object_open(&w);
    jsonw_member_int(&w, "version", 1);
    jsonw_member(&w, "submission_id", message->submission_id);
    jsonw_member(&w, "student_id", message->student_id);
    jsonw_member(&w, "campaign_id", message->campaign_id);
    jsonw_member(&w, "idempotency_key", message->idempotency_key);
    jsonw_member(&w, "body_index", message->body_index);
    jsonw_member_text(&w, "received_at", "2026-11-25T00:00:00.000Z");
    jsonw_key(&w, "fields");
    jsonw_object_open(&w);
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        struct str value = message->value[i];
        struct str context = arena_printf(arena, "%.*s/%s", STR_ARG(STUDENT), fields[i].name);
        if (value.len)
            jsonw_member_str(&w, fields[i].name_str,
                             fields[i].sensitive ? seal_text(sealer, value, context, arena)
                                                 : value);
    }
    jsonw_object_close(&w);
    jsonw_object_close(&w);
}

/* From somebody else: whatever comes is judged as it came, or buried. */
static const char *
from_others(bool first_version, const struct str value[FIELD_COUNT_], struct buf *scratch,
            struct arena *arena)
{
    struct item item;
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, 16 * LIMIT_MESSAGE);
    if (!first_version && !submission_sealed_fits(value, SEALED_PLAIN_MAX))
        return "unsealable";
    struct submission_received message =
        message_of(value, first_version ? STR_NONE : seal_all(value, scratch, arena));
    if (first_version)
        encode_one(&message, arena, &text);
    else
        submission_received_encode(&message, &text);
    FUZZ_CHECK(!text.overflow, "the values are bounded");
    decode(buf_str(&text), arena, &item);
    if (item.state == ITEM_DEAD) {
        FUZZ_CHECK(item.text[0], "what is buried has its reason");
        return item.reason;
    }
    FUZZ_CHECK(item.state == ITEM_DECODED, "an item is decoded or dead");
    check_same(&item, value);
    check_stored(&item, scratch, arena);
    return "judged";
}

static void
values_of(const struct json *object, struct str value[FIELD_COUNT_])
{
    for (const struct json *m = json_first(object); m; m = json_next(m))
        value[field_find(json_name(m))->id] = json_str(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input_on(data, size);
    char kind = (char)fuzz_byte(&input);
    if (kind != 'i' && kind != 'o' && kind != 'p')
        return 0;
    struct arena *arena = arena_new(LIMIT_BATCH_ARENA);
    struct buf scratch;
    struct buf texts[FIELD_COUNT_];
    open_own();
    buf_init(&scratch, 4 * LIMIT_MESSAGE);
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        buf_init(&texts[i], LIMIT_HTTP_BODY);
    grow(&input, texts, kind == 'i' ? LIMIT_HTTP_BODY : OTHERS_BYTES_MAX);
    const struct json *object = body_read(texts, arena);
    if (object && kind == 'i') {
        fuzz_tell("%s", through_intake(object, &scratch, arena));
    } else if (object) {
        struct str value[FIELD_COUNT_] = {{0}};
        values_of(object, value);
        fuzz_tell("%s", from_others(kind == 'p', value, &scratch, arena));
    }
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        buf_done(&texts[i]);
    buf_done(&scratch);
    arena_free(arena);
    return 0;
}
