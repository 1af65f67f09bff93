#include "runtime/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"

enum { HELD_MAX = 16 * LIMIT_LOG_LINE };

static struct {
    const char *service;
    const char *instance;
    _Atomic enum log_level level;
    bool text;
} log_state = {.service = "shengyuan", .instance = "", .level = LOG_INFO};

static _Thread_local char log_trace[33];
static _Thread_local struct {
    bool on;
    struct buf lines;
} log_held;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void
log_open(const char *service, const char *instance, const char *level, const char *format)
{
    log_state.service = service;
    log_state.instance = instance;
    log_state.text = strcmp(format, "text") == 0;
    for (unsigned i = 0; i < sizeof level_names / sizeof level_names[0]; i++)
        if (strcmp(level, level_names[i]) == 0)
            atomic_store(&log_state.level, (enum log_level)i);
}

void
log_trace_set(struct str trace_id)
{
    size_t length = trace_id.len < sizeof log_trace - 1 ? trace_id.len : sizeof log_trace - 1;
    if (length)
        memcpy(log_trace, trace_id.ptr, length);
    log_trace[length] = '\0';
}

bool
log_enabled(enum log_level level)
{
    return level >= atomic_load_explicit(&log_state.level, memory_order_relaxed);
}

static void
write_json(struct buf *line, enum log_level level, const char *time, const char *text,
           const struct log_value *values)
{
    struct jsonw w = jsonw_on(line);
    jsonw_object_open(&w);
    jsonw_member_text(&w, "time", time);
    jsonw_member_text(&w, "level", level_names[level]);
    jsonw_member_text(&w, "service", log_state.service);
    if (*log_state.instance)
        jsonw_member_text(&w, "instance", log_state.instance);
    if (*log_trace)
        jsonw_member_text(&w, "trace_id", log_trace);
    jsonw_member_text(&w, "message", text);
    for (; values->name; values++) {
        if (values->is_int)
            jsonw_member_int(&w, values->name, values->integer);
        else
            jsonw_member(&w, values->name,
                         utf8_valid(values->text) ? values->text : STR("(not UTF-8)"));
    }
    jsonw_object_close(&w);
}

/* The same values for people; strings keep their JSON quoting, so a line stays a line. */
static void
write_text(struct buf *line, enum log_level level, const char *time, const char *text,
           const struct log_value *values)
{
    buf_printf(line, "%s %-5s %s", time, level_names[level], text);
    for (; values->name; values++) {
        struct jsonw w = jsonw_on(line);
        buf_printf(line, " %s=", values->name);
        if (values->is_int)
            jsonw_int(&w, values->integer);
        else
            jsonw_str(&w, utf8_valid(values->text) ? values->text : STR("(not UTF-8)"));
    }
    if (*log_trace)
        buf_printf(line, " trace_id=%s", log_trace);
}

/* Whole lines in one write: those of several threads do not mix. A full disk must not stop the
 * service. */
static void
put_lines(struct str lines)
{
    ssize_t written = write(STDOUT_FILENO, lines.ptr, lines.len);
    (void)written;
}

static void
put_held(void)
{
    if (log_held.lines.len)
        put_lines(buf_str(&log_held.lines));
    buf_reset(&log_held.lines);
}

void
log_hold(void)
{
    buf_init(&log_held.lines, HELD_MAX);
    log_held.on = true;
}

void
log_release(void)
{
    put_held();
    buf_done(&log_held.lines);
    log_held.on = false;
}

void
log_write(enum log_level level, const char *text, const struct log_value *values)
{
    char time[CLOCK_RFC3339_SIZE];
    struct buf line;
    if (!log_enabled(level))
        return;
    buf_init(&line, LIMIT_LOG_LINE);
    (void)clock_format_rfc3339(clock_now_ms(), time);
    if (log_state.text)
        write_text(&line, level, time, text, values);
    else
        write_json(&line, level, time, text, values);
    if (line.overflow) {
        buf_reset(&line);
        write_json(&line, level, time, text, &(const struct log_value){0});
    }
    line.max++; /* the newline always fits */
    buf_add_char(&line, '\n');
    if (log_held.on) {
        if (line.len > HELD_MAX - log_held.lines.len)
            put_held();
        buf_add(&log_held.lines, buf_str(&line));
    } else {
        put_lines(buf_str(&line));
    }
    buf_done(&line);
}

void
log_failure(enum log_level level, const char *text, const struct err *err)
{
    log_event(level, text, LOG_TEXT("code", err_name(err->code)),
              LOG_TEXT("class", err_class_name(err_class(err->code))), LOG_TEXT("error", err->text),
              LOG_TEXT("file", err->file), LOG_INT("line", err->line));
}
