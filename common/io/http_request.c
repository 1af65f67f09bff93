#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/http_exchange.h"

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
    return request->method;
}

struct str
http_request_path(const struct http_request *request)
{
    return request->path;
}

struct str
http_request_query(const struct http_request *request)
{
    return request->query;
}

struct str
http_request_header(const struct http_request *request, const char *name)
{
    const char *value = NULL;
    size_t size = 0;
    if (MHD_lookup_connection_value_n(request->connection, MHD_HEADER_KIND, name, strlen(name),
                                      &value, &size) != MHD_YES)
        return STR_NONE;
    return value ? (struct str){value, size} : STR("");
}

struct name_count {
    const char *name;
    size_t count;
};

static enum MHD_Result
count_name(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct name_count *count = ctx;
    (void)kind;
    (void)value;
    count->count += strcasecmp(name, count->name) == 0;
    return MHD_YES;
}

size_t
http_request_header_count(const struct http_request *request, const char *name)
{
    struct name_count count = {name, 0};
    (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_name, &count);
    return count.count;
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

void
http_add_headers(const struct http_server *server, struct MHD_Response *response,
                 const struct http_header *headers)
{
    bool typed = false;
    for (size_t i = 0; headers && headers[i].name; i++) {
        typed = typed || strcasecmp(headers[i].name, "Content-Type") == 0;
        (void)MHD_add_response_header(response, headers[i].name, headers[i].value);
    }
    if (!typed)
        (void)MHD_add_response_header(response, "Content-Type", "application/json");
    if (atomic_load(&server->quiet))
        (void)MHD_add_response_header(response, "Connection", "close");
}

void
http_deliver(struct http_request *request, unsigned status, struct MHD_Response *response)
{
    struct MHD_Connection *connection = request->connection;
    struct http_server *server = request->server;
    struct http_loop *loop = request->loop;
    (void)pthread_mutex_lock(&request->lock);
    request->status = status;
    request->response = response;
    bool resume = request->suspended;
    request->suspended = false;
    (void)pthread_mutex_unlock(&request->lock);
    atomic_fetch_sub(&server->in_flight, 1);
    if (!resume)
        return;
    MHD_resume_connection(connection);
    http_loop_wake(loop);
}

void
http_reply(struct http_request *request, unsigned status, const struct http_header *headers,
           struct str body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)(body.ptr ? body.ptr : ""), MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        abort(); /* no memory */
    http_add_headers(request->server, response, headers);
    http_deliver(request, status, response);
}
