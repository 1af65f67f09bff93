/* Whose calls a turn's are (api.c's own): sessions of students and of staff, in one round trip. */
#pragma once

#include "runtime/api.h"

struct limiter;
struct runtime_conf;

/* Fills `session` or `staff` of the calls that need one. Calls that are answered here (401, 403,
 * 429, 503) leave the list; how many are left is returned. */
size_t api_sessions_resolve(struct api_worker *worker, const struct runtime_conf *conf,
                            struct limiter *limiter, struct api_call **calls, size_t count,
                            struct arena *arena);
