/*
 * A clock that a test sets while programs run: LD_PRELOAD of this library moves the wall clock by
 * what stands in the file CLOCKSTEP_FILE, three numbers of eight bytes: nanoseconds it is ahead,
 * millionths it runs too fast (or slow), and since when it does (monotonic nanoseconds). The
 * monotonic clock stays, as when an administrator or NTP steps a real one.
 *
 * libfaketime would not do: librdkafka waits with cnd_timedwait until a time of the wall clock.
 * That call is not faked there, so that a step forward would make it wait for an hour, and a step
 * back not at all, while a real one does the opposite. Here such a wait looks at the clock again
 * ten times a second.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_NS = 100000000 };
#define NS_PER_S INT64_C(1000000000)

typedef int (*timedwait)(cnd_t *, mtx_t *, const struct timespec *);
struct clockstep {
    _Atomic int64_t moved_ns;
    _Atomic int64_t fast_ppm; /* written last, so that `since` is right whenever it is not 0 */
    _Atomic int64_t since_ns;
};
static struct clockstep *clockstep;
static timedwait real_timedwait;

__attribute__((constructor)) static void
clockstep_begin(void)
{
    const char *path = getenv("CLOCKSTEP_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *clockstep, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (page == MAP_FAILED)
        abort(); /* a test that moves no clock would prove nothing */
    clockstep = page;
    real_timedwait = (timedwait)dlsym(RTLD_NEXT, "cnd_timedwait");
}

/* A clock as it is; nothing on the way there is ours. */
static int64_t
clock_ns(clockid_t id)
{
    struct timespec now = {0};
    (void)syscall(SYS_clock_gettime, id, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t
real_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

static int64_t
now_ns(void)
{
    if (clockstep == NULL)
        return real_ns();
    int64_t ppm = atomic_load(&clockstep->fast_ppm);
    int64_t ran = ppm ? clock_ns(CLOCK_MONOTONIC) - atomic_load(&clockstep->since_ns) : 0;
    return real_ns() + atomic_load(&clockstep->moved_ns) + ran / 1000000 * ppm;
}

static struct timespec
split(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

int
clock_gettime(clockid_t id, struct timespec *out)
{
    if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, id, out);
    *out = split(now_ns());
    return 0;
}

int
gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now = split(now_ns());
    (void)zone;
    *out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t
time(time_t *out)
{
    time_t now = (time_t)(now_ns() / NS_PER_S);
    if (out)
        *out = now;
    return now;
}

int
timespec_get(struct timespec *out, int base)
{
    if (base != TIME_UTC)
        return 0;
    *out = split(now_ns());
    return base;
}

int
cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict lock, const struct timespec *restrict until)
{
    int64_t until_ns = until->tv_sec * NS_PER_S + until->tv_nsec;
    for (;;) {
        int64_t left = until_ns - now_ns();
        if (left <= 0)
            return thrd_timedout;
        struct timespec look = split(real_ns() + (left < LOOK_NS ? left : LOOK_NS));
        int status = real_timedwait(cond, lock, &look);
        if (status != thrd_timedout)
            return status;
    }
}
