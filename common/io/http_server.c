#include "io/http_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"

enum { SWEEP_MS = 500, BODY_FIRST_SIZE = 4096, LISTEN_BACKLOG = 1024 };

enum request_stage {
    STAGE_HEADERS,  /* nothing handed over yet */
    STAGE_BODY,     /* collecting the body */
    STAGE_HANDED,   /* with the user; suspended */
    STAGE_ANSWERED, /* `response` is set */
};

struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct buf target; /* raw, as sent */
    enum http_method method;
    enum request_stage stage;
    struct str path;
    struct str query;
    struct buf body;
    uint64_t started_ns;
    uint64_t body_deadline_ns; /* 0: not collecting */
    int socket;
    bool handed; /* on_request was called */
    bool refused;
    void *user;
    /* Between the replying thread and the library's: under `lock`. */
    pthread_mutex_t lock;
    bool suspended;
    struct MHD_Response *response;
    unsigned status;
    struct http_stream *stream;
    /* Under the server's lock, while a body is being collected. */
    struct http_request *slow_next;
    struct http_request *slow_before;
};

struct http_server {
    struct http_server_conf conf;
    struct MHD_Daemon *daemon;
    unsigned port;
    atomic_size_t in_flight;
    atomic_bool quiet;
    bool listening;
    int listen_fd; /* after quiescing: shut down, closed when the library no longer looks at it */
    pthread_mutex_t lock;
    struct http_request *slow; /* requests whose body is not complete */
    pthread_t sweeper;
    pthread_cond_t sweep_wake;
    bool stop;
};

/* --- refusing --- */

static enum MHD_Result
queue_refusal(struct http_request *request, enum http_refusal refusal)
{
    struct buf body;
    buf_init(&body, LIMIT_HTTP_ANSWER);
    unsigned status = request->server->conf.on_refusal(refusal, &body, request->server->conf.ctx);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, body.ptr ? body.ptr : (char *)(uintptr_t) "", MHD_RESPMEM_MUST_COPY);
    buf_done(&body);
    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, "Content-Type", "application/problem+json");
    (void)MHD_add_response_header(response, "Connection", "close");
    request->refused = true;
    request->stage = STAGE_ANSWERED;
    enum MHD_Result result = MHD_queue_response(request->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

struct header_census {
    size_t count;
    size_t bytes;
    size_t hosts;
    size_t lengths;
    size_t codings;
    bool bad;
    bool coding_unknown;
    uint64_t length;
};

static bool
token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
value_plain(const char *value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)value[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return false;
    }
    return true;
}

static enum MHD_Result
count_header(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_size,
             const char *value, size_t value_size)
{
    struct header_census *census = ctx;
    (void)kind;
    census->count++;
    census->bytes += name_size + value_size + 4;
    if (name_size == 0 || (value_size && !value_plain(value, value_size)))
        census->bad = true;
    for (size_t i = 0; i < name_size; i++)
        if (!token_char(name[i]))
            census->bad = true;
    if (strcasecmp(name, "Host") == 0)
        census->hosts++;
    if (strcasecmp(name, "Content-Length") == 0) {
        census->lengths++;
        if (!str_to_u64((struct str){value, value_size}, UINT64_MAX, &census->length))
            census->bad = true;
    }
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        census->codings++;
        census->coding_unknown = value == NULL || strcasecmp(value, "chunked") != 0;
    }
    return MHD_YES;
}

/* Origin-form, printable ASCII, no fragment. */
static bool
target_plain(struct str target)
{
    if (target.len == 0 || target.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];
        if (c <= 0x20 || c >= 0x7F || c == '#' || c == '\\')
            return false;
    }
    return true;
}

/* True and the refusal when the head of a request is one of those that are not let in. */
static bool
head_refused(const struct http_request *request, enum http_refusal *ret_refusal)
{
    const struct http_server_conf *conf = &request->server->conf;
    struct header_census census = {0};
    (void)MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, count_header, &census);
    if (request->target.overflow)
        *ret_refusal = HTTP_REFUSED_TARGET_TOO_LONG;
    else if (census.count > conf->header_count_max || census.bytes > conf->header_bytes_max)
        *ret_refusal = HTTP_REFUSED_HEADERS_TOO_LARGE;
    else if (census.bad || census.hosts != 1 || census.lengths > 1 || census.codings > 1 ||
             (census.lengths && census.codings) || census.coding_unknown ||
             !target_plain(buf_str(&request->target)))
        *ret_refusal = HTTP_REFUSED_MALFORMED;
    else if (census.length > conf->body_bytes_max)
        *ret_refusal = HTTP_REFUSED_BODY_TOO_LARGE;
    else
        return false;
    return true;
}

