/*
 * Preloaded into a torture program: counts calls of one kind and lets the n-th fail as it may fail.
 * Kinds: memory (malloc, calloc, realloc), own (those that the program itself asks for, not its
 * libraries), input (read, recv…), output (write, send…), connect, part (what libpq, hiredis and
 * librdkafka are asked to do). Nothing is counted until it is armed: by the program itself, or for
 * a whole service by the file $TORTURE_DIR/$SY_INSTANCE (tests/faults/schedule.py).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { KIND_NONE, KIND_MEMORY, KIND_INPUT, KIND_OUTPUT, KIND_CONNECT, KIND_PART, KIND_OWN };

/* Numbers of eight bytes; of a service they are in a file, which outlives the process. */
struct state {
    atomic_ulong kind;
    atomic_ulong failing; /* the call that fails; 0: none */
    atomic_ulong count;
    atomic_ulong failed;     /* how many did */
    atomic_ulong birth_kind; /* the next process arms itself so before its first line, once */
    atomic_ulong birth_failing;
};
static struct state own_state;
static struct state *state = &own_state;

static uintptr_t program_begin; /* where the program's own code is */
static uintptr_t program_end;

void torture_arm(int kind, unsigned long nth);
unsigned long torture_disarm(void);

/* The program is the first that is told. */
static int
program_place(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t begin = info->dlpi_addr + part->p_vaddr;
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
            continue;
        program_begin = begin;
        program_end = begin + part->p_memsz;
    }
    return 1;
}

void
torture_arm(int kind, unsigned long nth)
{
    if (program_end == 0)
        (void)dl_iterate_phdr(program_place, NULL);
    atomic_store(&state->count, 0);
    atomic_store(&state->failing, nth);
    atomic_store(&state->kind, (unsigned long)kind);
}

/* How many calls of the kind there were. */
unsigned long
torture_disarm(void)
{
    atomic_store(&state->kind, KIND_NONE);
    return atomic_load(&state->count);
}

__attribute__((constructor)) static void
service_begin(void)
{
    char path[512];
    const char *folder = getenv("TORTURE_DIR");
    const char *instance = getenv("SY_INSTANCE");
    if (folder == NULL || instance == NULL)
        return;
    (void)snprintf(path, sizeof path, "%s/%s", folder, instance);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *page =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        abort(); /* what cannot be made to fail would prove nothing */
    (void)close(fd);
    (void)dl_iterate_phdr(program_place, NULL);
    state = page;
    unsigned long kind = atomic_exchange(&state->birth_kind, KIND_NONE);
    if (kind)
        torture_arm((int)kind, atomic_load(&state->birth_failing));
}

static int
fails(enum kind kind)
{
    if (atomic_load(&state->kind) != kind ||
        atomic_fetch_add(&state->count, 1) + 1 != atomic_load(&state->failing))
        return 0;
    atomic_fetch_add(&state->failed, 1);
    return 1;
}

/* `caller`: what it returns to. */
static int
memory_fails(const void *caller)
{
    uintptr_t at = (uintptr_t)caller;
    return fails(KIND_MEMORY) || (atomic_load(&state->kind) == KIND_OWN && at >= program_begin &&
                                  at < program_end && fails(KIND_OWN));
}

/* A peer that takes no more does not speak either: its reader sees the end, as with EPIPE. */
static int
gone(int fd)
{
    (void)shutdown(fd, SHUT_RDWR);
    return EPIPE;
}

/* The next definition of a function behind this one; found once. */
#define NEXT(type, name, parameters)                                                               \
    static type(*next) parameters;                                                                 \
    if (next == NULL) {                                                                            \
        void *address = dlsym(RTLD_NEXT, name);                                                    \
        memcpy(&next, &address, sizeof next);                                                      \
    }

#define FAILING(kind, type, name, parameters, arguments, code, result)                             \
    FAILING_IF(fails(kind), type, name, parameters, arguments, code, result)
#define FAILING_IF(condition, type, name, parameters, arguments, code, result)                     \
    type name parameters                                                                           \
    {                                                                                              \
        NEXT(type, #name, parameters)                                                              \
        if (condition) {                                                                           \
            errno = (code);                                                                        \
            return result;                                                                         \
        }                                                                                          \
        return next arguments;                                                                     \
    }

#define MEMORY_FAILS memory_fails(__builtin_return_address(0))
FAILING_IF(MEMORY_FAILS, void *, malloc, (size_t size), (size), ENOMEM, NULL)
FAILING_IF(MEMORY_FAILS, void *, calloc, (size_t number, size_t size), (number, size), ENOMEM, NULL)
FAILING_IF(MEMORY_FAILS, void *, realloc, (void *old, size_t size), (old, size), ENOMEM, NULL)
FAILING(KIND_INPUT, ssize_t, read, (int fd, void *to, size_t size), (fd, to, size), EIO, -1)
FAILING(KIND_INPUT, ssize_t, recv, (int fd, void *to, size_t size, int flags),
        (fd, to, size, flags), ECONNRESET, -1)
FAILING(KIND_INPUT, ssize_t, recvmsg, (int fd, struct msghdr *message, int flags),
        (fd, message, flags), ECONNRESET, -1)
FAILING(KIND_OUTPUT, ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size),
        gone(fd), -1)
FAILING(KIND_OUTPUT, ssize_t, send, (int fd, const void *from, size_t size, int flags),
        (fd, from, size, flags), gone(fd), -1)
FAILING(KIND_OUTPUT, ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags),
        (fd, message, flags), gone(fd), -1)
