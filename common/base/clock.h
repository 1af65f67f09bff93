/*
 * Time: wall clock in milliseconds since 1970 (UTC) for what is written down, monotonic nanoseconds
 * for durations and deadlines, and the calendar of China (UTC+8, no summer time) for "today".
 * Decisions take time as a parameter; only adapters call *_now.
 */
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "base/str.h"

int64_t clock_now_ms(void);
uint64_t clock_mono_ns(void);

/* For loops that look again: returns after `ms`, or earlier when a signal comes. */
void clock_pause_ms(unsigned ms);

/* Waiting on a condition by the monotonic clock only: a wall clock that is set back would make a
 * wait of milliseconds last for hours. */
void clock_cond_init(pthread_cond_t *cond);
/* False when `ms` passed without a signal. */
bool clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t ms);

/* Today's date in China as YYYYMMDD. */
uint32_t clock_china_date(int64_t now_ms);

enum { CLOCK_RFC3339_SIZE = 32 };
/* "2026-11-23T15:04:05.678Z"; returns `out`. */
const char *clock_format_rfc3339(int64_t time_ms, char out[CLOCK_RFC3339_SIZE]);
/* Only the form that clock_format_rfc3339 writes, fraction optional. */
bool clock_parse_rfc3339(struct str text, int64_t *ret_time_ms);
