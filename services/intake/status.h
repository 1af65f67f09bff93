/* The state of a submission as clients see it, and telling it to those who wait. */
#pragma once

#include "base/buf.h"
#include "io/pg.h"

struct intake;

enum { STREAMS_ASK_MAX = 200 };

void state_write_received(struct str submission_id, struct buf *out);
void state_write_judged(struct str submission_id, struct str outcome, int64_t revision,
                        int64_t judged_at_ms, struct str findings, struct buf *out);
/* Looks the ids up and tells the streams of those that are judged. */
enum err_code streams_tell_judged(struct intake *intake, struct pg *pg, char (*ids)[40],
                                  size_t count);
enum err_code streams_ask_store(struct intake *intake, struct pg *pg, const char *id);