/* --- bodies that do not come --- */

static void
slow_add(struct http_request *request)
{
    struct http_server *server = request->server;
    request->body_deadline_ns = clock_mono_ns() + (uint64_t)server->conf.body_deadline_ms * 1000000;
    (void)pthread_mutex_lock(&server->lock);
    request->slow_next = server->slow;
    if (server->slow)
        server->slow->slow_before = request;
    server->slow = request;
    (void)pthread_mutex_unlock(&server->lock);
}

static void
slow_remove(struct http_request *request)
{
    struct http_server *server = request->server;
    if (request->body_deadline_ns == 0)
        return;
    (void)pthread_mutex_lock(&server->lock);
    if (request->slow_before)
        request->slow_before->slow_next = request->slow_next;
    else
        server->slow = request->slow_next;
    if (request->slow_next)
        request->slow_next->slow_before = request->slow_before;
    (void)pthread_mutex_unlock(&server->lock);
    request->body_deadline_ns = 0;
}

/* Ends the reading side of connections whose body is overdue: the library then closes them. */
static void *
sweeper_thread(void *arg)
{
    struct http_server *server = arg;
    (void)pthread_mutex_lock(&server->lock);
    while (!server->stop) {
        struct timespec until;
        uint64_t now_ns = clock_mono_ns();
        for (struct http_request *r = server->slow; r; r = r->slow_next)
            if (now_ns > r->body_deadline_ns)
                (void)shutdown(r->socket, SHUT_RDWR);
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += (long)SWEEP_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&server->sweep_wake, &server->lock, &until);
    }
    (void)pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* --- the library's callbacks --- */

static enum http_method
method_of(const char *text)
{
    static const struct {
        const char *text;
        enum http_method method;
    } rows[] = {{"GET", HTTP_GET},
                {"HEAD", HTTP_HEAD},
                {"POST", HTTP_POST},
                {"PUT", HTTP_PUT},
                {"DELETE", HTTP_DELETE}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(text, rows[i].text) == 0)
            return rows[i].method;
    return HTTP_OTHER;
}

/* Called with the target as it was sent, before anything is decoded: the request begins here. */
static void *
on_target(void *ctx, const char *target, struct MHD_Connection *connection)
{
    struct http_server *server = ctx;
    struct http_request *request = mem_zalloc(sizeof *request);
    request->server = server;
    request->connection = connection;
    (void)pthread_mutex_init(&request->lock, NULL);
    buf_init(&request->target, server->conf.target_bytes_max);
    buf_init(&request->body, server->conf.body_bytes_max);
    buf_add_text(&request->target, target);
    return request;
}

static void
target_split(struct http_request *request)
{
    struct str rest = buf_str(&request->target);
    request->path = str_cut(&rest, '?');
    request->query = rest;
}

/* Gives the request to the user. The connection is suspended first, so that an answer may come from
 * anywhere at any time. */
static void
hand_over(struct http_request *request)
{
    struct http_server *server = request->server;
    slow_remove(request);
    request->stage = STAGE_HANDED;
    request->handed = true;
    request->started_ns = clock_mono_ns();
    atomic_fetch_add(&server->in_flight, 1);
    (void)pthread_mutex_lock(&request->lock);
    request->suspended = true;
    MHD_suspend_connection(request->connection);
    (void)pthread_mutex_unlock(&request->lock);
    server->conf.on_request(request, server->conf.ctx);
}

