/*
 * C11 threads made of POSIX threads, for builds with the thread sanitizer and for torture.
 * librdkafka starts its threads and takes its locks by threads.h, whose functions call the C
 * library's inside past the sanitizer of gcc 12, which then knows neither the threads nor what
 * orders them, and dies. The names are taken from the program before the C library is asked.
 *
 * glibc's mtx_t and cnd_t are its pthread types in size and alignment. Read-write locks, which it
 * takes directly, go through here as well: calls from a library that is left out (tsan.supp) would
 * not count.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "a mutex fits");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "a condition fits");
_Static_assert(sizeof(once_flag) == sizeof(pthread_once_t), "a flag fits");

struct start {
    thrd_start_t function;
    void *arg;
};

static void *
run(void *ctx)
{
    struct start start = *(struct start *)ctx;
    free(ctx);
    return (void *)(intptr_t)start.function(start.arg);
}

static int
status(int code)
{
    switch (code) {
    case 0:
        return thrd_success;
    case ENOMEM:
        return thrd_nomem;
    case ETIMEDOUT:
        return thrd_timedout;
    case EBUSY:
        return thrd_busy;
    default:
        return thrd_error;
    }
}

int
thrd_create(thrd_t *thread, thrd_start_t function, void *arg)
{
    struct start *start = malloc(sizeof *start);
    if (start == NULL)
        return thrd_nomem;
    *start = (struct start){function, arg};
    int code = pthread_create(thread, NULL, run, start);
    if (code)
        free(start);
    return status(code);
}

int
thrd_join(thrd_t thread, int *ret)
{
    void *result = NULL;
    int code = pthread_join(thread, &result);
    if (code == 0 && ret)
        *ret = (int)(intptr_t)result;
    return status(code);
}

int
mtx_init(mtx_t *mutex, int kind)
{
    pthread_mutexattr_t attributes;
    (void)pthread_mutexattr_init(&attributes);
    if (kind & mtx_recursive)
        (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    int code = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    return status(code);
}

void
mtx_destroy(mtx_t *mutex)
{
    (void)pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int
mtx_lock(mtx_t *mutex)
{
    return status(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int
mtx_trylock(mtx_t *mutex)
{
    return status(pthread_mutex_trylock((pthread_mutex_t *)mutex));
}

int
mtx_unlock(mtx_t *mutex)
{
    return status(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

int
cnd_init(cnd_t *condition)
{
    return status(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

void
cnd_destroy(cnd_t *condition)
{
    (void)pthread_cond_destroy((pthread_cond_t *)condition);
}

int
cnd_signal(cnd_t *condition)
{
    return status(pthread_cond_signal((pthread_cond_t *)condition));
}

int
cnd_broadcast(cnd_t *condition)
{
    return status(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int
cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return status(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int
cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
    return status(
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}

void
call_once(once_flag *flag, void (*function)(void))
{
    (void)pthread_once((pthread_once_t *)flag, function);
}

#define NEXT_RWLOCK(name, parameters, arguments)                                                   \
    int name parameters                                                                            \
    {                                                                                              \
        static void *_Atomic found;                                                                \
        int(*next) parameters;                                                                     \
        void *address = found;                                                                     \
        if (address == NULL)                                                                       \
            found = address = dlsym(RTLD_NEXT, #name);                                             \
        memcpy(&next, &address, sizeof next);                                                      \
        return next arguments;                                                                     \
    }

NEXT_RWLOCK(pthread_rwlock_init, (pthread_rwlock_t * lock, const pthread_rwlockattr_t *attributes),
            (lock, attributes))
NEXT_RWLOCK(pthread_rwlock_destroy, (pthread_rwlock_t * lock), (lock))
NEXT_RWLOCK(pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
NEXT_RWLOCK(pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
NEXT_RWLOCK(pthread_rwlock_unlock, (pthread_rwlock_t * lock), (lock))
