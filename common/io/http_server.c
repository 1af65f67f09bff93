#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/http_exchange.h"

enum { SWEEP_MS = 500, LISTEN_BACKLOG = 1024 };

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
        uint64_t now_ns = clock_mono_ns();
        for (struct http_request *r = server->slow; r; r = r->slow_next)
            if (now_ns > r->body_deadline_ns)
                (void)shutdown(r->socket, SHUT_RDWR);
        (void)clock_cond_wait(&server->sweep_wake, &server->lock, SWEEP_MS);
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
    struct http_loop *loop = ctx;
    struct http_server *server = http_loop_ctx(loop);
    struct http_request *request = mem_zalloc(sizeof *request);
    request->server = server;
    request->loop = loop;
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
        if (http_head_refused(request, &refusal))
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
        http_stream_abandon(request->stream);
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
daemon_start(struct http_server *server, struct http_loop *loop)
{
    const struct http_server_conf *conf = &server->conf;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
    unsigned connections_max =
        (conf->connections_max + conf->thread_count - 1) / conf->thread_count;
    /* Memory for one connection's head: the limits, and room for the library's own. */
    size_t memory = conf->header_bytes_max + conf->target_bytes_max + 16 * 1024;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, server, MHD_OPTION_LISTEN_SOCKET, server->listen_fd,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, loop, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        server, MHD_OPTION_CONNECTION_LIMIT, connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
        conf->idle_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

/* One daemon a thread, all on the same listening socket. */
static bool
loops_start(struct http_server *server)
{
    server->loops = mem_zalloc(server->conf.thread_count * sizeof(struct http_loop *));
    for (unsigned i = 0; i < server->conf.thread_count; i++) {
        struct http_loop *loop = http_loop_new(server);
        struct MHD_Daemon *daemon = daemon_start(server, loop);
        if (daemon == NULL) {
            http_loop_stop(loop);
            return false;
        }
        http_loop_start(loop, daemon);
        server->loops[server->loop_count++] = loop;
    }
    return true;
}

enum err_code
http_server_open(const struct http_server_conf *conf, struct http_server **ret_server,
                 struct err *err)
{
    struct http_server *server = mem_zalloc(sizeof *server);
    server->conf = *conf;
    enum err_code code = listen_on(conf->listen, &server->listen_fd, &server->port, err);
    if (code) {
        free(server);
        return code;
    }
    (void)pthread_mutex_init(&server->lock, NULL);
    clock_cond_init(&server->sweep_wake);
    server->listening = true;
    if (pthread_create(&server->sweeper, NULL, sweeper_thread, server) != 0)
        abort();
    if (!loops_start(server)) {
        http_server_close(server);
        return ERR(err, ERR_CONFIG, "cannot start the HTTP server on %s", conf->listen);
    }
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
    for (size_t i = 0; i < server->loop_count; i++)
        (void)MHD_quiesce_daemon(http_loop_daemon(server->loops[i])); /* the socket is ours again */
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
    for (size_t i = 0; i < server->loop_count; i++)
        http_loop_stop(server->loops[i]);
    free(server->loops);
    (void)close(server->listen_fd);
    (void)pthread_cond_destroy(&server->sweep_wake);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}
