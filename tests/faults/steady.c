/*
 * The steady load of `make availability`: submissions and reads at fixed rates, whatever becomes of
 * them. Open loop: a request is due at its time and waits for a free connection if there is none.
 *
 *   steady PORT STUDENTS-FILE SECONDS SUBMISSIONS-RATE READS-RATE PREFIX > lines
 *
 * STUDENTS-FILE: lines "token phone submission_id". One line a request: when it was due (CLOCK_
 * MONOTONIC, microseconds), s or r, status (0: none came), microseconds until it was answered. One
 * that failed is told with more: what was asked for, the word of the problem (or how the connection
 * ended) and its trace id, `-` without: the edge answered, or a service before it looked at it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum {
    STUDENTS_MAX = 4096,
    CONNECTIONS = 256,
    WAITING_MAX = 65536, /* due and without a connection: ten seconds of both rates, and more */
    HEAD_SIZE = 4096,
    PROBLEM_SIZE = 1024,
    REQUEST_SIZE = 4096,
    ANSWER_WITHIN_US = 10 * 1000 * 1000,
    TICK_NS = 1000 * 1000,
};

struct request {
    uint64_t due_us;
    uint64_t number;
    bool submits;
};

struct connection {
    int fd; /* -1: not open */
    bool busy;
    bool connected;
    struct request request;
    size_t head_got;
    size_t body_left;
    unsigned status;
    bool last; /* the server ends the connection behind this answer */
    char head[HEAD_SIZE];
    size_t problem_got;
    char problem[PROBLEM_SIZE]; /* the beginning of a body, of a failure only */
};

struct stream {
    double rate;
    uint64_t begun;
    bool submits;
};

struct student {
    char token[80];
    char phone[16];
    char submission_id[40];
};

struct steady {
    int port;
    int epoll;
    const char *prefix;
    uint64_t begin_us;
    uint64_t end_us;
    struct stream streams[2];
    size_t student_count;
    struct student *students;
    struct connection connections[CONNECTIONS];
    size_t turn; /* whose it is: all are used, so that how many are open does not tell what was */
    struct request waiting[WAITING_MAX]; /* ring */
    size_t waiting_first;
    size_t waiting_count;
};

static uint64_t
now_us(void)
{
    return clock_mono_ns() / 1000;
}

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static void
students_read(struct steady *steady, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        die(path);
    steady->students = mem_zalloc(STUDENTS_MAX * sizeof *steady->students);
    while (steady->student_count < STUDENTS_MAX) {
        struct student *s = &steady->students[steady->student_count];
        if (fscanf(file, "%79s %15s %39s", s->token, s->phone, s->submission_id) != 3)
            break;
        steady->student_count++;
    }
    (void)fclose(file);
    if (steady->student_count == 0)
        die("no students");
}

static size_t
submission_write(const struct steady *steady, const struct request *request, char *out)
{
    const struct student *student = &steady->students[request->number % steady->student_count];
    char body[REQUEST_SIZE / 2];
    int length = snprintf(
        body, sizeof body,
        "{\"fields\":{\"ZZMMDM\":\"03\",\"SYSZDDM\":\"440106\",\"CXSY\":\"城镇\",\"SFSLBDM\":\"2\","
        "\"KNSLBDM\":\"0\",\"RXQDASZDW\":\"广州市第一中学\",\"DASFZRXX\":\"1\",\"RXQHKSZDPCS\":"
        "\"石牌派出所\",\"HKSFZRXX\":\"0\",\"SJHM\":\"%s\",\"DZYX\":\"student@example.com\","
        "\"QQHM\":\"12345678\",\"JTDZ\":\"示范路%u号\",\"JTDH\":\"020-12345678\",\"JTYB\":"
        "\"510630\","
        "\"JTLXR\":\"家长\",\"YHKSZDDM\":\"440106\"}}",
        student->phone, (unsigned)(request->number % 1000));
    return (size_t)snprintf(
        out, REQUEST_SIZE,
        "POST /api/v1/submissions HTTP/1.1\r\nHost: steady\r\nAuthorization: Bearer %s\r\n"
        "Idempotency-Key: %s-%llu\r\nContent-Type: application/json\r\nContent-Length: "
        "%d\r\n\r\n%s",
        student->token, steady->prefix, (unsigned long long)request->number, length, body);
}

/* What reads ask for in turn; the fifth is a submission. */
static const char *const reads[] = {"form", "session", "draft", "codes/SYSZDDM?parent=440000"};
enum { READS = sizeof reads / sizeof reads[0] + 1 };

