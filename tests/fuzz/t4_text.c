/*
 * T4, what stands in a request's target and header fields. A letter says what the rest is; the
 * verdict is compared with tests/fuzz/reference.py. What holds for any bytes is checked here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "io/keyring.h"
#include "runtime/api.h"
#include "services/intake/domain.h"
#include "tests/fuzz/fuzz.h"

/* "name\n" and a query: the value, or absent, or malformed. */
static void
take_query(struct fuzz_input *input)
{
    struct arena *arena = arena_new(LIMIT_REQUEST_ARENA);
    char *name = mem_strndup(fuzz_piece(input, '\n'));
    const struct api_call call = {.query = fuzz_rest(input), .arena = arena};
    bool malformed = false;
    struct str value = name[0] ? api_query(&call, name, &malformed) : STR_NONE;
    FUZZ_CHECK(value.len <= call.query.len, "a value is not longer than the query");
    if (malformed) {
        fuzz_tell("malformed");
    } else if (value.ptr == NULL) {
        fuzz_tell("absent");
    } else {
        FUZZ_CHECK(utf8_valid(value) && (value.len == 0 || !memchr(value.ptr, '\0', value.len)),
                   "a value is text without NUL");
        fuzz_tell("value ");
        fuzz_tell_str(value);
    }
    free(name);
    arena_free(arena);
}

static void
take_if_match(struct str header)
{
    int64_t version = -1;
    char again[64];
    if (!draft_version_parse(header, &version)) {
        FUZZ_CHECK(version == -1, "a refused tag returns nothing");
        fuzz_tell("no");
        return;
    }
    (void)snprintf(again, sizeof again, "\"draft-%" PRId64 "\"", version);
    FUZZ_CHECK(str_eq_text(header, again), "a draft's tag is the one that was given out");
    fuzz_tell("%" PRId64, version);
}

static void
take_traceparent(struct str header)
{
    struct trace trace;
    bool valid = traceparent_valid(header);
    trace_begin(&trace, header);
    FUZZ_CHECK(traceparent_valid(trace_parent(&trace)), "every trace is valid");
    FUZZ_CHECK(!valid || (memcmp(trace_id(&trace).ptr, header.ptr + 3, TRACE_ID_LENGTH) == 0 &&
                          memcmp(trace.parent + 53, header.ptr + 53, 2) == 0),
               "a valid trace is continued");
    fuzz_tell("%d", valid);
}

static void
take_number(struct str text)
{
    uint64_t value = 0;
    bool read = str_to_u64(text, UINT64_MAX, &value);
    FUZZ_CHECK(!read || str_is_digits(text), "a number is digits");
    fuzz_tell("%s%" PRIu64, read ? "" : "no ", value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input_on(data, size);
    char kind = (char)fuzz_byte(&input);
    struct str rest = fuzz_rest(&input);
    if (size > LIMIT_HTTP_HEADERS)
        return 0;
    if (kind == 'q')
        take_query(&input);
    else if (kind == 'k')
        fuzz_tell("%d", idempotency_key_valid(rest));
    else if (kind == 'm')
        take_if_match(rest);
    else if (kind == 'n')
        fuzz_tell("%d", etag_listed(rest, "\"draft-7\""));
    else if (kind == 't')
        take_traceparent(rest);
    else if (kind == 'u')
        fuzz_tell("%d", uuid_valid(rest));
    else if (kind == 'i')
        take_number(rest);
    return 0;
}
