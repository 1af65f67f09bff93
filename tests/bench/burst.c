/*
 * A burst: submissions at given rates, one phase after the other, in an open loop: submission i of
 * a phase is due at its time whatever became of the others, and waiting for a connection counts.
 *
 *   burst PORT TOKENS-FILE CONNECTIONS PREFIX IDS-FILE RATExSECONDS[,RATExSECONDS…]
 *
 * A connection is opened when there is something to send and none is free, at most CONNECTIONS,
 * and closed by us when it was idle for longer than IDLE_MS. A server ends idle connections too,
 * one that never brought a request soonest: who holds them longer than it does sends into some that
 * are ending, and could not tell that from a request that was dropped.
 *
 * TOKENS-FILE: lines "token phone". The ids of what was admitted go to IDS-FILE, one a line: they
 * are to be judged. Prints one JSON object a phase: rate, sent, admitted, refused (503), limited
 * (429), other (any other status, or a connection that ended), without_retry_after, retry_after:
 * {seconds: count}, and percentiles in ms from when each was due, of admitted and refused ones, and
 * of how long after that they were sent (sent_): what this program and its connections add.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum {
    ANSWER_SIZE = 4096,
    REQUEST_SIZE = 4096,
    TOKENS_MAX = 65536,
    PHASES_MAX = 16,
    RETRY_MAX_S = 64,
    PATIENCE_MS = 15000,
    IDLE_MS = 4000,
    WAIT_NS_MAX = 1000000,
    PRIORITY = -10, /* where it may: students are not on the machine that is measured */
};

struct connection {
    int fd; /* -1: not open */
    size_t phase;
    uint64_t due_ns;  /* of what it carries; 0: it is free */
    uint64_t idle_ns; /* free since */
    size_t got;
    struct connection *next_free;
    char answer[ANSWER_SIZE];
};

struct phase {
    double rate;
    size_t requests;
    uint64_t begin_ns;
    size_t begun;
    size_t refused;
    size_t limited;
    size_t other;
    size_t without_retry_after;
    size_t retry_after[RETRY_MAX_S];
    size_t admitted;
    uint32_t *admitted_us;
    uint32_t *refused_us;
    uint32_t *sent_us;
};

struct student {
    char token[80];
    char phone[16];
};

struct burst {
    int port;
    const char *prefix;
    FILE *ids;
    size_t student_count;
    struct student *students;
    struct connection *free_first; /* the one used last comes first */
    int epoll;
    size_t open; /* requests without an answer */
    size_t sent;
    size_t phase_count;
    struct phase phases[PHASES_MAX];
};

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static void
students_read(struct burst *burst, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        die(path);
    burst->students = mem_zalloc(TOKENS_MAX * sizeof *burst->students);
    while (burst->student_count < TOKENS_MAX &&
           fscanf(file, "%79s %15s", burst->students[burst->student_count].token,
                  burst->students[burst->student_count].phone) == 2)
        burst->student_count++;
    (void)fclose(file);
    if (burst->student_count == 0)
        die("no students");
}

static void
phases_read(struct burst *burst, const char *text)
{
    while (*text) {
        char *rest;
        struct phase *phase = &burst->phases[burst->phase_count++];
        phase->rate = strtod(text, &rest);
        double seconds = *rest == 'x' ? strtod(rest + 1, &rest) : 0;
        phase->requests = (size_t)(phase->rate * seconds);
        if (phase->requests == 0 || burst->phase_count == PHASES_MAX)
            die("phases");
        phase->admitted_us = mem_alloc(phase->requests * sizeof(uint32_t));
        phase->refused_us = mem_alloc(phase->requests * sizeof(uint32_t));
        phase->sent_us = mem_alloc(phase->requests * sizeof(uint32_t));
        text = *rest == ',' ? rest + 1 : rest;
    }
}

