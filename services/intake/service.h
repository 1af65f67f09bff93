/*
 * Intake's wiring: what all its files share. One producer and one reader of judgements per process,
 * connections per worker (runtime/api.h), and a housekeeper on the main thread.
 */
#pragma once

#include <stdatomic.h>

#include "io/kafka.h"
#include "runtime/allowance.h"
#include "runtime/api.h"
#include "runtime/campaigns.h"
#include "runtime/service.h"
#include "services/intake/config.h"
#include "services/intake/store_pg.h"
#include "services/intake/streams.h"

extern const struct service intake_service;

struct pulse;

struct intake {
    const struct intake_conf *conf;
    struct runtime *runtime;
    struct campaigns *campaigns;
    struct kafka_producer *producer;
    struct streams *streams;
    struct allowance *allowance; /* of new submissions; NULL: no limit */
    struct api *api;
    /* The housekeeper's own connections. */
    struct pg *pg;
    struct redis *redis;
    struct arena *arena;
    struct pulse *pulse;
    struct refill *refill;
    atomic_bool serving;    /* the port for students is open */
    atomic_bool keys_known; /* Redis was once seen to know, or made to know, which keys were used */
};

/* The list of campaigns and the caller's own in it, held until intake_campaign_done(). Answers the
 * call itself and returns NULL when it may not go on (not bound, campaigns unknown). */
struct intake_campaign {
    const struct campaign_list *list;
    const struct campaign *campaign;
};
bool intake_campaign_of(struct api_call *call, struct intake_campaign *ret);
void intake_campaign_done(struct api_call *call, struct intake_campaign *held);

/* Handlers, by noun. */
void form_get(struct api_call *call);
void codes_get(struct api_call *call);
void draft_get(struct api_call *call);
void draft_put(struct api_call *call);
void submissions_post(struct api_call **calls, size_t count);
void submission_get(struct api_call *call);
void submission_events(struct api_call *call);

/* The delivery report of a submission; see submit.c. */
void submission_delivered(void *message_ctx, enum err_code code, int32_t partition, int64_t offset,
                          void *ctx);

/* Answers with an ETag: 304 when If-None-Match has it. `cache_control` may be NULL. */
void reply_tagged(struct api_call *call, struct str body, const char *cache_control);
/* 422 with one error per field. */
void reply_field_errors(struct api_call *call, const enum field_id *ids, size_t count,
                        const char *rule, const char *message);
