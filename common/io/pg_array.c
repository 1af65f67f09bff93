#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "io/pg.h"

enum { PG_ARRAY_HEADER_SIZE = 20, UUID_SIZE = 16 };

/* Object ids of pg_type.dat; they never change. */
static const struct {
    uint32_t element;
    uint32_t array;
} pg_types[] = {
    [PG_TYPE_TEXT] = {25, 1009}, [PG_TYPE_UUID] = {2950, 2951}, [PG_TYPE_INT4] = {23, 1007},
    [PG_TYPE_INT8] = {20, 1016}, [PG_TYPE_TIME] = {1184, 1185},
};
/* PostgreSQL counts time from the year 2000. */
static const int64_t pg_epoch_ms = INT64_C(946684800000);

uint32_t
pg_array_oid(enum pg_type element)
{
    return pg_types[element].array;
}

static void
pg_array_u32(struct pg_array *array, uint32_t value)
{
    uint32_t wire = htonl(value);
    buf_add(&array->bytes, (struct str){(const char *)&wire, sizeof wire});
}

void
pg_array_reset(struct pg_array *array)
{
    buf_reset(&array->bytes);
    array->count = 0;
    pg_array_u32(array, 1); /* dimensions */
    pg_array_u32(array, 1); /* may hold NULLs */
    pg_array_u32(array, pg_types[array->element].element);
    pg_array_u32(array, 0); /* length, see pg_array_finish */
    pg_array_u32(array, 1); /* lower bound */
}

void
pg_array_init_of(struct pg_array *array, enum pg_type element, size_t bytes_max)
{
    array->element = element;
    buf_init(&array->bytes, bytes_max);
    pg_array_reset(array);
}

void
pg_array_init(struct pg_array *array, size_t bytes_max)
{
    pg_array_init_of(array, PG_TYPE_TEXT, bytes_max);
}

void
pg_array_done(struct pg_array *array)
{
    buf_done(&array->bytes);
}

void
pg_array_add_null(struct pg_array *array)
{
    pg_array_u32(array, UINT32_MAX);
    array->count++;
}

static unsigned
hex_of(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static void
uuid_bytes(struct str text, unsigned char bytes[UUID_SIZE])
{
    size_t used = 0;
    assert(text.len == 36);
    for (size_t i = 0; i < text.len && used < UUID_SIZE; i++) {
        if (text.ptr[i] == '-')
            continue;
        bytes[used++] = (unsigned char)(hex_of(text.ptr[i]) << 4 | hex_of(text.ptr[i + 1]));
        i++;
    }
}

void
pg_array_add(struct pg_array *array, struct str element)
{
    unsigned char bytes[UUID_SIZE];
    assert(array->element == PG_TYPE_TEXT || array->element == PG_TYPE_UUID);
    if (element.ptr == NULL) {
        pg_array_add_null(array);
        return;
    }
    if (array->element == PG_TYPE_UUID) {
        uuid_bytes(element, bytes);
        element = (struct str){(const char *)bytes, sizeof bytes};
    }
    pg_array_u32(array, (uint32_t)element.len);
    buf_add(&array->bytes, element);
    array->count++;
}

void
pg_array_add_int(struct pg_array *array, int64_t element)
{
    unsigned char wire[8];
    size_t size = array->element == PG_TYPE_INT4 ? 4 : 8;
    assert(array->element != PG_TYPE_TEXT && array->element != PG_TYPE_UUID);
    assert(size == 8 || element == (int32_t)element);
    if (array->element == PG_TYPE_TIME)
        element = (element - pg_epoch_ms) * 1000;
    uint64_t bits = (uint64_t)element;
    for (size_t i = size; i > 0; i--, bits >>= 8)
        wire[i - 1] = (unsigned char)bits;
    pg_array_u32(array, (uint32_t)size);
    buf_add(&array->bytes, (struct str){(const char *)wire, size});
    array->count++;
}

void
pg_array_finish(struct pg_array *array)
{
    uint32_t wire = htonl(array->count);
    memcpy(array->bytes.ptr + PG_ARRAY_HEADER_SIZE - 8, &wire, sizeof wire);
}