static enum MHD_Result
answer_ready(struct http_request *request)
{
    (void)pthread_mutex_lock(&request->lock);
    struct MHD_Response *response = request->response;
    request->response = NULL;
    (void)pthread_mutex_unlock(&request->lock);
    if (response == NULL)
        return MHD_YES; /* woken without an answer: not ours to judge, wait on */
    request->stage = STAGE_ANSWERED;
    enum MHD_Result result = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
collect(struct http_request *request, const char *data, size_t *size)
{
    buf_add(&request->body, (struct str){data, *size});
    *size = 0;
    return MHD_YES;
}

static enum MHD_Result
on_access(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
          const char *version, const char *data, size_t *size, void **request_slot)
{
    struct http_request *request = *request_slot;
    enum http_refusal refusal;
    (void)ctx;
    (void)url;
    (void)version;
    switch (request->stage) {
    case STAGE_HEADERS:
        request->method = method_of(method);
        target_split(request);
        if (head_refused(request, &refusal))
            return queue_refusal(request, refusal);
        request->stage = STAGE_BODY;
        request->socket =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        slow_add(request);
        return MHD_YES;
    case STAGE_BODY:
        if (*size)
            return collect(request, data, size);
        if (request->body.overflow)
            return queue_refusal(request, HTTP_REFUSED_BODY_TOO_LARGE);
        hand_over(request);
        return MHD_YES;
    case STAGE_HANDED:
        return answer_ready(request);
    case STAGE_ANSWERED:
        *size = 0;
        return MHD_YES;
    }
    return MHD_NO;
}

static void stream_abandon(struct http_stream *stream);

static void
on_completed(void *ctx, struct MHD_Connection *connection, void **request_slot,
             enum MHD_RequestTerminationCode how)
{
    struct http_request *request = *request_slot;
    (void)ctx;
    (void)connection;
    (void)how;
    if (request == NULL)
        return;
    *request_slot = NULL;
    slow_remove(request);
    if (request->server->conf.on_finished && request->handed)
        request->server->conf.on_finished(request, request->server->conf.ctx);
    if (request->stream)
        stream_abandon(request->stream);
    if (request->response)
        MHD_destroy_response(request->response);
    buf_done(&request->target);
    buf_done(&request->body);
    (void)pthread_mutex_destroy(&request->lock);
    free(request);
}

/* --- opening and closing --- */

static enum err_code
listen_on(const char *listen_text, int *ret_socket, unsigned *ret_port, struct err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    char host[64];
    uint64_t port = 0;
    int on = 1;
    struct str rest = str_of(listen_text);
    struct str name = str_cut(&rest, ':');
    (void)snprintf(host, sizeof host, "%.*s", STR_ARG(name));
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1 || !str_to_u64(rest, 65535, &port))
        return ERR(err, ERR_CONFIG, "'%s' is not an IPv4 address and port", listen_text);
    address.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR(err, ERR_CONFIG, "cannot make a socket: %s", strerror(errno));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, LISTEN_BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        enum err_code code =
            ERR(err, ERR_CONFIG, "cannot listen on %s: %s", listen_text, strerror(errno));
        (void)close(fd);
        return code;
    }
    *ret_socket = fd;
    *ret_port = ntohs(address.sin_port);
    return ERR_OK;
}

static struct MHD_Daemon *
daemon_start(struct http_server *server, int fd)
{
    const struct http_server_conf *conf = &server->conf;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    unsigned pool = conf->thread_count > 1 ? conf->thread_count : 0;
    /* Memory for one connection's head: the limits, and room for the library's own. */
    size_t memory = conf->header_bytes_max + conf->target_bytes_max + 16 * 1024;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, server, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        server, MHD_OPTION_CONNECTION_LIMIT, conf->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
        conf->idle_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, pool ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, pool,
        MHD_OPTION_END);
}

enum err_code
http_server_open(const struct http_server_conf *conf, struct http_server **ret_server,
                 struct err *err)
{
    int fd = -1;
    struct http_server *server = mem_zalloc(sizeof *server);
    server->conf = *conf;
    enum err_code code = listen_on(conf->listen, &fd, &server->port, err);
    if (code) {
        free(server);
        return code;
    }
    (void)pthread_mutex_init(&server->lock, NULL);
    (void)pthread_cond_init(&server->sweep_wake, NULL);
    server->daemon = daemon_start(server, fd);
    if (server->daemon == NULL) {
        (void)close(fd);
        free(server);
        return ERR(err, ERR_CONFIG, "cannot start the HTTP server on %s", conf->listen);
    }
    server->listening = true;
    server->listen_fd = -1;
    if (pthread_create(&server->sweeper, NULL, sweeper_thread, server) != 0)
        abort();
    *ret_server = server;
    return ERR_OK;
}

unsigned
http_server_port(const struct http_server *server)
{
    return server->port;
}

size_t
http_server_in_flight(const struct http_server *server)
{
    return atomic_load(&server->in_flight);
}

void
http_server_quiesce(struct http_server *server)
{
    if (server == NULL || !server->listening)
        return;
    server->listening = false;
    atomic_store(&server->quiet, true);
    server->listen_fd = MHD_quiesce_daemon(server->daemon);
    if (server->listen_fd >= 0)
        (void)shutdown(server->listen_fd, SHUT_RDWR); /* from now on connecting is refused */
}

