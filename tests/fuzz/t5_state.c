/*
 * T5, decisions in sequence. 'j' and bytes: messages come, are delivered in batches, delivered
 * again, and the process dies between judging, storing, publishing and committing; against a model
 * of one page: each submission is judged once, a student's revisions rise by one, everything judged
 * is told, nobody is told something else later. 'n' and bytes: news of an account in any order, and
 * twice, leave a session at the newest.
 */
#include <stdio.h>
#include <string.h>

#include "runtime/session_news.h"
#include "services/validation/domain.h"
#include "tests/fuzz/fuzz.h"

enum {
    STUDENTS = 4,
    SUBMISSIONS = 16,
    PARTITIONS = 2,
    MESSAGES_MAX = 256,
    BATCH_MAX = 32,
    NEWS_MAX = 8
};

struct message {
    unsigned submission; /* its student is the remainder by STUDENTS */
    bool wrong;          /* breaks a rule of the form */
};

/* What a store keeps of one judgement. */
struct judgement {
    bool judged;
    int64_t revision;
    bool accepted;
    int32_t partition;
    int64_t offset;
    char findings[8192];
    unsigned told;
};

static struct {
    struct message topic[PARTITIONS][MESSAGES_MAX];
    size_t end[PARTITIONS];
    size_t committed[PARTITIONS];
    struct judgement judgements[SUBMISSIONS];
    bool sent[SUBMISSIONS];
    int64_t last[STUDENTS];
} model;

static struct campaign campaign;
static char names[SUBMISSIONS][16];

enum death { NO_DEATH, BEFORE_STORE, BEFORE_PUBLISH, BEFORE_COMMIT, DEATHS };

static void
begin(void)
{
    memset(&model, 0, sizeof model);
    campaign_default(&campaign);
    for (unsigned i = 0; i < SUBMISSIONS; i++)
        (void)snprintf(names[i], sizeof names[i], "submission-%u", i);
}

static void
come(unsigned submission, bool wrong)
{
    unsigned partition = submission % STUDENTS % PARTITIONS;
    if (model.end[partition] == MESSAGES_MAX)
        return;
    model.topic[partition][model.end[partition]++] = (struct message){submission, wrong};
    model.sent[submission] = true;
}

/* An item as decoding and the look at the store make it. */
static struct item
item_of(unsigned partition, size_t offset)
{
    static const char *const students[STUDENTS] = {"a", "b", "c", "d"};
    const struct message *message = &model.topic[partition][offset];
    const struct judgement *known = &model.judgements[message->submission];
    unsigned student = message->submission % STUDENTS;
    struct item item = {.state = ITEM_DECODED,
                        .partition = (int32_t)partition,
                        .offset = (int64_t)offset,
                        .campaign = &campaign};
    item.message.submission_id = str_of(names[message->submission]);
    item.message.student_id = str_of(students[student]);
    item.message.campaign_id = STR("c");
    item.submitted.value[FIELD_DXHWPDW] = message->wrong ? STR("x") : STR_NONE;
    item.facts.student_known = student != STUDENTS - 1; /* the last one is in no roster */
    item.facts.revision_last = model.last[student];
    item.facts.judged_before = known->judged;
    item.facts.judged_revision = known->revision;
    item.facts.judged_outcome = known->accepted ? STR("accepted") : STR("rejected");
    item.facts.judged_findings = str_of(known->findings);
    item.facts.judged_at_ms = known->revision;
    item.facts.judged_partition = known->partition;
    item.facts.judged_offset = known->offset;
    return item;
}

/* The transaction: every new judgement, or none. */
static void
store(const struct item *items, size_t count, const unsigned *submissions)
{
    for (size_t i = 0; i < count; i++) {
        const struct item *item = &items[i];
        struct judgement *row = &model.judgements[submissions[i]];
        unsigned student = submissions[i] % STUDENTS;
        if (item->state != ITEM_JUDGED)
            continue;
        FUZZ_CHECK(!row->judged, "a submission is judged once");
        FUZZ_CHECK(item->revision == model.last[student] + 1, "a student's revisions rise by one");
        FUZZ_CHECK(item->findings.len < sizeof row->findings, "findings are bounded");
        model.last[student] = item->revision;
        *row = (struct judgement){.judged = true,
                                  .revision = item->revision,
                                  .accepted = item->accepted,
                                  .partition = item->partition,
                                  .offset = item->offset};
        (void)snprintf(row->findings, sizeof row->findings, "%.*s", STR_ARG(item->findings));
    }
}

static void
publish(const struct item *items, size_t count, const unsigned *submissions)
{
    for (size_t i = 0; i < count; i++) {
        const struct item *item = &items[i];
        struct judgement *row = &model.judgements[submissions[i]];
        if (item->state == ITEM_DEAD || !item->publish)
            continue;
        FUZZ_CHECK(row->judged, "only what is stored is told");
        FUZZ_CHECK(item->revision == row->revision && item->accepted == row->accepted &&
                       str_eq_text(item->findings, row->findings),
                   "what is told is what is stored");
        FUZZ_CHECK(item->partition == row->partition && item->offset == row->offset,
                   "a judgement is told from its own message");
        row->told++;
    }
}

