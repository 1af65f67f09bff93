/*
 * T6, document numbers, phones, mail, dates and names. A letter says what the rest is; the verdict
 * is compared with tests/fuzz/reference.py, written apart from the product. What holds for any
 * bytes is checked here.
 */
#include <string.h>

#include "base/clock.h"
#include "schema/person.h"
#include "tests/fuzz/fuzz.h"

enum { TODAY = 20261124 };

static void
take_number(unsigned type, struct str number)
{
    char upper[ID_NUMBER_SIZE];
    char twice[ID_NUMBER_SIZE];
    char mask[ID_NUMBER_SIZE];
    bool fits = id_number_normalise(number, upper);
    enum id_fault fault = id_number_check((enum id_type)type, number, TODAY);
    FUZZ_CHECK(id_fault_message(fault) && (fault == ID_OK) == (id_fault_message(fault)[0] == '\0'),
               "each fault has words");
    FUZZ_CHECK(fits == (number.len < ID_NUMBER_SIZE), "only what is too long does not fit");
    FUZZ_CHECK(fault != ID_OK || fits, "a good number fits");
    fuzz_tell("%d", (int)fault);
    if (!fits)
        return;
    struct str normal = {upper, number.len};
    FUZZ_CHECK(id_number_normalise(normal, twice) && memcmp(upper, twice, number.len) == 0,
               "normalising twice is normalising once");
    FUZZ_CHECK(fault != ID_OK || str_eq(normal, number), "a good number is normal already");
    number_mask(normal, mask);
    size_t shown = 0;
    for (size_t i = 0; i < normal.len; i++)
        shown += mask[i] != '*';
    FUZZ_CHECK(shown <= 7 && (normal.len >= 8 || shown == 0), "a mask shows seven at most");
    fuzz_tell(" %d", (int)id_number_check((enum id_type)type, normal, TODAY));
}

static void
take_time(struct str text)
{
    int64_t time_ms = 0;
    char again[CLOCK_RFC3339_SIZE];
    int64_t same_ms = 0;
    if (!clock_parse_rfc3339(text, &time_ms)) {
        fuzz_tell("no");
        return;
    }
    (void)clock_format_rfc3339(time_ms, again);
    FUZZ_CHECK(clock_parse_rfc3339(str_of(again), &same_ms) && same_ms == time_ms,
               "a time that was read is written and read the same");
    fuzz_tell("%lld", (long long)time_ms);
}

static void
take_name(struct str text)
{
    if (!utf8_valid(text)) {
        fuzz_tell("no");
        return;
    }
    size_t points = utf8_length(text);
    size_t counted = 0;
    for (size_t at = 0; at < text.len; counted++)
        FUZZ_CHECK(utf8_next(text, &at) <= 0x10FFFF, "a code point is one");
    FUZZ_CHECK(counted == points, "length and steps agree");
    struct str five = utf8_prefix(text, 5);
    FUZZ_CHECK(utf8_valid(five) && utf8_length(five) == (points < 5 ? points : 5),
               "a prefix is whole code points");
    fuzz_tell("%zu %zu", points, five.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input_on(data, size);
    char kind = (char)fuzz_byte(&input);
    struct str rest = fuzz_rest(&input);
    if (kind >= '0' && kind < '0' + ID_TYPE_COUNT_)
        take_number((unsigned)(kind - '0'), rest);
    else if (kind == 'p')
        fuzz_tell("%d", phone_mainland_valid(rest));
    else if (kind == 't')
        fuzz_tell("%d", telephone_valid(rest));
    else if (kind == 'z')
        fuzz_tell("%d", postcode_valid(rest));
    else if (kind == 'q')
        fuzz_tell("%d", qq_valid(rest));
    else if (kind == 'e')
        fuzz_tell("%d", email_valid(rest));
    else if (kind == 'd')
        fuzz_tell("%u", (unsigned)date_parse(rest));
    else if (kind == 'c')
        take_time(rest);
    else if (kind == 'n')
        take_name(rest);
    return 0;
}