static size_t
read_write(const struct steady *steady, const struct request *request, char *out)
{
    const struct student *student = &steady->students[request->number % steady->student_count];
    char status[64];
    (void)snprintf(status, sizeof status, "submissions/%s", student->submission_id);
    size_t which = request->number % READS;
    return (size_t)snprintf(
        out, REQUEST_SIZE,
        "GET /api/v1/%s HTTP/1.1\r\nHost: steady\r\nAuthorization: Bearer %s\r\n\r\n",
        which < READS - 1 ? reads[which] : status, student->token);
}

static const char *
asked_for(const struct request *request)
{
    size_t which = request->number % READS;
    return request->submits ? "submit" : which < READS - 1 ? reads[which] : "submission";
}

/* The text behind `mark` up to the next quote; "-" when there is none. */
static int
problem_part(const struct connection *c, const char *mark, const char **ret_text)
{
    const char *begin = strstr(c->problem, mark);
    const char *end = begin ? strchr(begin + strlen(mark), '"') : NULL;
    *ret_text = end ? begin + strlen(mark) : "-";
    return end ? (int)(end - *ret_text) : 1;
}

static bool
succeeded(unsigned status)
{
    return status == 200 || status == 202 || status == 304;
}

/* The request is over; the line about it is all that stays. `how`: the connection ended, if so. */
static void
request_end(struct connection *c, unsigned status, const char *how)
{
    printf("%llu %c %u %llu", (unsigned long long)c->request.due_us, c->request.submits ? 's' : 'r',
           status, (unsigned long long)(now_us() - c->request.due_us));
    if (!succeeded(status)) {
        const char *word;
        const char *trace;
        int word_length = problem_part(c, "/problems/", &word);
        int trace_length = problem_part(c, "\"traceId\":\"", &trace);
        printf(" %s %.*s %.*s", asked_for(&c->request), how ? (int)strlen(how) : word_length,
               how ? how : word, trace_length, trace);
    }
    printf("\n");
    c->busy = false;
}

static void
connection_end(struct connection *c, const char *how)
{
    if (c->busy)
        request_end(c, 0, how);
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
}

static bool
connection_open(struct steady *steady, struct connection *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)steady->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        return false;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
        connection_end(c, "refused");
        return false;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    c->connected = false;
    return epoll_ctl(steady->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0;
}

static void
request_send(struct steady *steady, struct connection *c)
{
    char text[REQUEST_SIZE];
    size_t size = c->request.submits ? submission_write(steady, &c->request, text)
                                     : read_write(steady, &c->request, text);
    c->head_got = c->body_left = c->problem_got = 0;
    c->problem[0] = '\0';
    c->status = 0;
    if (write(c->fd, text, size) != (ssize_t)size)
        connection_end(c, "unsent");
}

static void
request_begin(struct steady *steady, struct connection *c, const struct request *request)
{
    c->request = *request;
    c->busy = true;
    if (c->fd >= 0)
        request_send(steady, c);
    else if (!connection_open(steady, c))
        connection_end(c, "unopened"); /* otherwise sent when it is writable */
}

static void
problem_add(struct connection *c, const char *bytes, size_t size)
{
    size_t room = PROBLEM_SIZE - 1 - c->problem_got;
    if (succeeded(c->status))
        return;
    memcpy(c->problem + c->problem_got, bytes, size < room ? size : room);
    c->problem_got += size < room ? size : room;
    c->problem[c->problem_got] = '\0';
}

/* The head is whole: *ret_body is how much of the body came with it. False when it cannot be read.
 */
static bool
head_read(struct connection *c, const char *end)
{
    const char *length = strcasestr(c->head, "\r\ncontent-length:");
    size_t had = c->head_got - (size_t)(end + 4 - c->head);
    c->status = (unsigned)strtoul(c->head + 9, NULL, 10);
    c->last = strcasestr(c->head, "\r\nconnection: close") != NULL;
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    c->body_left = body > had ? body - had : 0;
    problem_add(c, end + 4, had);
    return c->status >= 200 && c->status < 600 && had <= body;
}

