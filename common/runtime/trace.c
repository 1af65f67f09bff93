#include "runtime/trace.h"

#include <string.h>

#include "io/crypto.h"

static bool
hex_part(struct str text, size_t offset, size_t length, bool may_be_zero)
{
    bool zero = true;
    for (size_t i = offset; i < offset + length; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        zero = zero && c == '0';
    }
    return may_be_zero || !zero;
}

bool
traceparent_valid(struct str text)
{
    return text.len == TRACEPARENT_SIZE - 1 && str_starts(text, STR("00-")) &&
           text.ptr[35] == '-' && text.ptr[52] == '-' && hex_part(text, 3, 32, false) &&
           hex_part(text, 36, 16, false) && hex_part(text, 53, 2, true);
}

void
trace_begin(struct trace *trace, struct str incoming)
{
    unsigned char random[24];
    char hex[2 * sizeof random + 1];
    crypto_nonce(random, sizeof random);
    hex_encode(random, sizeof random, hex);
    bool continued = traceparent_valid(incoming);
    const char *id = continued ? incoming.ptr + 3 : hex + 16;
    const char *flags = continued ? incoming.ptr + 53 : "01";
    char *at = trace->parent;
    memcpy(at, "00-", 3);
    memcpy(at + 3, id, TRACE_ID_LENGTH);
    at[35] = '-';
    memcpy(at + 36, hex, 16);
    at[52] = '-';
    memcpy(at + 53, flags, 2);
    at[55] = '\0';
}

struct str
trace_id(const struct trace *trace)
{
    return (struct str){trace->parent + 3, TRACE_ID_LENGTH};
}

struct str
trace_parent(const struct trace *trace)
{
    return (struct str){trace->parent, TRACEPARENT_SIZE - 1};
}
