#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/http_loop.h"

enum {
    IN_FIRST = 4096,     /* most requests are smaller; kept while the connection is idle */
    IN_BODY = 16 * 1024, /* room behind the head for what comes of the body at a time */
    LINE_MAX_ROOM = 128, /* method, version, line ends */
    LINGER_MS = 2000,
    LINGER_BYTES_MAX = 1024 * 1024,
};

static const struct http_server_conf *
conf_of(const struct http_connection *connection)
{
    return &http_loop_server(connection->loop)->conf;
}

static void
deadline_in(struct http_connection *connection, unsigned ms)
{
    connection->deadline_ns = clock_mono_ns() + (uint64_t)ms * 1000000;
}

struct http_connection *
http_connection_new(struct http_loop *loop, int fd, uint64_t now_ns)
{
    struct http_connection *connection = mem_zalloc(sizeof *connection);
    connection->loop = loop;
    connection->fd = fd;
    connection->readable = true;
    connection->writable = true;
    /* Who connects has something to say: the head's time runs from here. */
    connection->deadline_ns = now_ns + (uint64_t)conf_of(connection)->head_deadline_ms * 1000000;
    connection->request.connection = connection;
    return connection;
}

/* --- closing --- */

static void
request_over(struct http_connection *connection)
{
    struct http_request *request = &connection->request;
    const struct http_server_conf *conf = conf_of(connection);
    if (conf->on_finished && request->handed)
        conf->on_finished(request, conf->ctx);
    if (request->stream)
        http_stream_abandon(TAKE(request->stream));
    http_loop_take_back(connection->loop, &request->body);
    http_loop_take_back(connection->loop, &request->answer);
    *request = (struct http_request){.connection = connection};
    connection->answer_sent = 0;
    connection->scan = (struct http_scan){0};
    connection->chunks = (struct http_chunks){0};
}

void
http_connection_free(struct http_connection *connection)
{
    free(connection->in);
    free(connection->fields);
    free(connection);
}

void
http_connection_close(struct http_connection *connection)
{
    request_over(connection);
    http_loop_forget(connection->loop, connection);
    (void)close(connection->fd);
    connection->state = CONNECTION_DEAD;
    if (!atomic_load(&connection->look))
        http_connection_free(connection);
}

/* --- reading --- */

static size_t
in_max(const struct http_connection *connection)
{
    const struct http_server_conf *conf = conf_of(connection);
    return conf->target_bytes_max + conf->header_bytes_max + LINE_MAX_ROOM + IN_BODY;
}

/* Takes what has come. False at the end of the connection. */
static bool
read_some(struct http_connection *connection)
{
    if (connection->in_len == connection->in_capacity) {
        size_t more = connection->in_capacity ? 2 * connection->in_capacity : IN_FIRST;
        size_t most = in_max(connection);
        connection->in_capacity = more < most ? more : most;
        connection->in = mem_realloc(connection->in, connection->in_capacity);
    }
    size_t room = connection->in_capacity - connection->in_len;
    if (room == 0)
        return false; /* the limits of the head are far below */
    ssize_t got = recv(connection->fd, connection->in + connection->in_len, room, 0);
    if (got < 0 && errno == EINTR)
        return true;
    if (got < 0 && errno == EAGAIN) {
        connection->readable = false;
        return true;
    }
    if (got <= 0)
        return false;
    connection->in_len += (size_t)got;
    /* A short read has emptied the socket; what comes later is a new edge. */
    connection->readable = (size_t)got == room || connection->hung_up;
    return true;
}

static void
in_drop(struct http_connection *connection, size_t from, size_t count)
{
    connection->in_len -= count;
    memmove(connection->in + from, connection->in + from + count, connection->in_len - from);
}

/* --- refusing --- */

static void
refuse(struct http_connection *connection, enum http_refusal refusal)
{
    static const struct http_header headers[] = {{"Content-Type", "application/problem+json"},
                                                 {NULL, NULL}};
    const struct http_server_conf *conf = conf_of(connection);
    struct buf body;
    buf_init(&body, LIMIT_HTTP_ANSWER);
    unsigned status = conf->on_refusal(refusal, &body, conf->ctx);
    connection->request.answer_closes = true;
    http_answer_head(&connection->request, status, headers, body.len);
    buf_add(&connection->request.answer, buf_str(&body));
    buf_done(&body);
    connection->state = CONNECTION_ANSWER;
    deadline_in(connection, conf->body_deadline_ms);
}

