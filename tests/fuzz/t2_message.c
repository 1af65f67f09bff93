/*
 * T2, the messages of the topics. 'r', 'j', 'i' and a value: what is decoded is encoded and decoded
 * again to the same. 'R', 'J', 'I' and texts, each ended by a NUL byte: a message made of them is
 * encoded and decoded to the same, unless one of the texts is not text. A version that is a number
 * but not ours is told as such.
 */
#include <string.h>

#include "base/jsonscan.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "schema/identity_event.h"
#include "schema/json.h"
#include "schema/submission_event.h"
#include "tests/fuzz/fuzz.h"

union message {
    struct submission_received received;
    struct submission_judged judged;
    struct identity_changed identity;
};

static enum err_code
decode(char kind, struct str text, struct arena *arena, union message *ret, struct err *err)
{
    if (kind == 'r')
        return submission_received_decode(text, arena, &ret->received, err);
    if (kind == 'j')
        return submission_judged_decode(text, arena, &ret->judged, err);
    return identity_changed_decode(text, arena, &ret->identity, err);
}

static void
encode(char kind, const union message *message, struct buf *out)
{
    if (kind == 'r')
        submission_received_encode(&message->received, out);
    else if (kind == 'j')
        submission_judged_encode(&message->judged, out);
    else
        identity_changed_encode(&message->identity, out);
}

static bool
same_received(const struct submission_received *a, const struct submission_received *b)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        if (!str_eq(a->value[i], b->value[i]))
            return false;
    return str_eq(a->submission_id, b->submission_id) && str_eq(a->student_id, b->student_id) &&
           str_eq(a->campaign_id, b->campaign_id) && str_eq(a->fields_sealed, b->fields_sealed) &&
           str_eq(a->idempotency_key, b->idempotency_key) && str_eq(a->body_index, b->body_index) &&
           a->received_at_ms == b->received_at_ms;
}

static bool
same_judged(const struct submission_judged *a, const struct submission_judged *b)
{
    return str_eq(a->submission_id, b->submission_id) && str_eq(a->student_id, b->student_id) &&
           str_eq(a->campaign_id, b->campaign_id) && a->revision == b->revision &&
           str_eq(a->outcome, b->outcome) && a->judged_at_ms == b->judged_at_ms &&
           str_eq(a->findings, b->findings);
}

static bool
same_identity(const struct identity_changed *a, const struct identity_changed *b)
{
    return a->sequence == b->sequence && str_eq(a->account_id, b->account_id) &&
           str_eq(a->kind, b->kind) && str_eq(a->document_index, b->document_index) &&
           str_eq(a->student_id, b->student_id) && str_eq(a->school_code, b->school_code) &&
           str_eq(a->phone_index, b->phone_index) && str_eq(a->phone_sealed, b->phone_sealed) &&
           str_eq(a->card_sealed, b->card_sealed);
}

static bool
same(char kind, const union message *a, const union message *b)
{
    if (kind == 'r')
        return same_received(&a->received, &b->received);
    return kind == 'j' ? same_judged(&a->judged, &b->judged)
                       : same_identity(&a->identity, &b->identity);
}

/* Encodes, decodes, compares. */
static void
check_round(char kind, const union message *message, struct arena *arena)
{
    struct buf text;
    struct err err = {0};
    union message again;
    memset(&again, 0, sizeof again);
    buf_init(&text, 8 * LIMIT_MESSAGE);
    encode(kind, message, &text);
    FUZZ_CHECK(!text.overflow, "an encoded message is bounded by what was decoded");
    FUZZ_CHECK(decode(kind, buf_str(&text), arena, &again, &err) == ERR_OK,
               "what we encode we decode");
    FUZZ_CHECK(same(kind, message, &again), "decoding what was encoded gives the message");
    buf_done(&text);
}

static void
check_refusal(char kind, struct str text, enum err_code code, const struct err *err)
{
    struct json_doc *doc = NULL;
    struct err ignored = {0};
    FUZZ_CHECK(err_class(code) == ERR_CLASS_REJECT && err->text[0],
               "bytes that are no message are refused for good, with words");
    if (json_parse(text, &doc, &ignored))
        return;
    const struct json *version = json_get(json_root(doc), "version");
    static const int64_t newest_of[] = {['r'] = SUBMISSION_RECEIVED_VERSION,
                                        ['j'] = SUBMISSION_JUDGED_VERSION,
                                        ['i'] = IDENTITY_EVENT_VERSION};
    const int64_t newest = newest_of[(unsigned char)kind];
    int64_t told = version && json_type(version) == JSON_INT ? json_int(version, 0) : 1;
    bool other = told < 1 || told > newest;
    FUZZ_CHECK(other == (code == ERR_VERSION), "another version is told as such, and nothing else");
    json_doc_free(doc);
}

static void
take(char kind, struct str text)
{
    struct arena *arena = arena_new(LIMIT_BATCH_ARENA);
    struct err err = {0};
    union message message;
    memset(&message, 0, sizeof message);
    enum err_code code = decode(kind, text, arena, &message, &err);
    if (code)
        check_refusal(kind, text, code, &err);
    else if (kind != 'r' || message.received.version == SUBMISSION_RECEIVED_VERSION)
        check_round(kind, &message, arena); /* older ones are read, not written */
    fuzz_tell("%s", err_name(code));
    arena_free(arena);
}

