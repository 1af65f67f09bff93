#include "services/validation/domain.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "io/crypto.h"

const char *
dead_reason_word(enum dead_reason reason)
{
    static const char *const words[DEAD_COUNT_] = {
#define X(id, word, meaning) [id] = (word),
        DEAD_REASONS(X)
#undef X
    };
    return words[reason];
}

void
item_bury(struct item *item, enum dead_reason reason, const char *text)
{
    item->state = ITEM_DEAD;
    item->reason = dead_reason_word(reason);
    (void)snprintf(item->text, sizeof item->text, "%s", text);
}

static struct str
findings_write(const struct findings *findings, struct arena *arena)
{
    struct buf text;
    if (findings->count == 0)
        return STR_NONE;
    buf_init(&text, LIMIT_MESSAGE);
    struct jsonw w = jsonw_on(&text);
    jsonw_array_open(&w);
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->rows[i];
        jsonw_object_open(&w);
        jsonw_member_text(&w, "field", fields[finding->field].name);
        jsonw_member_text(&w, "rule", finding->rule->id);
        jsonw_member_text(&w, "severity", rule_severity_word(finding->severity));
        jsonw_member(&w, "message", finding->message);
        jsonw_object_close(&w);
    }
    jsonw_array_close(&w);
    struct str copy = arena_copy(arena, buf_str(&text));
    buf_done(&text);
    return copy;
}

/* The roster's values with the student's over them: only what the student owns is taken. Defaults
 * that fill a gap are remembered, because they become part of the record. */
static struct record_values
values_merge(struct item *item)
{
    struct record_values values = item->facts.roster;
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        if (fields[i].owner == FIELD_OWNER_STUDENT)
            values.value[i] = item->submitted.value[i];
    record_apply_defaults(item->campaign, &values);
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        if (fields[i].owner == FIELD_OWNER_STUDENT && item->submitted.value[i].len == 0)
            item->defaults.value[i] = values.value[i];
    return values;
}

/* Not of values but of the record: somebody has approved it, and says who can return it. */
static void
lock_judge(const struct item *item, struct findings *findings)
{
    static const struct rule locked = {
        .id = "locked",
        .severity = RULE_REJECT,
        .stages = RULE_SUBMISSION,
        .fields = "-",
        .summary = "a record that was approved is changed only after it was returned",
        .basis = "common/schema/transition.h",
    };
    const char *text = review_lock_text(item->facts.review);
    if (text && findings->count < FINDINGS_MAX)
        findings->rows[findings->count++] =
            (struct finding){&locked, RULE_REJECT, FIELD_XH, str_of(text)};
}

static void
item_judge(struct item *item, int64_t revision, int64_t now_ms, struct arena *arena)
{
    struct findings findings = {.count = 0};
    const struct record_values values = values_merge(item);
    const struct rule_input input = {
        .values = &values,
        .campaign = item->campaign,
        .verified_phone = item->facts.phone,
        .today = clock_china_date(now_ms),
    };
    rules_judge(&input, arena, &findings);
    lock_judge(item, &findings);
    item->state = ITEM_JUDGED;
    item->accepted = !findings_reject(&findings);
    item->revision = revision;
    item->judged_at_ms = now_ms;
    item->findings = findings_write(&findings, arena);
    item->publish = true;
}

/* Intake keeps a key from being used for two things; if that ever failed, what cannot be judged
 * under it is kept and told, not dropped. */
static void
item_conflict(struct item *item)
{
    item_bury(item, DEAD_CONFLICT, "key was used before with other fields");
}

/* A message that was judged before: told again only when it is the very message, because then the
 * process may have died between storing and publishing. */
static void
item_repeat(struct item *item)
{
    const struct facts *facts = &item->facts;
    if (!crypto_equal(facts->judged_body_index, item->message.body_index)) {
        item_conflict(item);
        return;
    }
    item->state = ITEM_REPEATED;
    item->accepted = str_eq(facts->judged_outcome, STR("accepted"));
    item->revision = facts->judged_revision;
    item->judged_at_ms = facts->judged_at_ms;
    item->findings = facts->judged_findings;
    item->publish =
        facts->judged_partition == item->partition && facts->judged_offset == item->offset;
}

/* Earlier items of the batch by student and by submission: open addressing over item numbers. */
struct seen {
    size_t size;   /* a power of two, at least twice the count */
    size_t *slots; /* item number + 1; 0 empty */
};

static struct seen
seen_new(size_t count, struct arena *arena)
{
    struct seen seen = {.size = 16};
    while (seen.size < 2 * count)
        seen.size *= 2;
    seen.slots = arena_alloc(arena, seen.size * sizeof *seen.slots);
    return seen;
}

static uint64_t
text_hash(struct str text)
{
    uint64_t hash = 1469598103934665603u;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * 1099511628211u;
    return hash;
}

static bool
same_student(const struct item *a, const struct item *b)
{
    return str_eq(a->message.student_id, b->message.student_id) &&
           str_eq(a->message.campaign_id, b->message.campaign_id);
}

static bool
same_submission(const struct item *a, const struct item *b)
{
    return str_eq(a->message.submission_id, b->message.submission_id);
}

/* The slot of the item that equals `item`, or the empty one where it belongs. */
static size_t *
seen_slot(struct seen *seen, const struct item *items, const struct item *item, uint64_t hash,
          bool (*same)(const struct item *, const struct item *))
{
    size_t at = hash & (seen->size - 1);
    while (seen->slots[at] && !same(&items[seen->slots[at] - 1], item))
        at = (at + 1) & (seen->size - 1);
    return &seen->slots[at];
}

void
items_judge(struct item *items, size_t count, int64_t now_ms, struct arena *arena)
{
    struct seen students = seen_new(count, arena);
    struct seen submissions = seen_new(count, arena);
    for (size_t i = 0; i < count; i++) {
        struct item *item = &items[i];
        if (item->state != ITEM_DECODED)
            continue;
        if (!item->facts.student_known) {
            item_bury(item, DEAD_STUDENT, "student is not in the roster");
            continue;
        }
        if (item->facts.judged_before) {
            item_repeat(item);
            continue;
        }
        size_t *twin = seen_slot(&submissions, items, item, text_hash(item->message.submission_id),
                                 same_submission);
        if (*twin && !crypto_equal(items[*twin - 1].message.body_index, item->message.body_index)) {
            item_conflict(item);
            continue;
        }
        if (*twin) {
            item->state = ITEM_REPEATED;
            item->publish = false;
            continue;
        }
        *twin = i + 1;
        size_t *last =
            seen_slot(&students, items, item, text_hash(item->message.student_id), same_student);
        struct item *before = *last ? &items[*last - 1] : NULL;
        item_judge(item, (before ? before->revision : item->facts.revision_last) + 1, now_ms,
                   arena);
        item->newest = true;
        item->accepted_place = item->accepted ? i + 1 : before ? before->accepted_place : 0;
        if (before)
            before->newest = false;
        *last = i + 1;
    }
}
