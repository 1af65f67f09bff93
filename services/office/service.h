/* Office's wiring: routes, and the relay that publishes what was decided. */
#pragma once

#include "base/jsonw.h"
#include "runtime/api.h"
#include "runtime/relay.h"
#include "runtime/service.h"
#include "services/office/config.h"
#include "services/office/store_pg.h"

struct office {
    const struct office_conf *conf;
    struct runtime *runtime;
    struct api *api;
    struct relay *relay;
};

extern const struct service office_service;

/* Handlers, by noun. */
void reviews_get(struct api_call *call);
void review_get(struct api_call *call);
void reviews_post(struct api_call *call);
void reasons_get(struct api_call *call);
void reports_post(struct api_call *call);
void progress_get(struct api_call *call);
void report_get(struct api_call *call);
void withdrawal_post(struct api_call *call);
void appeals_get(struct api_call *call);
void appeal_get(struct api_call *call);
void appeal_decide_post(struct api_call *call);

/* What the caller may see; answers 403 and returns false for an account without a scope. */
bool scope_of(struct api_call *call, struct scope *ret_scope);
/* The school and campaign that a call is about: the caller's own school, or for the province the
 * one that is asked for, and its campaign now unless one is named. Answers and returns false. */
bool school_of(struct api_call *call, const struct scope *scope, struct str *ret_school,
               struct str *ret_campaign);
/* A query parameter of at most so many characters; answers 400 or 422 and returns false otherwise.
 */
bool query_read(struct api_call *call, const char *name, size_t length_max, struct str *ret_value);
/* 422 with one field. */
void answer_field(struct api_call *call, const char *field, const char *rule, struct str message);
/* Writes what happened to a record as an array. */
enum err_code history_write(struct api_call *call, struct jsonw *w, struct str student_id,
                            struct str campaign_id, struct err *err) MUST_CHECK;
/* What staff wrote; an empty one stays empty. */
enum err_code reason_open(struct api_call *call, struct str student_id, struct str submission_id,
                          struct str *value, struct err *err) MUST_CHECK;
struct str reason_seal(struct api_call *call, struct str student_id, struct str submission_id,
                       struct str text);
void member_time(struct jsonw *w, const char *name, int64_t time_ms);
void member_optional(struct jsonw *w, const char *name, struct str value);
/* Code, its text, and own words of a reason. */
void member_reason(struct jsonw *w, struct str reason_code, struct str reason);
