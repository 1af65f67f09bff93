/* The draft as the form needs it. */
#pragma once

#include "runtime/api.h"
#include "schema/field.h"

/* Version 0 and no values when nothing was saved yet. Values live in the call's arena. */
enum err_code draft_load(struct api_call *call, struct str campaign_id, int64_t *ret_version,
                         struct str ret_value[FIELD_COUNT_], struct err *err) MUST_CHECK;