static void
dial(struct burst *burst, struct connection *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)burst->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("connect");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)fcntl(c->fd, F_SETFL, O_NONBLOCK);
    (void)epoll_ctl(burst->epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static void
hang_up(struct connection *c)
{
    (void)close(c->fd);
    c->fd = -1;
}

static uint64_t
due_ns(const struct phase *phase, size_t number)
{
    return phase->begin_ns + (uint64_t)((double)number * 1e9 / phase->rate);
}

static void
send_next(struct burst *burst, size_t at, struct connection *c, uint64_t now_ns)
{
    char body[REQUEST_SIZE / 2];
    char request[REQUEST_SIZE];
    struct phase *phase = &burst->phases[at];
    const struct student *student = &burst->students[burst->sent % burst->student_count];
    int length = snprintf(
        body, sizeof body,
        "{\"fields\":{\"ZZMMDM\":\"03\",\"SYSZDDM\":\"440106\",\"CXSY\":\"城镇\",\"SFSLBDM\":\"2\","
        "\"RXQDASZDW\":\"广州市第一中学\",\"DASFZRXX\":\"1\",\"RXQHKSZDPCS\":\"广州市公安局天河分局"
        "石牌派出所\",\"HKSFZRXX\":\"0\",\"SJHM\":\"%s\",\"DZYX\":\"student%zu@example.com\","
        "\"QQHM\":\"12345678\",\"JTDZ\":\"广东省广州市天河区示范路1号\",\"JTDH\":\"020-12345678\","
        "\"JTYB\":\"510630\",\"JTLXR\":\"家长\",\"YHKSZDDM\":\"440106\"}}",
        student->phone, burst->sent);
    int size = snprintf(request, sizeof request,
                        "POST /api/v1/submissions HTTP/1.1\r\nHost: burst\r\nAuthorization: Bearer "
                        "%s\r\nIdempotency-Key: %s-%zu\r\nContent-Type: application/json\r\n"
                        "Content-Length: %d\r\n\r\n%s",
                        student->token, burst->prefix, burst->sent, length, body);
    if (c->fd >= 0 && now_ns - c->idle_ns > (uint64_t)IDLE_MS * 1000000)
        hang_up(c);
    if (c->fd < 0)
        dial(burst, c);
    c->due_ns = due_ns(phase, phase->begun);
    phase->sent_us[phase->begun++] = (uint32_t)((clock_mono_ns() - c->due_ns) / 1000);
    c->phase = at;
    c->got = 0;
    burst->sent++;
    burst->open++;
    /* One that the server closed is told by epoll. */
    if (write(c->fd, request, (size_t)size) != size && errno != EPIPE && errno != ECONNRESET)
        die("write");
}

static bool
answer_whole(struct connection *c)
{
    c->answer[c->got] = '\0';
    const char *end = strstr(c->answer, "\r\n\r\n");
    const char *length = end ? strcasestr(c->answer, "content-length:") : NULL;
    return length && c->got >= (size_t)(end + 4 - c->answer) + strtoul(length + 15, NULL, 10);
}

static void
retry_count(struct phase *phase, const char *answer)
{
    const char *header = strcasestr(answer, "retry-after:");
    unsigned long seconds = header ? strtoul(header + 12, NULL, 10) : 0;
    if (seconds == 0)
        phase->without_retry_after++;
    else
        phase->retry_after[seconds < RETRY_MAX_S ? seconds : RETRY_MAX_S - 1]++;
}

static void
answer_count(struct burst *burst, struct connection *c)
{
    struct phase *phase = &burst->phases[c->phase];
    uint32_t taken_us = (uint32_t)((clock_mono_ns() - c->due_ns) / 1000);
    unsigned long status = strtoul(c->answer + 9, NULL, 10);
    if (status == 202) {
        const char *id = strstr(c->answer, "\"submission_id\":\"");
        phase->admitted_us[phase->admitted++] = taken_us;
        if (id)
            (void)fprintf(burst->ids, "%.36s\n", id + 17);
    } else if (status == 503 || status == 429) {
        phase->refused_us[phase->refused + phase->limited] = taken_us;
        phase->refused += status == 503;
        phase->limited += status == 429;
        retry_count(phase, c->answer);
    } else {
        if (phase->other++ == 0)
            (void)fprintf(stderr, "burst: %.300s\n", c->answer);
    }
}

/* What has come, and whether there may be more. */
static bool
read_more(struct burst *burst, struct connection *c)
{
    ssize_t got = read(c->fd, c->answer + c->got, sizeof c->answer - 1 - c->got);
    if (got < 0 && errno == EAGAIN)
        return true;
    if (got > 0) {
        c->got += (size_t)got;
        return true;
    }
    if (c->due_ns && burst->phases[c->phase].other++ == 0)
        (void)fprintf(stderr, "burst: a connection ended without an answer: %s\n",
                      got < 0 ? strerror(errno) : "closed");
    hang_up(c);
    return false;
}

static void
on_readable(struct burst *burst, struct connection *c)
{
    bool alive = read_more(burst, c);
    if (c->due_ns == 0 || (alive && !answer_whole(c)))
        return;
    if (alive) {
        answer_count(burst, c);
        if (strcasestr(c->answer, "connection: close"))
            hang_up(c);
    }
    c->due_ns = 0;
    c->idle_ns = clock_mono_ns();
    c->next_free = burst->free_first;
    burst->free_first = c;
    burst->open--;
}

static void
receive(struct burst *burst, uint64_t timeout_ns)
{
    struct epoll_event events[256];
    const struct timespec timeout = {0, (long)timeout_ns};
    int ready = epoll_pwait2(burst->epoll, events, 256, &timeout, NULL);
    for (int i = 0; i < ready; i++)
        on_readable(burst, events[i].data.ptr);
}

static void
phase_run(struct burst *burst, size_t at)
{
    struct phase *phase = &burst->phases[at];
    phase->begin_ns = clock_mono_ns();
    while (phase->begun < phase->requests) {
        uint64_t now_ns = clock_mono_ns();
        while (phase->begun < phase->requests && burst->free_first &&
               due_ns(phase, phase->begun) <= now_ns) {
            struct connection *c = burst->free_first;
            burst->free_first = c->next_free;
            send_next(burst, at, c, now_ns);
        }
        uint64_t next_ns = due_ns(phase, phase->begun);
        now_ns = clock_mono_ns();
        /* Asleep until then: what spins here is taken from those who are measured. */
        uint64_t wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
        receive(burst, burst->free_first && wait_ns < WAIT_NS_MAX ? wait_ns : WAIT_NS_MAX);
    }
}

static int
by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double
percentile_ms(const uint32_t *sorted_us, size_t count, double share)
{
    return count ? sorted_us[(size_t)((double)(count - 1) * share)] / 1000.0 : 0;
}

static void
phase_print(struct phase *phase)
{
    size_t refusals = phase->refused + phase->limited;
    qsort(phase->admitted_us, phase->admitted, sizeof(uint32_t), by_size);
    qsort(phase->refused_us, refusals, sizeof(uint32_t), by_size);
    qsort(phase->sent_us, phase->requests, sizeof(uint32_t), by_size);
    printf("{\"rate\":%.0f,\"sent\":%zu,\"admitted\":%zu,\"refused\":%zu,\"limited\":%zu,"
           "\"other\":%zu,\"without_retry_after\":%zu,\"p50_ms\":%.2f,\"p99_ms\":%.2f,"
           "\"p999_ms\":%.2f,\"refused_p50_ms\":%.2f,\"refused_p99_ms\":%.2f,\"sent_p50_ms\":%.2f,"
           "\"sent_p99_ms\":%.2f,\"retry_after\":{",
           phase->rate, phase->requests, phase->admitted, phase->refused, phase->limited,
           phase->other, phase->without_retry_after,
           percentile_ms(phase->admitted_us, phase->admitted, 0.5),
           percentile_ms(phase->admitted_us, phase->admitted, 0.99),
           percentile_ms(phase->admitted_us, phase->admitted, 0.999),
           percentile_ms(phase->refused_us, refusals, 0.5),
           percentile_ms(phase->refused_us, refusals, 0.99),
           percentile_ms(phase->sent_us, phase->requests, 0.5),
           percentile_ms(phase->sent_us, phase->requests, 0.99));
    const char *comma = "";
    for (size_t i = 0; i < RETRY_MAX_S; i++)
        if (phase->retry_after[i]) {
            printf("%s\"%zu\":%zu", comma, i, phase->retry_after[i]);
            comma = ",";
        }
    printf("}}\n");
}

int
main(int argc, char **argv)
{
    struct burst burst = {0};
    if (argc != 7) {
        (void)fprintf(stderr, "usage: burst PORT TOKENS-FILE CONNECTIONS PREFIX IDS-FILE "
                              "RATExSECONDS[,RATExSECONDS...]\n");
        return 2;
    }
    (void)setpriority(PRIO_PROCESS, 0, PRIORITY);
    burst.port = (int)strtol(argv[1], NULL, 10);
    burst.prefix = argv[4];
    students_read(&burst, argv[2]);
    phases_read(&burst, argv[6]);
    burst.ids = fopen(argv[5], "we");
    if (burst.ids == NULL)
        die(argv[5]);
    size_t count = strtoul(argv[3], NULL, 10);
    struct connection *all = mem_zalloc(count * sizeof *all);
    burst.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < count; i++) {
        all[i].fd = -1;
        all[i].next_free = burst.free_first;
        burst.free_first = &all[i];
    }
    for (size_t i = 0; i < burst.phase_count; i++)
        phase_run(&burst, i);
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)PATIENCE_MS * 1000000;
    while (burst.open && clock_mono_ns() < deadline_ns)
        receive(&burst, WAIT_NS_MAX);
    for (size_t i = 0; i < burst.phase_count; i++)
        phase_print(&burst.phases[i]);
    if (burst.open)
        (void)fprintf(stderr, "burst: %zu without an answer\n", burst.open);
    for (size_t i = 0; i < burst.phase_count; i++) {
        free(burst.phases[i].admitted_us);
        free(burst.phases[i].refused_us);
        free(burst.phases[i].sent_us);
    }
    free(all);
    free(burst.students);
    return fclose(burst.ids) == 0 && burst.open == 0 ? 0 : 1;
}