/* Whether it is text that JSON of ours may carry. */
static bool
is_text(struct str piece)
{
    struct buf quoted;
    struct err err = {0};
    buf_init(&quoted, 8 * piece.len + 16);
    struct jsonw w = jsonw_on(&quoted);
    jsonw_str(&w, piece);
    bool text = json_scan(buf_str(&quoted), &err) == ERR_OK;
    buf_done(&quoted);
    return text;
}

static struct str
id_piece(struct fuzz_input *input, struct arena *arena)
{
    return arena_printf(arena, "%02x000000-0000-4000-8000-%012x", (unsigned)fuzz_byte(input),
                        (unsigned)fuzz_byte(input));
}

/* A value for a member that may not be empty. */
static struct str
piece_or(struct fuzz_input *input, struct str fallback)
{
    struct str piece = fuzz_piece(input, '\0');
    return piece.len ? piece : fallback;
}

static void
make_received(struct fuzz_input *input, struct arena *arena, struct submission_received *ret)
{
    ret->submission_id = id_piece(input, arena);
    ret->student_id = id_piece(input, arena);
    ret->received_at_ms = (int64_t)fuzz_byte(input) << 34 | fuzz_byte(input);
    ret->campaign_id = piece_or(input, STR("c"));
    ret->idempotency_key = piece_or(input, STR("k"));
    ret->body_index = fuzz_piece(input, '\0');
    while (fuzz_more(input)) {
        unsigned field = fuzz_below(input, FIELD_COUNT_);
        ret->value[field] = fuzz_piece(input, '\0');
    }
}

/* The sensitive fields travel by themselves: out of the message, to text, and back. */
static void
check_sealed_part(struct submission_received *message, struct arena *arena)
{
    struct buf text;
    struct err err = {0};
    struct str again[FIELD_COUNT_] = {{0}};
    buf_init(&text, 8 * LIMIT_MESSAGE);
    bool any = submission_sealed_encode(message->value, &text);
    FUZZ_CHECK(submission_sealed_decode(buf_str(&text), arena, again, &err) == ERR_OK,
               "the sealed part that we write we read");
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        if (!fields[i].sensitive)
            continue;
        FUZZ_CHECK(str_eq(again[i], message->value[i]), "a sensitive field comes back");
        message->value[i] = STR_NONE;
    }
    message->fields_sealed = any ? STR("a1.k1.AAAA") : STR_NONE;
    buf_done(&text);
}

static void
make_judged(struct fuzz_input *input, struct arena *arena, struct submission_judged *ret)
{
    ret->submission_id = id_piece(input, arena);
    ret->student_id = id_piece(input, arena);
    ret->revision = 1 + fuzz_byte(input);
    ret->outcome = fuzz_byte(input) % 2 ? STR("accepted") : STR("rejected");
    ret->judged_at_ms = (int64_t)fuzz_byte(input) << 34 | fuzz_byte(input);
    ret->campaign_id = piece_or(input, STR("c"));
    ret->findings = STR("[]");
}

static void
make_identity(struct fuzz_input *input, struct identity_changed *ret)
{
    static const char *const kinds[] = {"verified", "bound", "phone_changed"};
    ret->sequence = 1 + fuzz_byte(input);
    ret->kind = str_of(kinds[fuzz_below(input, 3)]);
    ret->account_id = piece_or(input, STR("a"));
    struct str *const texts[] = {&ret->document_index, &ret->student_id,   &ret->school_code,
                                 &ret->phone_index,    &ret->phone_sealed, &ret->card_sealed};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = fuzz_piece(input, '\0');
}

static bool
all_text(char kind, const union message *message)
{
    const struct submission_received *r = &message->received;
    const struct identity_changed *i = &message->identity;
    bool good = true;
    if (kind == 'r') {
        for (unsigned k = 0; k < FIELD_COUNT_; k++)
            good = good && is_text(r->value[k]);
        return good && is_text(r->campaign_id) && r->campaign_id.len <= 64 &&
               is_text(r->idempotency_key) && r->idempotency_key.len <= LIMIT_IDEMPOTENCY_KEY &&
               is_text(r->body_index);
    }
    if (kind == 'j')
        return is_text(message->judged.campaign_id);
    return is_text(i->account_id) && i->account_id.len <= 64 && is_text(i->document_index) &&
           is_text(i->student_id) && is_text(i->school_code) && is_text(i->phone_index) &&
           is_text(i->phone_sealed) && is_text(i->card_sealed);
}

static void
make(char kind, struct fuzz_input *input)
{
    struct arena *arena = arena_new(LIMIT_BATCH_ARENA);
    union message message;
    memset(&message, 0, sizeof message);
    if (kind == 'r')
        make_received(input, arena, &message.received);
    else if (kind == 'j')
        make_judged(input, arena, &message.judged);
    else
        make_identity(input, &message.identity);
    bool good = all_text(kind, &message);
    if (good && kind == 'r')
        check_sealed_part(&message.received, arena);
    if (good)
        check_round(kind, &message, arena);
    arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input_on(data, size);
    char kind = (char)fuzz_byte(&input);
    if (size == 0 || size > LIMIT_MESSAGE)
        return 0;
    if (kind == 'r' || kind == 'j' || kind == 'i')
        take(kind, fuzz_rest(&input));
    else if (kind == 'R' || kind == 'J' || kind == 'I')
        make((char)(kind | 0x20), &input);
    return 0;
}
