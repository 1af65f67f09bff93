/*
 * Which keys were used, after Redis has lost its memory: see refill.c. The marks tell a worker what
 * a key that Redis does not know means.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct intake;

enum { IDEM_KEEP_S = 400 * 24 * 3600 };
/* Redis' memory since it was empty last: a random text, gone with everything else. The marks hold
 * it, so that one that was set for the memory before says nothing about this one. */
#define IDEM_LIFE_KEY STR("idem:life")
/* All used keys are in Redis. */
#define IDEM_READY_KEY STR("idem:ready")
/* All that are not in the record yet are. */
#define IDEM_WAITING_KEY STR("idem:waiting")

/* The housekeeper's turn: does nothing while Redis is complete. */
enum err_code fingerprints_refill(struct intake *intake, struct err *err) MUST_CHECK;
