#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "io/http_loop.h"

enum { ANSWER_HEAD_MAX = 16 * 1024, DATE_SIZE = 40 };

/* --- reading a request --- */

const char *
http_method_name(enum http_method method)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OTHER"};
    return names[method];
}

enum http_method
http_request_method(const struct http_request *request)
{
    return request->head.method;
}

static struct str
bytes_of(const struct http_request *request)
{
    return (struct str){request->connection->in, request->connection->scan.at};
}

struct str
http_request_path(const struct http_request *request)
{
    return http_span_str(bytes_of(request), request->head.path);
}

struct str
http_request_query(const struct http_request *request)
{
    return http_span_str(bytes_of(request), request->head.query);
}

static bool
is_named(const struct http_request *request, size_t index, const char *name)
{
    struct str have = http_span_str(bytes_of(request), request->head.fields[index].name);
    return have.len == strlen(name) && strncasecmp(have.ptr, name, have.len) == 0;
}

struct str
http_request_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->head.field_count; i++)
        if (is_named(request, i, name))
            return http_span_str(bytes_of(request), request->head.fields[i].value);
    return STR_NONE;
}

size_t
http_request_header_count(const struct http_request *request, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < request->head.field_count; i++)
        count += is_named(request, i, name);
    return count;
}

struct str
http_request_body(const struct http_request *request)
{
    return buf_str(&request->body);
}

uint64_t
http_request_started_ns(const struct http_request *request)
{
    return request->started_ns;
}

void
http_request_set_user(struct http_request *request, void *user)
{
    request->user = user;
}

void *
http_request_user(const struct http_request *request)
{
    return request->user;
}

/* --- answering --- */

static const char *
reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } rows[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].status == status)
            return rows[i].reason;
    return "-";
}

/* The Date field's value; made once a second and thread. */
static const char *
date_now(void)
{
    static _Thread_local time_t made;
    static _Thread_local char text[DATE_SIZE];
    struct tm parts;
    time_t now = clock_now_ms() / 1000;
    if (now != made && gmtime_r(&now, &parts)) {
        (void)strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        made = now;
    }
    return text;
}

static void
add_field(struct buf *out, const char *name, const char *value)
{
    buf_add_text(out, name);
    buf_add(out, STR(": "));
    struct str text = str_of(value);
    char *room = buf_room(out, text.len + 2);
    if (room == NULL)
        return; /* overflow is noted */
    /* Ours alone; even so nothing may end the line before we do. */
    for (size_t i = 0; i < text.len; i++)
        room[i] = (unsigned char)value[i] < 0x20 || value[i] == 0x7F ? '?' : value[i];
    memcpy(room + text.len, "\r\n", 2);
}

void
http_answer_head(struct http_request *request, unsigned status, const struct http_header *headers,
                 size_t length)
{
    const struct http_server *server = http_loop_server(request->connection->loop);
    struct buf *out = &request->answer;
    bool typed = status == 204 || status == 304;
    out->max = ANSWER_HEAD_MAX + (length == SIZE_MAX ? 0 : length);
    request->answer_closes = request->answer_closes || atomic_load(&server->quiet);
    buf_add(out, STR("HTTP/1.1 "));
    buf_add_uint(out, status);
    buf_add_char(out, ' ');
    buf_add_text(out, reason(status));
    buf_add(out, STR("\r\n"));
    add_field(out, "Date", date_now());
    for (size_t i = 0; headers && headers[i].name; i++) {
        typed = typed || strcasecmp(headers[i].name, "Content-Type") == 0;
        add_field(out, headers[i].name, headers[i].value);
    }
    if (!typed)
        add_field(out, "Content-Type", "application/json");
    if (request->answer_closes)
        add_field(out, "Connection", "close");
    if (length == SIZE_MAX) {
        add_field(out, "Transfer-Encoding", "chunked");
    } else if (status != 204 && status != 304) {
        buf_add(out, STR("Content-Length: "));
        buf_add_uint(out, length);
        buf_add(out, STR("\r\n"));
    }
    buf_add(out, STR("\r\n"));
}

void
http_reply(struct http_request *request, unsigned status, const struct http_header *headers,
           struct str body)
{
    struct http_connection *connection = request->connection;
    struct http_loop *loop = connection->loop;
    struct http_server *server = http_loop_server(loop);
    bool bodiless = request->head.method == HTTP_HEAD || status == 204 || status == 304;
    http_answer_head(request, status, headers, body.len);
    if (!bodiless)
        buf_add(&request->answer, body);
    assert(!request->answer.overflow);
    atomic_fetch_sub(&server->in_flight, 1);
    http_loop_look(loop, connection, HTTP_LOOK_ANSWERED);
}
