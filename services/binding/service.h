/* Binding's wiring: routes, platform secrets, and the relay that publishes the outbox. */
#pragma once

#include <pthread.h>

#include "io/kafka.h"
#include "io/platform_sms.h"
#include "io/platform_wechat.h"
#include "runtime/api.h"
#include "runtime/relay.h"
#include "runtime/service.h"
#include "schema/identity_event.h"
#include "services/binding/config.h"

struct binding {
    const struct binding_conf *conf;
    struct runtime *runtime;
    struct wechat_conf wechat;
    struct sms_conf sms;
    char wechat_secret[128];
    char sms_secret[128];
    struct api *api;
    struct relay *relay;
    pthread_t reader;
    bool reader_started;
};

extern const struct service binding_service;

/* Handlers, by noun. */
void verification_post(struct api_call *call);
void verification_complete(struct api_call *call);
void phone_code_post(struct api_call *call);
void binding_post(struct api_call *call);
void binding_get(struct api_call *call);
void phone_put(struct api_call *call);
void appeal_post(struct api_call *call);
void appeal_list(struct api_call *call);
void appeal_get(struct api_call *call);
void appeal_cancel(struct api_call *call);
void evidence_post(struct api_call *call);
void notice_get(struct api_call *call);
void own_data_get(struct api_call *call);

/* Follows appeal.decided until the service stops; a thread's function. */
void *appeal_reader(void *binding);

/* WeChat's access token, shared by all copies through Redis (sealed there). `stale`: the one that
 * was refused, if any; it is replaced. */
enum err_code access_token_get(struct api_call *call, struct str stale, struct str *ret_token,
                               struct err *err) MUST_CHECK;

/* Keyed hashes that several handlers need. */
void document_index_of(const struct binding *binding, struct str id_type, struct str number,
                       struct arena *arena, char out[INDEX_HEX_SIZE]);
void phone_index_of(const struct binding *binding, struct str phone, char out[INDEX_HEX_SIZE]);
/* Of a code, bound to its session and phone. */
void code_index_of(const struct binding *binding, struct str session_id, const char *phone_index,
                   struct str code, struct arena *arena, char out[INDEX_HEX_SIZE]);
/* The code of this session and phone; answers and returns false when it is not right. */
bool phone_code_accept(struct api_call *call, const char *phone_index, struct str code);

/* The whole identity of a session as news. */
struct identity_changed news_of(const struct session *session, const char *kind);
/* Leaves the identity in Redis for the next log-in, which may come before the news is read. */
enum err_code identity_remember(struct api_call *call, const struct session *session,
                                struct err *err) MUST_CHECK;
