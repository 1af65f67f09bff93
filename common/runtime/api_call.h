/* Shared by the api files only: the life of a call. */
#pragma once

#include "runtime/api.h"

struct api_call *api_call_new(struct api *api, struct arena *arena, struct http_request *request);
/* Tells the api that a call was answered; it is gone afterwards. */
void api_call_closed(struct api_call *call);
void api_problem_headers(struct api_call *call, enum problem_id id, const char *detail,
                         const struct http_header *headers);
/* 503 with a spread Retry-After. */
void api_problem_unavailable(struct api_call *call);
const struct session *session_copy(const struct session *session, struct arena *arena);