/* Takes what has come; false when the connection is to end. */
static bool
answer_read(struct connection *c)
{
    static char rest[65536];
    for (;;) {
        bool in_head = c->status == 0;
        ssize_t got = in_head ? read(c->fd, c->head + c->head_got, HEAD_SIZE - 1 - c->head_got)
                              : read(c->fd, rest, sizeof rest);
        if (got < 0 && errno == EAGAIN)
            return true;
        if (got <= 0 || !c->busy)
            return false;
        if (in_head) {
            c->head_got += (size_t)got;
            c->head[c->head_got] = '\0';
            const char *end = strstr(c->head, "\r\n\r\n");
            if (end == NULL)
                continue;
            if (!head_read(c, end))
                return false;
        } else {
            problem_add(c, rest, (size_t)got);
            c->body_left -= (size_t)got < c->body_left ? (size_t)got : c->body_left;
        }
        if (c->body_left == 0) {
            request_end(c, c->status, NULL);
            c->status = 0;
            c->head_got = 0;
            if (c->last)
                return false;
        }
    }
}

static void
on_event(struct steady *steady, struct connection *c, uint32_t events)
{
    if (c->fd < 0)
        return;
    if ((events & EPOLLOUT) && !c->connected) {
        c->connected = true;
        if (c->busy)
            request_send(steady, c);
    }
    if (c->fd >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !answer_read(c))
        connection_end(c, "closed");
}

/* What is due joins those that wait; those that wait take the connections that are free. */
static void
tick(struct steady *steady)
{
    uint64_t at_us = now_us();
    for (size_t i = 0; i < 2; i++) {
        struct stream *stream = &steady->streams[i];
        for (;;) {
            uint64_t due_us =
                steady->begin_us + (uint64_t)((double)stream->begun * 1e6 / stream->rate);
            if (due_us > at_us || due_us >= steady->end_us || steady->waiting_count == WAITING_MAX)
                break;
            steady->waiting[(steady->waiting_first + steady->waiting_count++) % WAITING_MAX] =
                (struct request){due_us, stream->begun++, stream->submits};
        }
    }
    for (size_t i = 0, first = steady->turn; i < CONNECTIONS; i++) {
        struct connection *c = &steady->connections[(first + i) % CONNECTIONS];
        if (c->busy && at_us > c->request.due_us + ANSWER_WITHIN_US)
            connection_end(c, "unanswered");
        if (!c->busy && steady->waiting_count) {
            const struct request *next = &steady->waiting[steady->waiting_first];
            steady->waiting_first = (steady->waiting_first + 1) % WAITING_MAX;
            steady->waiting_count--;
            request_begin(steady, c, next);
            steady->turn = (first + i + 1) % CONNECTIONS;
        }
    }
}

static bool
anything_left(const struct steady *steady)
{
    if (now_us() < steady->end_us || steady->waiting_count)
        return true;
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (steady->connections[i].busy)
            return true;
    return false;
}

static void
run(struct steady *steady)
{
    struct epoll_event events[CONNECTIONS];
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct itimerspec every = {{0, TICK_NS}, {0, TICK_NS}};
    struct epoll_event on_timer = {.events = EPOLLIN, .data.ptr = NULL};
    (void)timerfd_settime(timer, 0, &every, NULL);
    (void)epoll_ctl(steady->epoll, EPOLL_CTL_ADD, timer, &on_timer);
    while (anything_left(steady)) {
        int ready = epoll_wait(steady->epoll, events, CONNECTIONS, 1000);
        for (int i = 0; i < ready; i++) {
            uint64_t expirations;
            if (events[i].data.ptr == NULL)
                (void)!read(timer, &expirations, sizeof expirations);
            else
                on_event(steady, events[i].data.ptr, events[i].events);
        }
        tick(steady);
    }
}

int
main(int argc, char **argv)
{
    struct steady *steady = mem_zalloc(sizeof *steady);
    if (argc != 7) {
        (void)fprintf(stderr,
                      "usage: steady PORT STUDENTS SECONDS SUBMISSIONS-RATE READS-RATE PREFIX\n");
        return 2;
    }
    steady->port = (int)strtol(argv[1], NULL, 10);
    students_read(steady, argv[2]);
    steady->prefix = argv[6];
    steady->streams[0] = (struct stream){.rate = strtod(argv[4], NULL), .submits = true};
    steady->streams[1] = (struct stream){.rate = strtod(argv[5], NULL)};
    steady->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < CONNECTIONS; i++)
        steady->connections[i].fd = -1;
    steady->begin_us = now_us();
    steady->end_us = steady->begin_us + strtoul(argv[3], NULL, 10) * 1000000;
    run(steady);
    free(steady->students);
    free(steady);
    return 0;
}
