/* Arenas and the pool of them (buf.h). */
#include "base/buf.h"

#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK_SIZE = 16 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    _Alignas(max_align_t) char bytes[];
};

struct arena {
    struct arena_block *first;
    struct arena_block *current;
    size_t used_total;
    size_t used_peak; /* of this turn, where a rewind gave some of it back */
    size_t bytes_max;
    size_t keep_bytes;
    struct demand demand;
    struct arena *next_free; /* while it waits in a pool */
};

static struct arena_block *
arena_block_new(size_t size)
{
    struct arena_block *block = mem_alloc(sizeof *block + size);
    *block = (struct arena_block){.size = size};
    return block;
}

struct arena *
arena_new(size_t bytes_max)
{
    struct arena *arena = mem_zalloc(sizeof *arena);
    arena->bytes_max = bytes_max;
    arena->first = arena->current = arena_block_new(ARENA_BLOCK_SIZE);
    return arena;
}

struct arena *
arena_new_keeping(size_t bytes_max, size_t keep_bytes)
{
    struct arena *arena = arena_new(bytes_max);
    arena->keep_bytes = keep_bytes;
    return arena;
}

static void
arena_free_from(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void
arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    arena_free_from(arena->first);
    free(arena);
}

void
arena_free_ptr(struct arena **arena)
{
    arena_free(*arena);
}

static void
arena_note_peak(struct arena *arena)
{
    if (arena->used_total > arena->used_peak)
        arena->used_peak = arena->used_total;
}

/* How many bytes of blocks stay. A block is left when the next piece does not fit in, so that two
 * neighbours hold more than the first one's size: blocks for as much as before are less than twice
 * that, and the last one. */
static size_t
arena_keep(struct arena *arena)
{
    arena_note_peak(arena);
    size_t keep = 2 * demand_note(&arena->demand, arena->used_peak) + ARENA_BLOCK_SIZE;
    return keep < arena->keep_bytes ? keep : arena->keep_bytes;
}

void
arena_reset(struct arena *arena)
{
    struct arena_block *last = arena->first;
    size_t keep = arena_keep(arena);
    size_t kept = last->size;
    last->used = 0;
    while (last->next && kept + last->next->size <= keep) {
        last = last->next;
        kept += last->size;
        last->used = 0;
    }
    arena_free_from(last->next);
    last->next = NULL;
    arena->current = arena->first;
    arena->used_total = arena->used_peak = 0;
}

size_t
arena_room(const struct arena *arena)
{
    size_t room = 0;
    for (const struct arena_block *block = arena->first; block; block = block->next)
        room += block->size;
    return room;
}

struct arena_mark
arena_mark(const struct arena *arena)
{
    return (struct arena_mark){arena->current, arena->current->used, arena->used_total};
}

/* The blocks behind are kept: the next try needs as much. */
void
arena_rewind(struct arena *arena, struct arena_mark mark)
{
    arena_note_peak(arena);
    arena->current = mark.block;
    arena->current->used = mark.used;
    arena->used_total = mark.used_total;
    for (struct arena_block *block = mark.block->next; block; block = block->next)
        block->used = 0;
}

/* Goes on to a kept block, or to a new one in front of those that are too small. */
static void
arena_next_block(struct arena *arena, size_t size)
{
    struct arena_block *next = arena->current->next;
    if (next == NULL || next->size < size) {
        struct arena_block *fresh =
            arena_block_new(size > ARENA_BLOCK_SIZE ? size : ARENA_BLOCK_SIZE);
        fresh->next = next;
        arena->current->next = fresh;
        next = fresh;
    }
    arena->current = next;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
    size_t aligned = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    if (aligned < size || aligned > arena->bytes_max - arena->used_total)
        abort(); /* input is bounded before it reaches an arena: passing this is our own mistake */
    arena->used_total += aligned;
    if (arena->current->size - arena->current->used < aligned)
        arena_next_block(arena, aligned);
    void *memory = arena->current->bytes + arena->current->used;
    arena->current->used += aligned;
    return memset(memory, 0, aligned);
}

