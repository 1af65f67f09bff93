/*
 * A second reader of JSON, jansson, apart because its names are ours as well. It is strict where we
 * are about grammar, UTF-8, NUL and duplicates, and allows what base/jsonscan.h keeps out by
 * choice.
 */
#pragma once

#include "base/buf.h"

/* False when it is no JSON. Else what was read, written by jsonw in its order, and whether there is
 * something in it that our gate keeps out by choice (as far as a tree can show). */
bool second_json_read(struct str text, struct buf *out, bool *ret_reason);