/* The marks that the store's second statement goes by, against a plain count. */
static void
check_marks(const struct item *items, size_t count, const unsigned *submissions)
{
    for (size_t i = 0; i < count; i++) {
        size_t newest = i;
        size_t accepted = 0;
        if (items[i].state != ITEM_JUDGED)
            continue;
        for (size_t k = 0; k < count; k++) {
            if (items[k].state != ITEM_JUDGED ||
                submissions[k] % STUDENTS != submissions[i] % STUDENTS)
                continue;
            newest = k;
            accepted = items[k].accepted ? k + 1 : accepted;
        }
        FUZZ_CHECK(items[i].newest == (newest == i), "one item of a student is the newest");
        FUZZ_CHECK(!items[i].newest || items[i].accepted_place == accepted,
                   "the newest knows the newest accepted one");
    }
}

static void
deliver(unsigned partition, size_t count, enum death death)
{
    struct item items[BATCH_MAX];
    unsigned submissions[BATCH_MAX];
    size_t first = model.committed[partition];
    struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
    count = count < model.end[partition] - first ? count : model.end[partition] - first;
    for (size_t i = 0; i < count; i++) {
        items[i] = item_of(partition, first + i);
        submissions[i] = model.topic[partition][first + i].submission;
    }
    items_judge(items, count, 1790000000123, arena);
    for (size_t i = 0; i < count; i++) {
        bool strange = submissions[i] % STUDENTS == STUDENTS - 1;
        FUZZ_CHECK(items[i].state != ITEM_DECODED, "everything is decided");
        FUZZ_CHECK((items[i].state == ITEM_DEAD) == strange, "strangers, and they only, are dead");
    }
    check_marks(items, count, submissions);
    if (death != BEFORE_STORE)
        store(items, count, submissions);
    if (death == NO_DEATH || death == BEFORE_COMMIT)
        publish(items, count, submissions);
    if (death == NO_DEATH)
        model.committed[partition] += count;
    arena_free(arena);
}

static void
finish(void)
{
    for (unsigned p = 0; p < PARTITIONS; p++)
        while (model.committed[p] < model.end[p])
            deliver(p, BATCH_MAX, NO_DEATH);
    for (unsigned i = 0; i < SUBMISSIONS; i++) {
        bool due = model.sent[i] && i % STUDENTS != STUDENTS - 1;
        FUZZ_CHECK(model.judgements[i].judged == due,
                   "everything sent is judged, and nothing else");
        FUZZ_CHECK(!due || model.judgements[i].told, "everything judged is told");
    }
}

static void
take_messages(struct fuzz_input *input)
{
    begin();
    while (fuzz_more(input)) {
        uint8_t command = fuzz_byte(input);
        if (command & 0x80) {
            come(command % SUBMISSIONS, command & 0x40);
        } else if (command & 0x40) { /* the group begins somewhere before, as after a reset */
            unsigned p = command % PARTITIONS;
            model.committed[p] = model.committed[p] * (command >> 1 & 7) / 8;
        } else {
            deliver(command % PARTITIONS, 1 + (command >> 1) % 8, fuzz_below(input, DEATHS));
        }
    }
    finish();
}

/* --- news --- */

static const char *const kinds[] = {"verified", "bound", "phone_changed"};

static void
take_news(struct fuzz_input *input)
{
    struct identity_changed news[NEWS_MAX];
    static const char *const texts[] = {"0", "1", "2", "3", "4", "5", "6", "7"};
    unsigned count = 1 + fuzz_below(input, NEWS_MAX);
    bool bound = false;
    struct session session = {0};
    /* The account's history: verified some times, then bound, then perhaps other phones. */
    for (unsigned i = 0; i < count; i++) {
        unsigned kind = fuzz_below(input, 3);
        kind = !bound && kind == 2 ? 1 : kind;
        bound = bound || kind == 1;
        news[i] = (struct identity_changed){.sequence = 1 + i,
                                            .account_id = STR("a"),
                                            .kind = str_of(kinds[kind]),
                                            .document_index = str_of(texts[i]),
                                            .student_id = kind ? STR("s") : STR_NONE,
                                            .phone_index = kind ? str_of(texts[i]) : STR_NONE};
    }
    int64_t newest = 0;
    while (fuzz_more(input)) {
        const struct identity_changed *one = &news[fuzz_below(input, count)];
        bool was_bound = session_is_bound(&session);
        bool taken = session_take_news(&session, one);
        FUZZ_CHECK(taken == (one->sequence > newest), "newer news only is taken");
        newest = taken ? one->sequence : newest;
        FUZZ_CHECK(session.identity_sequence == newest, "a session knows how new it is");
        FUZZ_CHECK(session_is_bound(&session) == (was_bound || (taken && one->student_id.len)),
                   "nobody is unbound by news of a face check");
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input_on(data, size);
    char kind = (char)fuzz_byte(&input);
    if (kind == 'j')
        take_messages(&input);
    else if (kind == 'n')
        take_news(&input);
    return 0;
}