/* --- from bytes to a request --- */

static size_t
body_bytes_max(const struct http_server *server, const struct http_request *request)
{
    const struct http_server_conf *conf = &server->conf;
    return conf->large_body_bytes_max && conf->takes_large_body(request, conf->ctx)
               ? conf->large_body_bytes_max
               : conf->body_bytes_max;
}

static void
head_done(struct http_connection *connection)
{
    const struct http_server *server = http_loop_server(connection->loop);
    struct http_request *request = &connection->request;
    struct str bytes = {connection->in, connection->scan.at};
    enum http_refusal refusal;
    if (connection->fields == NULL)
        connection->fields = mem_alloc(server->conf.header_count_max * sizeof *connection->fields);
    request->head.fields = connection->fields;
    if (!http_head_parse(bytes, &server->limits, &request->head, &refusal)) {
        refuse(connection, refusal);
        return;
    }
    request->answer_closes = request->head.close;
    size_t body_max = body_bytes_max(server, request);
    if (!request->head.chunked && request->head.length > body_max) {
        refuse(connection, HTTP_REFUSED_BODY_TOO_LARGE);
        return;
    }
    http_loop_lend(connection->loop, &request->body);
    request->body.max = body_max;
    connection->state = CONNECTION_BODY;
    deadline_in(connection, server->conf.body_deadline_ms);
    bool waits = request->head.expects_continue && connection->in_len == connection->scan.at;
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (waits && (request->head.chunked || request->head.length))
        (void)send(connection->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
run_head(struct http_connection *connection)
{
    const struct http_server *server = http_loop_server(connection->loop);
    enum http_refusal refusal;
    bool begins = connection->scan.at == 0 && connection->in_len;
    struct str bytes = {connection->in, connection->in_len};
    switch (http_head_scan(bytes, &server->limits, &connection->scan, &refusal)) {
    case HTTP_PARSE_DONE:
        head_done(connection);
        break;
    case HTTP_PARSE_REFUSED:
        refuse(connection, refusal);
        break;
    case HTTP_PARSE_MORE:
        if (begins)
            deadline_in(connection, server->conf.head_deadline_ms);
        break;
    }
}

static void
hand_over(struct http_connection *connection)
{
    struct http_server *server = http_loop_server(connection->loop);
    struct http_request *request = &connection->request;
    connection->state = CONNECTION_HANDED;
    connection->deadline_ns = 0;
    request->handed = true;
    http_loop_lend(connection->loop, &request->answer);
    request->started_ns = clock_mono_ns();
    atomic_fetch_add(&server->in_flight, 1);
    server->conf.on_request(request, server->conf.ctx);
}

static void
run_body(struct http_connection *connection)
{
    struct http_request *request = &connection->request;
    size_t head = connection->scan.at;
    struct str bytes = {connection->in + head, connection->in_len - head};
    size_t taken = 0;
    enum http_refusal refusal = HTTP_REFUSED_MALFORMED;
    enum http_parse parse = HTTP_PARSE_MORE;
    if (request->head.chunked) {
        parse = http_chunks_feed(&connection->chunks, bytes, &request->body, &taken, &refusal);
    } else {
        uint64_t left = request->head.length - request->body.len;
        taken = bytes.len < left ? bytes.len : (size_t)left;
        buf_add(&request->body, (struct str){bytes.ptr, taken});
        if (taken == left)
            parse = HTTP_PARSE_DONE;
    }
    if (taken)
        in_drop(connection, head, taken);
    if (parse == HTTP_PARSE_REFUSED)
        refuse(connection, refusal);
    else if (parse == HTTP_PARSE_DONE)
        hand_over(connection);
}

/* --- writing --- */

/* False at the end of the connection. */
static bool
write_some(struct http_connection *connection)
{
    const struct buf *answer = &connection->request.answer;
    while (connection->answer_sent < answer->len && connection->writable) {
        ssize_t sent = send(connection->fd, answer->ptr + connection->answer_sent,
                            answer->len - connection->answer_sent, MSG_NOSIGNAL);
        if (sent >= 0)
            connection->answer_sent += (size_t)sent;
        else if (errno == EAGAIN)
            connection->writable = false;
        else if (errno != EINTR)
            return false;
    }
    return true;
}

/* The whole answer is with the kernel: the next request, or the end. A client that still sends
 * would be told of a reset and might not see the answer: what it sends is taken for a while. */
static void
answered(struct http_connection *connection)
{
    bool closes = connection->request.answer_closes;
    size_t head = connection->scan.at;
    request_over(connection);
    if (closes) {
        (void)shutdown(connection->fd, SHUT_WR);
        connection->state = CONNECTION_LINGER;
        connection->in_len = 0;
        deadline_in(connection, LINGER_MS);
        return;
    }
    in_drop(connection, 0, head);
    if (connection->in_len == 0 && connection->in_capacity > IN_FIRST) {
        free(TAKE(connection->in));
        connection->in_capacity = 0;
    }
    connection->state = CONNECTION_HEAD;
    deadline_in(connection, conf_of(connection)->idle_timeout_s * 1000);
}

/* Nobody reads any more: there is the end of the connection to be read. */
static bool
reader_gone(struct http_connection *connection)
{
    char next;
    if (!connection->hung_up)
        return false;
    ssize_t got = recv(connection->fd, &next, 1, MSG_PEEK);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

static bool
run_stream(struct http_connection *connection)
{
    struct http_request *request = &connection->request;
    if (reader_gone(connection))
        return false;
    for (;;) {
        if (!write_some(connection))
            return false;
        if (connection->answer_sent < request->answer.len) {
            if (connection->deadline_ns == 0) /* for all of it, however it is trickled away */
                deadline_in(connection, conf_of(connection)->body_deadline_ms);
            return true;
        }
        connection->deadline_ns = 0;
        buf_reset(&request->answer);
        connection->answer_sent = 0;
        enum http_stream_state state = http_stream_take(request->stream, &request->answer);
        if (request->answer.len)
            continue;
        if (state == HTTP_STREAM_ENDED)
            answered(connection);
        return state != HTTP_STREAM_CUT;
    }
}

/* Takes and forgets. False at the end, or when it is enough. */
static bool
run_linger(struct http_connection *connection)
{
    char nothing[4096];
    while (connection->readable) {
        ssize_t got = recv(connection->fd, nothing, sizeof nothing, 0);
        if (got < 0 && errno == EAGAIN)
            connection->readable = false;
        else if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        else if (got > 0 && (connection->in_len += (size_t)got) > LINGER_BYTES_MAX)
            return false;
    }
    return true;
}

/* --- all together --- */

void
http_connection_answered(struct http_connection *connection)
{
    const struct http_request *request = &connection->request;
    assert(connection->state == CONNECTION_HANDED);
    connection->state = request->stream ? CONNECTION_STREAM : CONNECTION_ANSWER;
    if (request->stream == NULL)
        deadline_in(connection, conf_of(connection)->body_deadline_ms);
}

/* Reading, up to a whole request. False at the end of the connection. */
static bool
run_reading(struct http_connection *connection)
{
    enum http_connection_state state = connection->state;
    if (state == CONNECTION_BODY)
        run_body(connection);
    else if (connection->in_len > connection->scan.at)
        run_head(connection);
    return connection->state != state || !connection->readable || read_some(connection);
}

/* One step; false at the end of the connection. */
static bool
step(struct http_connection *connection)
{
    switch (connection->state) {
    case CONNECTION_HEAD:
    case CONNECTION_BODY:
        return run_reading(connection);
    case CONNECTION_ANSWER:
        if (!write_some(connection))
            return false;
        if (connection->answer_sent == connection->request.answer.len)
            answered(connection);
        return true;
    case CONNECTION_STREAM:
        return run_stream(connection);
    case CONNECTION_LINGER:
        return run_linger(connection);
    case CONNECTION_HANDED:
    case CONNECTION_DEAD:
        break;
    }
    return true;
}

void
http_connection_run(struct http_connection *connection)
{
    bool again = true;
    while (again) {
        enum http_connection_state before = connection->state;
        if (!step(connection)) {
            http_connection_close(connection);
            return;
        }
        bool reading = before == CONNECTION_HEAD || before == CONNECTION_BODY;
        bool unseen = connection->in_len > connection->scan.at;
        again = connection->state != before || (reading && (connection->readable || unseen));
    }
}

void
http_connection_late(struct http_connection *connection)
{
    bool begun = connection->in_len > 0;
    if ((connection->state == CONNECTION_HEAD && begun) || connection->state == CONNECTION_BODY) {
        refuse(connection, HTTP_REFUSED_TOO_SLOW);
        http_connection_run(connection);
    } else {
        http_connection_close(connection);
    }
}
