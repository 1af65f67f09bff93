/*
 * The load of the benchmark: students on kept connections. The same program drives the product and
 * the floor.
 *
 *   load PORT TOKENS-FILE CONNECTIONS REQUESTS PREFIX [RATE [KAFKA JUDGED-TOPIC]]
 *
 * TOKENS-FILE: lines "token phone", one a student; connections take them by turns. Without RATE (or
 * with 0) it is a closed loop: a connection sends its next submission when the last was answered.
 * With RATE it is an open loop: submission i is due at i / RATE seconds whatever became of the
 * others, and what it waited for a free connection counts. With a topic, the judgements are read as
 * a student's page would hear of them.
 *
 * Prints one JSON object: accepted, refused, seconds, p50_ms, p99_ms, p999_ms of the answer, and
 * judged, judged_p50_ms, judged_p99_ms, judged_p999_ms of the judgement, both from when the
 * submission was due.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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
#include "tests/bench/judged.h"

enum { TOKENS_MAX = 65536, ANSWER_SIZE = 2048, REQUEST_SIZE = 8192, JUDGED_WAIT_S = 60 };

struct connection {
    int fd;
    uint64_t due_ns;
    size_t got;
    struct connection *next_free;
    char answer[ANSWER_SIZE];
};

struct student {
    char token[80];
    char phone[16];
};

struct load {
    int port;
    const char *prefix;
    size_t requests;
    size_t begun;
    size_t accepted;
    size_t refused;
    size_t answered;
    double rate; /* submissions a second; 0: closed loop */
    uint64_t begin_ns;
    size_t student_count;
    struct student *students;
    struct connection *free_first; /* in turn: none is idle for longer than a server waits */
    struct connection **free_last;
    uint32_t *taken_us;
    struct judged *judged; /* NULL: nobody listens */
};

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static void
students_read(struct load *load, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        die(path);
    load->students = mem_zalloc(TOKENS_MAX * sizeof *load->students);
    while (load->student_count < TOKENS_MAX &&
           fscanf(file, "%79s %15s", load->students[load->student_count].token,
                  load->students[load->student_count].phone) == 2)
        load->student_count++;
    (void)fclose(file);
    if (load->student_count == 0)
        die("no students");
}

