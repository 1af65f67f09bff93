#include "base/buf.h"

#include <assert.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
mem_exhausted(void)
{
    static const char text[] = "fatal: no memory left\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1); /* needs no memory */
    (void)ignored;
    abort();
}

void *
mem_alloc(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (memory == NULL)
        mem_exhausted();
    return memory;
}

void *
mem_zalloc(size_t size)
{
    return memset(mem_alloc(size), 0, size);
}

void *
mem_realloc(void *old, size_t size)
{
    void *memory = realloc(old, size ? size : 1);
    if (memory == NULL)
        mem_exhausted();
    return memory;
}

/* Free memory that the allocator keeps at the end of an arena: more of it goes back when something
 * beside it is freed. What it comes to by itself after a free of 4 MiB, so that batches do not cost
 * the kernel's pages each time; less while memory is given back. */
enum { KEPT_AT_END = 8 << 20, KEPT_AT_END_GIVING = 128 << 10 };

/* malloc_trim does not reach the ends of the threads' arenas: their own threads have to free
 * something meanwhile. librdkafka's kept 1.4 MiB each after a backlog. */
void
mem_give_back(bool begin)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, KEPT_AT_END / 2);
    (void)mallopt(M_TRIM_THRESHOLD, begin ? KEPT_AT_END_GIVING : KEPT_AT_END);
    if (begin)
        (void)malloc_trim(0);
#else
    (void)begin;
#endif
}

char *
mem_strndup(struct str text)
{
    char *copy = mem_alloc(text.len + 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

char *
mem_strdup(const char *text)
{
    return mem_strndup(str_of(text));
}

void
buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void
buf_done(struct buf *buf)
{
    free(buf->ptr);
    buf_init(buf, buf->max);
}

void
buf_done_ptr(struct buf *buf)
{
    buf_done(buf);
}

enum { BUF_CAPACITY_MIN = 256 };
/* So many turns are one window; what is kept is what the last two windows needed, so nothing is
 * freed that was needed within the last one, and everything else is after the second. */
enum { DEMAND_TURNS = 256, BUF_SLACK = 4 };

size_t
demand_note(struct demand *demand, size_t needed)
{
    if (needed > demand->peak)
        demand->peak = needed;
    size_t peak = demand->peak > demand->peak_before ? demand->peak : demand->peak_before;
    if (++demand->turns == DEMAND_TURNS)
        *demand = (struct demand){.peak_before = demand->peak};
    return peak;
}

static size_t
buf_capacity_for(size_t size)
{
    size_t capacity = BUF_CAPACITY_MIN;
    while (capacity < size)
        capacity *= 2;
    return capacity;
}

void
buf_reset(struct buf *buf)
{
    size_t needed = buf_capacity_for(demand_note(&buf->demand, buf->len) + 1);
    if (buf->capacity / BUF_SLACK >= needed) {
        buf->ptr = mem_realloc(buf->ptr, needed);
        buf->capacity = needed;
    }
    buf->len = 0;
    buf->overflow = false;
}

/* Makes room for `more` bytes and the final NUL; false once the maximum would be passed. */
static bool
buf_reserve(struct buf *buf, size_t more)
{
    if (buf->overflow || more > buf->max - buf->len) {
        buf->overflow = true;
        return false;
    }
    size_t need = buf->len + more + 1;
    if (need <= buf->capacity)
        return true;
    buf->capacity = buf_capacity_for(need);
    buf->ptr = mem_realloc(buf->ptr, buf->capacity);
    return true;
}

void
buf_add(struct buf *buf, struct str text)
{
    if (!buf_reserve(buf, text.len))
        return;
    if (text.len)
        memcpy(buf->ptr + buf->len, text.ptr, text.len);
    buf->len += text.len;
    buf->ptr[buf->len] = '\0';
}

char *
buf_room(struct buf *buf, size_t size)
{
    if (!buf_reserve(buf, size))
        return NULL;
    char *room = buf->ptr + buf->len;
    buf->len += size;
    buf->ptr[buf->len] = '\0';
    return room;
}

void
buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, str_of(text));
}

void
buf_add_char(struct buf *buf, char c)
{
    if (!buf_reserve(buf, 1))
        return;
    buf->ptr[buf->len++] = c;
    buf->ptr[buf->len] = '\0';
}

void
buf_add_uint(struct buf *buf, uint64_t number)
{
    char text[20];
    size_t at = sizeof text;
    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    buf_add(buf, (struct str){text + at, sizeof text - at});
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char stack[512] UNINITIALIZED;
    int length = vsnprintf(stack, sizeof stack, format, args);
    va_end(args);
    assert(length >= 0);
    if ((size_t)length < sizeof stack) {
        buf_add(buf, (struct str){stack, (size_t)length});
        return;
    }
    if (!buf_reserve(buf, (size_t)length))
        return;
    va_start(args, format);
    (void)vsnprintf(buf->ptr + buf->len, (size_t)length + 1, format, args);
    va_end(args);
    buf->len += (size_t)length;
}

struct str
buf_str(const struct buf *buf)
{
    return (struct str){buf->ptr, buf->len};
}
