/*
 * The floor of accepting: the shortest program that does the same I/O. One epoll thread reads
 * requests, asks Redis for all sessions of a turn at once, produces each body (keyed, acks=all),
 * and answers 202 in the delivery report. No rules, no checks, no sealing, no log: a yardstick,
 * nothing else.
 *
 *   floor_intake PORT KAFKA REDIS-PORT REDIS-USER REDIS-PASSWORD TOPIC
 */
#include <arpa/inet.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <librdkafka/rdkafka.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_SIZE = 16384, EVENTS = 256 };

struct connection {
    int fd;
    size_t got;
    char id[40];
    char request[REQUEST_SIZE];
};

static const char answer_format[] =
    "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 75\r\n\r\n"
    "{\"submission_id\":\"%s\",\"state\":\"received\"}";

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static void
on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    const struct connection *c = message->_private;
    char answer[256];
    (void)client;
    (void)opaque;
    int length = snprintf(answer, sizeof answer, answer_format, c->id);
    if (message->err || write(c->fd, answer, (size_t)length) < 0)
        die("report");
}

static rd_kafka_t *
producer_new(const char *bootstrap)
{
    static const char *const settings[][2] = {
        {"acks", "all"},
        {"enable.idempotence", "true"},
        {"linger.ms", "1"},
        {"compression.type", "lz4"},
        {"socket.nagle.disable", "true"},
    };
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, text, sizeof text);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text))
            die(text);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
}

/* True when the request is whole; *ret_body points into it. */
static bool
request_whole(struct connection *c, char **ret_body, size_t *ret_length)
{
    c->request[c->got] = '\0';
    char *end = strstr(c->request, "\r\n\r\n");
    const char *length = end ? strcasestr(c->request, "content-length:") : NULL;
    if (length == NULL)
        return false;
    *ret_body = end + 4;
    *ret_length = strtoul(length + 15, NULL, 10);
    return c->got >= (size_t)(*ret_body - c->request) + *ret_length;
}

static void
token_of(const struct connection *c, const char **ret_token)
{
    const char *at = strstr(c->request, "Bearer ");
    *ret_token = at ? at + 7 : "";
}

static void
turn(struct connection **ready, size_t count, redisContext *redis, rd_kafka_t *producer,
     const char *topic)
{
    static unsigned long long number;
    for (size_t i = 0; i < count; i++) {
        const char *token;
        token_of(ready[i], &token);
        (void)redisAppendCommand(redis, "GET sess:%b", token, (size_t)64);
    }
    for (size_t i = 0; i < count; i++) {
        redisReply *reply = NULL;
        char *body = NULL;
        const char *token;
        size_t length = 0;
        if (redisGetReply(redis, (void **)&reply) != REDIS_OK)
            die("redis");
        freeReplyObject(reply);
        (void)request_whole(ready[i], &body, &length);
        token_of(ready[i], &token);
        (void)snprintf(ready[i]->id, sizeof ready[i]->id, "%08x-0000-8000-8000-%012llx",
                       (unsigned)getpid(), number++);
        if (rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(token, 36),
                              RD_KAFKA_V_VALUE(body, length),
                              RD_KAFKA_V_HEADER("ce_id", ready[i]->id, 36),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_OPAQUE(ready[i]),
                              RD_KAFKA_V_END))
            die("produce");
        ready[i]->got = 0;
    }
}

static int
listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1024) != 0)
        die("listen");
    return fd;
}

static void
accept_one(int epoll, int listener)
{
    int one = 1;
    struct connection *c = calloc(1, sizeof *c); /* lint: allowed */
    if (c == NULL)
        die("memory");
    c->fd = accept(listener, NULL, NULL);
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
}

/* Reads; true when a request is whole. */
static bool
receive(struct connection *c)
{
    char *body;
    size_t length;
    ssize_t got = read(c->fd, c->request + c->got, sizeof c->request - 1 - c->got);
    if (got <= 0) {
        (void)close(c->fd);
        free(c);
        return false;
    }
    c->got += (size_t)got;
    return request_whole(c, &body, &length);
}

int
main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    struct connection *ready[EVENTS];
    if (argc != 7)
        return 2;
    int listener = listen_on((int)strtol(argv[1], NULL, 10));
    rd_kafka_t *producer = producer_new(argv[2]);
    redisContext *redis = redisConnect("127.0.0.1", (int)strtol(argv[3], NULL, 10));
    freeReplyObject(redisCommand(redis, "AUTH %s %s", argv[4], argv[5]));
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int woken = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(producer);
    rd_kafka_queue_io_event_enable(queue, woken, "12345678", 8);
    struct epoll_event on_listen = {.events = EPOLLIN, .data.ptr = NULL};
    struct epoll_event on_wake = {.events = EPOLLIN, .data.ptr = &woken};
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &on_listen);
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, woken, &on_wake);
    for (;;) {
        size_t count = 0;
        int got = epoll_wait(epoll, events, EVENTS, 1000);
        for (int i = 0; i < got; i++) {
            uint64_t wakes;
            if (events[i].data.ptr == NULL)
                accept_one(epoll, listener);
            else if (events[i].data.ptr == &woken)
                (void)!read(woken, &wakes, sizeof wakes);
            else if (receive(events[i].data.ptr))
                ready[count++] = events[i].data.ptr;
        }
        if (count)
            turn(ready, count, redis, producer, argv[6]);
        (void)rd_kafka_poll(producer, 0);
    }
}
