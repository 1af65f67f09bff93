/*
 * The log: one JSON object a line on standard output (or one readable line with --log-format=text),
 * with time, level, service, instance, trace id and named values. Values are escaped, so a log line
 * is always one line. No personal data: names, document numbers, phones, codes, tokens and message
 * bodies are never given to it. Thread-safe.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_value {
    const char *name;
    struct str text; /* when ptr or !is_int */
    int64_t integer;
    bool is_int;
};
#define LOG_STR(name, s) ((struct log_value){(name), (s), 0, false})
#define LOG_TEXT(name, text) ((struct log_value){(name), str_of(text), 0, false})
#define LOG_INT(name, value) ((struct log_value){(name), STR_NONE, (int64_t)(value), true})

void log_open(const char *service, const char *instance, const char *level, const char *format);
/* log_event(LOG_INFO, "started", LOG_INT("port", 8081)); the text is a fixed sentence. */
#define log_event(level, text, ...)                                                                \
    log_write((level), (text), (const struct log_value[]){__VA_ARGS__ __VA_OPT__(, ){0}})
void log_write(enum log_level level, const char *text, const struct log_value *values);
/* A failure, with its code, class, place and text. */
void log_failure(enum log_level level, const char *text, const struct err *err);
/* Between these two this thread's lines are collected and written together: for a run of lines that
 * nothing can interrupt but the end of the process. */
void log_hold(void);
void log_release(void);
/* The trace id of what this thread is working on now (32 hex digits), or STR_NONE. */
void log_trace_set(struct str trace_id);
/* Text quoted into a bounded, printable form is the caller's business; this tells whether a level
 * is written at all. */
bool log_enabled(enum log_level level);