void
http_server_close(struct http_server *server)
{
    if (server == NULL)
        return;
    http_server_quiesce(server);
    (void)pthread_mutex_lock(&server->lock);
    server->stop = true;
    (void)pthread_cond_signal(&server->sweep_wake);
    (void)pthread_mutex_unlock(&server->lock);
    (void)pthread_join(server->sweeper, NULL);
    MHD_stop_daemon(server->daemon);
    if (server->listen_fd >= 0)
        (void)close(server->listen_fd);
    (void)pthread_cond_destroy(&server->sweep_wake);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}

/* --- reading a request --- */

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

static void
add_headers(const struct http_server *server, struct MHD_Response *response,
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

/* Leaves the response for the library's thread and wakes the connection. The request may be gone as
 * soon as it is resumed. */
static void
deliver(struct http_request *request, unsigned status, struct MHD_Response *response)
{
    struct MHD_Connection *connection = request->connection;
    struct http_server *server = request->server;
    (void)pthread_mutex_lock(&request->lock);
    request->status = status;
    request->response = response;
    bool resume = request->suspended;
    request->suspended = false;
    (void)pthread_mutex_unlock(&request->lock);
    atomic_fetch_sub(&server->in_flight, 1);
    if (resume)
        MHD_resume_connection(connection);
}

void
http_reply(struct http_request *request, unsigned status, const struct http_header *headers,
           struct str body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)(body.ptr ? body.ptr : ""), MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        abort(); /* no memory */
    add_headers(request->server, response, headers);
    deliver(request, status, response);
}

/* --- answers in pieces --- */

/* Shared by the library's thread (reading, on_completed) and the sender: `references` is two while
 * both hold it. */
struct http_stream {
    pthread_mutex_t lock;
    struct MHD_Connection *connection;
    struct buf pending;
    bool suspended;
    bool ended;  /* the sender is done */
    bool closed; /* the client is gone, or read too slowly */
    int references;
};

static void
stream_unref(struct http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    bool last = --stream->references == 0;
    (void)pthread_mutex_unlock(&stream->lock);
    if (!last)
        return;
    buf_done(&stream->pending);
    (void)pthread_mutex_destroy(&stream->lock);
    free(stream);
}

/* The exchange is over: the connection must not be touched any more. */
static void
stream_abandon(struct http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    stream->closed = true;
    stream->suspended = false;
    (void)pthread_mutex_unlock(&stream->lock);
    stream_unref(stream);
}

static ssize_t
stream_read(void *ctx, uint64_t position, char *out, size_t max)
{
    struct http_stream *stream = ctx;
    (void)position;
    (void)pthread_mutex_lock(&stream->lock);
    size_t take = stream->pending.len < max ? stream->pending.len : max;
    ssize_t result = (ssize_t)take;
    if (take) {
        memcpy(out, stream->pending.ptr, take);
        stream->pending.len -= take;
        memmove(stream->pending.ptr, stream->pending.ptr + take, stream->pending.len);
    } else if (stream->ended || stream->closed) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        stream->suspended = true;
        MHD_suspend_connection(stream->connection);
    }
    (void)pthread_mutex_unlock(&stream->lock);
    return result;
}

struct http_stream *
http_reply_stream(struct http_request *request, unsigned status, const struct http_header *headers,
                  size_t pending_bytes_max)
{
    struct http_stream *stream = mem_zalloc(sizeof *stream);
    (void)pthread_mutex_init(&stream->lock, NULL);
    stream->connection = request->connection;
    stream->references = 2;
    buf_init(&stream->pending, pending_bytes_max);
    request->stream = stream;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, stream_read, stream, NULL);
    if (response == NULL)
        abort(); /* no memory */
    add_headers(request->server, response, headers);
    deliver(request, status, response);
    return stream;
}

/* Under the lock: wakes the reader if it sleeps. */
static void
stream_wake(struct http_stream *stream)
{
    if (!stream->suspended)
        return;
    stream->suspended = false;
    MHD_resume_connection(stream->connection);
}

void
http_stream_send(struct http_stream *stream, struct str piece)
{
    (void)pthread_mutex_lock(&stream->lock);
    if (!stream->closed) {
        buf_add(&stream->pending, piece);
        if (stream->pending.overflow)
            stream->closed = true;
        stream_wake(stream);
    }
    (void)pthread_mutex_unlock(&stream->lock);
}

bool
http_stream_closed(const struct http_stream *stream)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&stream->lock;
    (void)pthread_mutex_lock(lock);
    bool closed = stream->closed;
    (void)pthread_mutex_unlock(lock);
    return closed;
}

void
http_stream_end(struct http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    stream->ended = true;
    stream_wake(stream);
    (void)pthread_mutex_unlock(&stream->lock);
    stream_unref(stream);
}