FAILING(KIND_OUTPUT, ssize_t, writev, (int fd, const struct iovec *pieces, int number),
        (fd, pieces, number), gone(fd), -1)
FAILING(KIND_CONNECT, int, connect, (int fd, const struct sockaddr *to, socklen_t size),
        (fd, to, size), ECONNREFUSED, -1)
FAILING(KIND_CONNECT, int, socket, (int family, int type, int protocol), (family, type, protocol),
        EMFILE, -1)
/* libpq and hiredis: every call of theirs in common/io that can fail (run.py looks). A call that
 * does not get through leaves the peer without what it waits for, as when memory is missing there.
 */
FAILING(KIND_PART, PGconn *, PQconnectdbParams,
        (const char *const *names, const char *const *values, int expand), (names, values, expand),
        0, NULL)
FAILING(KIND_PART, int, PQsetnonblocking, (PGconn * connection, int wanted), (connection, wanted),
        0, -1)
FAILING(KIND_PART, int, PQsendQuery, (PGconn * connection, const char *sql), (connection, sql), 0,
        0)
FAILING(KIND_PART, int, PQsendPrepare,
        (PGconn * connection, const char *name, const char *sql, int number, const Oid *types),
        (connection, name, sql, number, types), 0, 0)
FAILING(KIND_PART, int, PQsendQueryPrepared,
        (PGconn * connection, const char *name, int number, const char *const *values,
         const int *lengths, const int *formats, int format),
        (connection, name, number, values, lengths, formats, format), 0, 0)
FAILING(KIND_PART, int, PQflush, (PGconn * connection), (connection), 0, -1)
FAILING(KIND_PART, int, PQconsumeInput, (PGconn * connection), (connection), 0, 0)
FAILING(KIND_PART, PGresult *, PQgetResult, (PGconn * connection), (connection), 0, NULL)
FAILING(KIND_PART, redisContext *, redisConnectWithTimeout,
        (const char *host, int port, const struct timeval wait), (host, port, wait), 0, NULL)
FAILING(KIND_PART, int, redisSetTimeout, (redisContext * context, const struct timeval wait),
        (context, wait), 0, REDIS_ERR)
FAILING(KIND_PART, int, redisEnableKeepAlive, (redisContext * context), (context), 0, REDIS_ERR)
FAILING(KIND_PART, void *, redisCommandArgv,
        (redisContext * context, int number, const char **values, const size_t *lengths),
        (context, number, values, lengths), 0, NULL)
FAILING(KIND_PART, int, redisAppendFormattedCommand,
        (redisContext * context, const char *command, size_t length), (context, command, length), 0,
        REDIS_ERR)
FAILING(KIND_PART, int, redisGetReply, (redisContext * context, void **reply), (context, reply),
        ECONNRESET, REDIS_ERR)

static rd_kafka_t *
no_client(char *text, size_t size)
{
    (void)snprintf(text, size, "%s", "tortured");
    return NULL;
}

FAILING(KIND_PART, rd_kafka_t *, rd_kafka_new,
        (rd_kafka_type_t type, rd_kafka_conf_t *conf, char *text, size_t size),
        (type, conf, text, size), 0, no_client(text, size))
FAILING(KIND_PART, rd_kafka_topic_t *, rd_kafka_topic_new,
        (rd_kafka_t * client, const char *topic, rd_kafka_topic_conf_t *conf),
        (client, topic, conf), 0, NULL)
FAILING(KIND_PART, rd_kafka_resp_err_t, rd_kafka_metadata,
        (rd_kafka_t * client, int all, rd_kafka_topic_t *topic,
         const struct rd_kafka_metadata **data, int wait_ms),
        (client, all, topic, data, wait_ms), 0, RD_KAFKA_RESP_ERR__TIMED_OUT)

/* Variadic: its arguments are gathered for the form that is not. */
rd_kafka_resp_err_t
rd_kafka_producev(rd_kafka_t *client, ...)
{
    enum { VALUES_MAX = 80 };
    rd_kafka_vu_t values[VALUES_MAX];
    size_t number = 0;
    va_list args;
    if (fails(KIND_PART))
        return RD_KAFKA_RESP_ERR__QUEUE_FULL;
    va_start(args, client);
    for (int type; (type = va_arg(args, int)) != RD_KAFKA_VTYPE_END && number < VALUES_MAX;) {
        rd_kafka_vu_t *value = &values[number++];
        value->vtype = (rd_kafka_vtype_t)type;
        if (type == RD_KAFKA_VTYPE_TOPIC) {
            value->u.cstr = va_arg(args, const char *);
        } else if (type == RD_KAFKA_VTYPE_KEY || type == RD_KAFKA_VTYPE_VALUE) {
            value->u.mem.ptr = va_arg(args, void *);
            value->u.mem.size = va_arg(args, size_t);
        } else if (type == RD_KAFKA_VTYPE_MSGFLAGS) {
            value->u.i = va_arg(args, int);
        } else if (type == RD_KAFKA_VTYPE_HEADERS) {
            value->u.headers = va_arg(args, rd_kafka_headers_t *);
        } else if (type == RD_KAFKA_VTYPE_OPAQUE) {
            value->u.ptr = va_arg(args, void *);
        } else {
            abort(); /* the product passes no other */
        }
    }
    va_end(args);
    rd_kafka_error_t *error = rd_kafka_produceva(client, values, number);
    rd_kafka_resp_err_t code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_error_destroy(error);
    return code;
}
