/*
 * The load of the benchmark: students on kept connections, each sending its next submission when
 * the last was answered. The same program drives the product and the floor.
 *
 *   load PORT TOKENS-FILE CONNECTIONS REQUESTS PREFIX
 *
 * TOKENS-FILE: lines "token phone". Prints one JSON object: accepted, refused, seconds, p50_ms,
 * p99_ms.
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
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { TOKENS_MAX = 4096, ANSWER_SIZE = 8192, REQUEST_SIZE = 8192 };

struct connection {
    int fd;
    size_t student;
    uint64_t sent_ns;
    size_t got;
    char answer[ANSWER_SIZE];
};
struct load {
    int port;
    const char *prefix;
    size_t requests;
    size_t begun;
    size_t accepted;
    size_t refused;
    size_t answered;
    size_t students;
    char token[TOKENS_MAX][80];
    char phone[TOKENS_MAX][16];
    uint32_t *taken_us;
};

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static void
tokens_read(struct load *load, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        die(path);
    while (load->students < TOKENS_MAX &&
           fscanf(file, "%79s %15s", load->token[load->students], load->phone[load->students]) == 2)
        load->students++;
    (void)fclose(file);
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

/* The next submission of this connection's student; false when all are under way. */
static bool
send_next(struct load *load, struct connection *c)
{
    char body[REQUEST_SIZE / 2];
    char request[REQUEST_SIZE];
    if (load->begun == load->requests)
        return false;
    size_t number = load->begun++;
    int length = snprintf(
        body, sizeof body,
        "{\"fields\":{\"ZZMMDM\":\"03\",\"SYSZDDM\":\"440106\",\"CXSY\":\"城镇\",\"SFSLBDM\":\"2\","
        "\"KNSLBDM\":\"0\",\"RXQDASZDW\":\"广州市第一中学档案室\",\"DASFZRXX\":\"1\","
        "\"RXQHKSZDPCS\":\"广州市公安局天河分局石牌派出所\",\"HKSFZRXX\":\"0\",\"SJHM\":\"%s\","
        "\"DZYX\":\"student%zu@example.com\",\"QQHM\":\"12345678\","
        "\"JTDZ\":\"广东省广州市天河区示范路%zu号某某花园二栋三单元四零五房\",\"JTDH\":\"020-"
        "12345678\","
        "\"JTYB\":\"510630\",\"JTLXR\":\"家长\",\"YHKSZDDM\":\"440106\"}}",
        load->phone[c->student], number, number % 1000);
    int size = snprintf(request, sizeof request,
                        "POST /api/v1/submissions HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "
                        "%s\r\nIdempotency-Key: %s-%zu\r\nContent-Type: application/json\r\n"
                        "Content-Length: %d\r\n\r\n%s",
                        load->token[c->student], load->prefix, number, length, body);
    c->sent_ns = clock_mono_ns();
    c->got = 0;
    if (write(c->fd, request, (size_t)size) != size)
        die("write");
    return true;
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

static int
compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void
run(struct load *load, size_t connections)
{
    struct epoll_event events[256];
    struct connection *all = mem_zalloc(connections * sizeof *all);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        all[i].fd = dial(load->port);
        all[i].student = i % load->students;
        (void)epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event);
    }
    for (size_t i = 0; i < connections; i++)
        (void)send_next(load, &all[i]);
    while (load->answered < load->requests) {
        int ready = epoll_wait(epoll, events, 256, 10000);
        if (ready <= 0)
            die("no answer for 10 s");
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (!answer_read(c))
                continue;
            load->taken_us[load->answered++] = (uint32_t)((clock_mono_ns() - c->sent_ns) / 1000);
            bool accepted = memcmp(c->answer + 9, "202", 3) == 0;
            load->accepted += accepted;
            if (!accepted && load->refused++ == 0)
                (void)fprintf(stderr, "first refusal: %.300s\n", c->answer);
            (void)send_next(load, c);
        }
    }
    for (size_t i = 0; i < connections; i++)
        (void)close(all[i].fd);
    (void)close(epoll);
    free(all);
}

int
main(int argc, char **argv)
{
    static struct load load;
    if (argc != 6) {
        (void)fprintf(stderr, "usage: load PORT TOKENS-FILE CONNECTIONS REQUESTS PREFIX\n");
        return 2;
    }
    load.port = (int)strtol(argv[1], NULL, 10);
    tokens_read(&load, argv[2]);
    load.requests = strtoul(argv[4], NULL, 10);
    load.prefix = argv[5];
    load.taken_us = mem_alloc(load.requests * sizeof *load.taken_us);
    uint64_t begin_ns = clock_mono_ns();
    run(&load, strtoul(argv[3], NULL, 10));
    double seconds = (double)(clock_mono_ns() - begin_ns) / 1e9;
    qsort(load.taken_us, load.answered, sizeof *load.taken_us, compare);
    printf("{\"accepted\":%zu,\"refused\":%zu,\"seconds\":%.3f,\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n",
           load.accepted, load.refused, seconds, load.taken_us[load.answered / 2] / 1000.0,
           load.taken_us[load.answered * 99 / 100] / 1000.0);
    free(load.taken_us);
    return 0;
}
