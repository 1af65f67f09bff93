/*
 * Which keys were used, after Redis has lost its memory: see refill.c. The marks tell a worker what
 * a key that Redis does not know means.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct intake;
struct refill;

enum { IDEM_KEEP_S = 400 * 24 * 3600 };
/* Redis' memory since it was empty last: a random text, gone with everything else. The marks hold
 * it, so that one that was set for the memory before says nothing about this one. */
#define IDEM_LIFE_KEY STR("idem:life")
/* All used keys are in Redis. */
#define IDEM_READY_KEY STR("idem:ready")
/* All that are not in the record yet are. */
#define IDEM_WAITING_KEY STR("idem:waiting")

/* The longest delivery timeout of any copy, in milliseconds: how long a submission that was
 * remembered may be on its way to Kafka. */
#define IDEM_PATIENCE_KEY STR("idem:patience")
/* From Redis' answer to Kafka's client a submission takes at most TAKE_MS_MAX, or it is not taken;
 * the client may be a second late to notice that a delivery timeout is over. */
enum { TAKE_MS_MAX = 500, REPORT_LATE_MS = 1000, IN_FLIGHT_MS = TAKE_MS_MAX + REPORT_LATE_MS };

struct refill *refill_new(void);
void refill_free(struct refill *refill);
/* The housekeeper's turn: does nothing while Redis is complete, else a piece of the filling.
 * *ret_more: there is more to do at once. */
enum err_code fingerprints_refill(struct intake *intake, bool *ret_more,
                                  struct err *err) MUST_CHECK;
