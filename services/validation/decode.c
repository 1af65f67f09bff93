#include "services/validation/decode.h"

#include <string.h>

#include "runtime/event.h"

enum { STORED_PLAIN_MAX = SEALED_PLAIN_MAX - 4096 }; /* room for what is filled in */

static const struct campaign *
campaign_find(const struct campaign_list *list, struct str campaign_id)
{
    for (size_t i = 0; list && i < list->count; i++)
        if (str_eq(list->rows[i].campaign_id, campaign_id))
            return &list->rows[i];
    return NULL;
}

static enum dead_reason
decode_reason(enum err_code code)
{
    return code == ERR_VERSION ? DEAD_VERSION : DEAD_MALFORMED;
}

/* Version 1: each sensitive value was sealed by itself. */
static enum err_code
values_open(struct item *item, struct sealer *sealer, struct arena *arena, struct err *err)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        struct str *value = &item->submitted.value[i];
        if (value->len == 0 || !fields[i].sensitive)
            continue;
        struct str context =
            arena_printf(arena, "%.*s/%s", STR_ARG(item->message.student_id), fields[i].name);
        if (seal_open(sealer, *value, context, arena, value, err))
            return err_wrap(err, "field '%s'", fields[i].name);
    }
    return ERR_OK;
}

static enum err_code
sealed_open(struct item *item, struct sealer *sealer, struct arena *arena, struct err *err)
{
    struct str plain;
    struct submission_received *message = &item->message;
    if (message->fields_sealed.len == 0)
        return ERR_OK;
    struct str context =
        submission_sealed_context(message->student_id, message->submission_id, arena);
    enum err_code code = seal_open(sealer, message->fields_sealed, context, arena, &plain, err);
    return code ? code : submission_sealed_decode(plain, arena, item->submitted.value, err);
}

/* Opens what was sealed; the rest is taken as it stands. */
static bool
fields_open(struct item *item, struct sealer *sealer, struct arena *arena)
{
    struct err err = {0};
    memcpy(item->submitted.value, item->message.value, sizeof item->submitted.value);
    enum err_code code = item->message.version == 1 ? values_open(item, sealer, arena, &err)
                                                    : sealed_open(item, sealer, arena, &err);
    /* It will be sealed as one, with what is filled in. Intake lets nothing in that is too long for
     * that; messages of before it did, and of others, are looked at here. */
    if (code == ERR_OK && !submission_sealed_fits(item->submitted.value, STORED_PLAIN_MAX))
        code = ERR(&err, ERR_TOO_LARGE, "values are too long to be sealed");
    if (code)
        item_bury(item, DEAD_SEALED, err.text);
    return code == ERR_OK;
}

void
item_decode(const struct kafka_record *record, const struct campaign_list *campaigns,
            struct sealer *sealer, struct arena *arena, struct item *item)
{
    struct err err = {0};
    *item = (struct item){.partition = record->partition, .offset = record->offset};
    item->traceparent = event_traceparent(record);
    if (record->tombstone) {
        item_bury(item, DEAD_TOMBSTONE, "message has no value");
        return;
    }
    if (record->value.len == 0) {
        item_bury(item, DEAD_EMPTY, "message has an empty value");
        return;
    }
    if (event_check(record, TYPE_SUBMISSION_RECEIVED, &err)) {
        item_bury(item, DEAD_HEADER, err.text);
        return;
    }
    enum err_code code = submission_received_decode(record->value, arena, &item->message, &err);
    if (code) {
        item_bury(item, decode_reason(code), err.text);
        return;
    }
    if (!str_eq(record->key, item->message.student_id)) {
        item_bury(item, DEAD_KEY, "key of the message is not its student_id");
        return;
    }
    item->campaign = campaign_find(campaigns, item->message.campaign_id);
    if (item->campaign == NULL) {
        item_bury(item, DEAD_CAMPAIGN, "campaign is not known");
        return;
    }
    if (fields_open(item, sealer, arena))
        item->state = ITEM_DECODED;
}
