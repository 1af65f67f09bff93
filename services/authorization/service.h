/* Authorization's wiring: routes, secrets, the reader of identity.changed, the counter of sessions.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "io/kafka.h"
#include "io/platform_wechat.h"
#include "runtime/api.h"
#include "runtime/service.h"
#include "services/authorization/config.h"

struct authorization {
    const struct authorization_conf *conf;
    struct runtime *runtime;
    struct wechat_conf wechat;
    char wechat_secret[128];
    char h5_secret[128];
    struct api *api;
    struct kafka_producer *producer; /* dead letters only */
    atomic_uint hashing;             /* passwords looked at now: see staff_hashing_begin */
    pthread_t reader;
    pthread_t counter;
    bool threads_started;
};

extern const struct service authorization_service;

/* Handlers. */
void session_post(struct api_call *call);
void session_get(struct api_call *call);
void session_delete(struct api_call *call);
void staff_session_post(struct api_call *call);
void staff_session_get(struct api_call *call);
void staff_session_delete(struct api_call *call);
void staff_password_put(struct api_call *call);

/* Looking at a password takes 32 MiB and a quarter of a second on purpose: two workers at most do
 * it, the others serve; and who has not been here before does not take the second place, so that
 * whoever guesses from a thousand addresses keeps strangers out at most. False: the call is
 * answered 503. */
bool staff_hashing_begin(struct api_call *call, bool stranger);
void staff_hashing_end(struct api_call *call);
/* The session as its person sees it, and the cookie when it is a new one (token not NULL). */
void staff_answer(struct api_call *call, unsigned status, const struct staff *staff,
                  const char *token, const char *device);

/* Follows identity.changed until the service stops; a thread's function. */
void *identity_reader(void *authorization);
/* Tells every few seconds how many sessions live, until the service stops; a thread's function. */
void *session_counter(void *authorization);
/* The producer's report of a dead letter. */
void dead_letter_delivered(void *message_ctx, enum err_code code, int32_t partition, int64_t offset,
                           void *ctx);
