/*
 * W3C Trace Context: one traceparent from the HTTP request through Kafka to the record and the
 * judgement. Pure but for random ids. Thread-safe.
 */
#pragma once

#include "base/str.h"

enum { TRACEPARENT_SIZE = 56, TRACE_ID_LENGTH = 32 };

struct trace {
    char parent[TRACEPARENT_SIZE]; /* "00-<32 hex>-<16 hex>-01" */
};

/* Version 00, lower-case hex, neither id all zero. */
bool traceparent_valid(struct str text);
/* Continues a valid traceparent with a span of our own, else begins a new trace. */
void trace_begin(struct trace *trace, struct str incoming);
struct str trace_id(const struct trace *trace);
struct str trace_parent(const struct trace *trace);
