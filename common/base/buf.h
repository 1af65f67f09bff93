/*
 * Growing byte buffer with a maximum it is born with, and an arena for everything that lives as
 * long as one message. Going past the maximum sets `overflow` and stores nothing more, so a writer
 * checks once at its end. Heap exhaustion aborts: sizes are bounded here, earlier. One owner, not
 * thread-safe.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#define CLEANUP(function) __attribute__((cleanup(function##_ptr)))
/* Hands a pointer over and leaves NULL behind. */
#define TAKE(pointer)                                                                              \
    __extension__({                                                                                \
        __typeof__(pointer) taken_ = (pointer);                                                    \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })

/* How much was needed turn by turn: what is used again and again keeps room for what the last
 * hundreds of turns needed (256 at least, 512 at most), not for the largest there ever was. */
struct demand {
    size_t peak;        /* of this window */
    size_t peak_before; /* of the window before */
    unsigned turns;
};
/* A turn ends that needed so much; what is to be kept for the next ones. */
size_t demand_note(struct demand *demand, size_t needed);

struct buf {
    char *ptr; /* owned, NUL-terminated once anything was added */
    size_t len;
    size_t capacity;
    size_t max; /* bytes; the most `len` may become */
    bool overflow;
    struct demand demand;
};

void buf_init(struct buf *buf, size_t max);
void buf_done(struct buf *buf); /* frees; the buffer may be initialised again */
/* Empties; keeps memory for what the turns before needed. */
void buf_reset(struct buf *buf);
void buf_add(struct buf *buf, struct str text);
/* Adds `size` bytes for the caller to write at once; NULL past the maximum. */
char *buf_room(struct buf *buf, size_t size);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_add_uint(struct buf *buf, uint64_t number); /* decimal */
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
struct str buf_str(const struct buf *buf);
void buf_done_ptr(struct buf *buf);

/* Says so and aborts. Also for libraries whose only reason to refuse is that there is no memory. */
_Noreturn void mem_exhausted(void);
/* malloc, calloc and realloc that abort when there is no memory. */
void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_realloc(void *old, size_t size);
char *mem_strdup(const char *text);
char *mem_strndup(struct str text);
/* Memory that was freed goes back to the system, where the allocator would keep it: for once in a
 * while. Holds up allocations for as long as that takes (milliseconds); what threads free before
 * `begin` is false again goes back as well. */
void mem_give_back(bool begin);

struct arena; /* blocks of memory freed together */
struct arena *arena_new(size_t bytes_max);
/* The same, but a reset keeps what the turns before needed, up to `keep_bytes` of blocks: for work
 * that fills it again and again. */
struct arena *arena_new_keeping(size_t bytes_max, size_t keep_bytes);
void arena_free(struct arena *arena);
void arena_free_ptr(struct arena **arena);
void arena_reset(struct arena *arena); /* forgets everything; keeps the first block at least */
size_t arena_room(const struct arena *arena); /* bytes of its blocks, used or not */
/* A place to come back to: a try that failed gives back what it took. Everything allocated since is
 * gone then. Of no use after a reset. */
struct arena_mark {
    struct arena_block *block;
    size_t used;
    size_t used_total;
};
struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);
/* Zeroed, aligned for any type; aborts past bytes_max (callers bound their input first). */
void *arena_alloc(struct arena *arena, size_t size);
struct str arena_copy(struct arena *arena, struct str text); /* NUL-terminated behind its end */
/* All of them, one behind the other. */
struct str arena_join(struct arena *arena, const struct str *parts, size_t count);
#define ARENA_JOIN(arena, ...)                                                                     \
    arena_join((arena), (const struct str[]){__VA_ARGS__},                                         \
               sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))
struct str arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

/* Arenas to be used again: any thread takes one and any thread puts it back, forgotten. At most
 * `keep_max` wait, and what nobody needed for a thousand turns is freed; all of them must be back
 * before the pool is. */
struct arena_pool;
struct arena_pool *arena_pool_new(size_t bytes_max, size_t keep_max);
void arena_pool_free(struct arena_pool *pool);
struct arena *arena_pool_take(struct arena_pool *pool);
void arena_pool_put(struct arena_pool *pool, struct arena *arena);
size_t arena_pool_waiting(struct arena_pool *pool);