static int
dial(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("connect");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* 0 in a closed loop: at once. */
static uint64_t
due_ns(const struct load *load, size_t number)
{
    if (load->rate <= 0)
        return 0;
    return load->begin_ns + (uint64_t)((double)number * 1e9 / load->rate);
}

static void
send_next(struct load *load, struct connection *c)
{
    char body[REQUEST_SIZE / 2];
    char request[REQUEST_SIZE];
    size_t number = load->begun++;
    const struct student *student = &load->students[number % load->student_count];
    int length = snprintf(
        body, sizeof body,
        "{\"fields\":{\"ZZMMDM\":\"03\",\"SYSZDDM\":\"440106\",\"CXSY\":\"城镇\",\"SFSLBDM\":\"2\","
        "\"KNSLBDM\":\"0\",\"RXQDASZDW\":\"广州市第一中学档案室\",\"DASFZRXX\":\"1\","
        "\"RXQHKSZDPCS\":\"广州市公安局天河分局石牌派出所\",\"HKSFZRXX\":\"0\",\"SJHM\":\"%s\","
        "\"DZYX\":\"student%zu@example.com\",\"QQHM\":\"12345678\","
        "\"JTDZ\":\"广东省广州市天河区示范路%zu号某某花园二栋三单元四零五房\",\"JTDH\":\"020-"
        "12345678\","
        "\"JTYB\":\"510630\",\"JTLXR\":\"家长\",\"YHKSZDDM\":\"440106\"}}",
        student->phone, number, number % 1000);
    int size = snprintf(request, sizeof request,
                        "POST /api/v1/submissions HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "
                        "%s\r\nIdempotency-Key: %s-%zu\r\nContent-Type: application/json\r\n"
                        "Content-Length: %d\r\n\r\n%s",
                        student->token, load->prefix, number, length, body);
    c->due_ns = load->rate > 0 ? due_ns(load, number) : clock_mono_ns();
    c->got = 0;
    if (write(c->fd, request, (size_t)size) != size)
        die("write");
}

/* True when the answer is whole. */
static bool
answer_read(struct connection *c)
{
    ssize_t got = read(c->fd, c->answer + c->got, sizeof c->answer - 1 - c->got);
    if (got <= 0 && errno != EAGAIN)
        die("connection ended");
    if (got <= 0)
        return false;
    c->got += (size_t)got;
    c->answer[c->got] = '\0';
    const char *end = strstr(c->answer, "\r\n\r\n");
    const char *length = end ? strcasestr(c->answer, "content-length:") : NULL;
    return length && c->got >= (size_t)(end + 4 - c->answer) + strtoul(length + 15, NULL, 10);
}

static void
answer_count(struct load *load, const struct connection *c)
{
    load->taken_us[load->answered++] = (uint32_t)((clock_mono_ns() - c->due_ns) / 1000);
    if (memcmp(c->answer + 9, "202", 3) == 0) {
        load->accepted++;
        if (load->judged)
            judged_expect(load->judged, c->answer, c->due_ns);
    } else if (load->refused++ == 0) {
        (void)fprintf(stderr, "first refusal: %.300s\n", c->answer);
    }
}

static void
free_add(struct load *load, struct connection *c)
{
    c->next_free = NULL;
    *load->free_last = c;
    load->free_last = &c->next_free;
}

/* Sends what is due, as far as connections are free; arms the timer for the next. */
static void
send_due(struct load *load, int timer)
{
    uint64_t now_ns = clock_mono_ns();
    while (load->begun < load->requests && load->free_first &&
           due_ns(load, load->begun) <= now_ns) {
        struct connection *c = load->free_first;
        load->free_first = c->next_free;
        if (load->free_first == NULL)
            load->free_last = &load->free_first;
        send_next(load, c);
    }
    if (load->rate > 0 && load->begun < load->requests) {
        uint64_t at_ns = due_ns(load, load->begun);
        struct itimerspec when = {
            .it_value = {(time_t)(at_ns / 1000000000), (long)(at_ns % 1000000000)}};
        (void)timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
    }
}

static void
on_readable(struct load *load, struct connection *c)
{
    if (!answer_read(c))
        return;
    answer_count(load, c);
    free_add(load, c);
}

static void
run(struct load *load, size_t connections)
{
    struct epoll_event events[256];
    struct connection *all = mem_zalloc(connections * sizeof *all);
    load->free_last = &load->free_first;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event on_timer = {.events = EPOLLIN, .data.ptr = NULL};
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &on_timer);
    for (size_t i = 0; i < connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        all[i].fd = dial(load->port);
        (void)epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event);
        free_add(load, &all[i]);
    }
    load->begin_ns = clock_mono_ns();
    while (load->answered < load->requests) {
        send_due(load, timer);
        int ready = epoll_wait(epoll, events, 256, 10000);
        if (ready <= 0) {
            (void)fprintf(stderr, "load: %zu begun, %zu answered: ", load->begun, load->answered);
            die("no answer for 10 s");
        }
        for (int i = 0; i < ready; i++) {
            uint64_t expirations;
            if (events[i].data.ptr == NULL)
                (void)!read(timer, &expirations, sizeof expirations);
            else
                on_readable(load, events[i].data.ptr);
        }
    }
    for (size_t i = 0; i < connections; i++)
        (void)close(all[i].fd);
    (void)close(timer);
    (void)close(epoll);
    free(all);
}

int
main(int argc, char **argv)
{
    struct load load = {0};
    if (argc != 6 && argc != 7 && argc != 9) {
        (void)fprintf(
            stderr,
            "usage: load PORT TOKENS-FILE CONNECTIONS REQUESTS PREFIX [RATE [KAFKA TOPIC]]\n");
        return 2;
    }
    load.port = (int)strtol(argv[1], NULL, 10);
    students_read(&load, argv[2]);
    load.requests = strtoul(argv[4], NULL, 10);
    load.prefix = argv[5];
    load.rate = argc > 6 ? strtod(argv[6], NULL) : 0;
    load.taken_us = mem_alloc(load.requests * sizeof *load.taken_us);
    if (argc > 8)
        load.judged = judged_open(argv[7], argv[8], load.requests);
    run(&load, strtoul(argv[3], NULL, 10));
    double seconds = (double)(clock_mono_ns() - load.begin_ns) / 1e9;
    struct percentiles answer = percentiles_of(load.taken_us, load.answered);
    struct percentiles judged = {0};
    size_t judged_count = load.judged ? judged_close(load.judged, JUDGED_WAIT_S, &judged) : 0;
    printf("{\"accepted\":%zu,\"refused\":%zu,\"seconds\":%.3f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,"
           "\"p999_ms\":%.2f,\"judged\":%zu,\"judged_p50_ms\":%.2f,\"judged_p99_ms\":%.2f,"
           "\"judged_p999_ms\":%.2f}\n",
           load.accepted, load.refused, seconds, answer.p50_ms, answer.p99_ms, answer.p999_ms,
           judged_count, judged.p50_ms, judged.p99_ms, judged.p999_ms);
    free(load.taken_us);
    free(load.students);
    return 0;
}
