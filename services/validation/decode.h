/* From a message to an item: the envelope, the value, the key, the sealed fields. */
#pragma once

#include "io/kafka.h"
#include "io/seal.h"
#include "runtime/campaigns.h"
#include "services/validation/domain.h"

/* Fills *item: ITEM_DECODED, or ITEM_DEAD with its reason. Texts live in the arena. */
void item_decode(const struct kafka_record *record, const struct campaign_list *campaigns,
                 struct sealer *sealer, struct arena *arena, struct item *item);