struct str
arena_copy(struct arena *arena, struct str text)
{
    char *copy = arena_alloc(arena, text.len + 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    return (struct str){copy, text.len};
}

struct str
arena_join(struct arena *arena, const struct str *parts, size_t count)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        length += parts[i].len;
    char *text = arena_alloc(arena, length + 1);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len)
            memcpy(text + used, parts[i].ptr, parts[i].len);
        used += parts[i].len;
    }
    return (struct str){text, length};
}

struct str
arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    char stack[512] UNINITIALIZED;
    va_start(args, format);
    int length = vsnprintf(stack, sizeof stack, format, args);
    va_end(args);
    assert(length >= 0);
    if ((size_t)length < sizeof stack)
        return arena_copy(arena, (struct str){stack, (size_t)length});
    char *text = arena_alloc(arena, (size_t)length + 1);
    va_start(args, format);
    (void)vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return (struct str){text, (size_t)length};
}

/* So often, in arenas put back, those that nobody needed meanwhile are freed. */
enum { POOL_ROUND = 1024 };

struct arena_pool {
    pthread_mutex_t lock;
    size_t bytes_max;
    size_t keep_max;
    size_t count;
    size_t count_min; /* of this round: so many waited all the time */
    size_t puts;      /* of this round */
    struct arena *first;
};

struct arena_pool *
arena_pool_new(size_t bytes_max, size_t keep_max)
{
    struct arena_pool *pool = mem_zalloc(sizeof *pool);
    (void)pthread_mutex_init(&pool->lock, NULL);
    pool->bytes_max = bytes_max;
    pool->keep_max = keep_max;
    return pool;
}

static struct arena *
pool_pop(struct arena_pool *pool)
{
    struct arena *arena = pool->first;
    pool->first = arena->next_free;
    pool->count--;
    if (pool->count < pool->count_min)
        pool->count_min = pool->count;
    return arena;
}

/* At the end of a round: what waited through all of it, taken out and chained, else NULL. */
static struct arena *
pool_unneeded(struct arena_pool *pool)
{
    if (++pool->puts < POOL_ROUND)
        return NULL;
    struct arena *unneeded = NULL;
    for (size_t left = pool->count_min; left; left--) {
        struct arena *arena = pool_pop(pool);
        arena->next_free = unneeded;
        unneeded = arena;
    }
    pool->puts = 0;
    pool->count_min = pool->count;
    return unneeded;
}

void
arena_pool_free(struct arena_pool *pool)
{
    if (pool == NULL)
        return;
    while (pool->first)
        arena_free(pool_pop(pool));
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

struct arena *
arena_pool_take(struct arena_pool *pool)
{
    struct arena *arena = NULL;
    (void)pthread_mutex_lock(&pool->lock);
    if (pool->first)
        arena = pool_pop(pool);
    (void)pthread_mutex_unlock(&pool->lock);
    return arena ? arena : arena_new(pool->bytes_max);
}

void
arena_pool_put(struct arena_pool *pool, struct arena *arena)
{
    arena_reset(arena);
    (void)pthread_mutex_lock(&pool->lock);
    bool kept = pool->count < pool->keep_max;
    if (kept) {
        arena->next_free = pool->first;
        pool->first = arena;
        pool->count++;
    }
    struct arena *unneeded = pool_unneeded(pool);
    (void)pthread_mutex_unlock(&pool->lock);
    if (!kept)
        arena_free(arena);
    while (unneeded) {
        struct arena *next = unneeded->next_free;
        arena_free(unneeded);
        unneeded = next;
    }
}

size_t
arena_pool_waiting(struct arena_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    size_t count = pool->count;
    (void)pthread_mutex_unlock(&pool->lock);
    return count;
}
