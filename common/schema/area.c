#include "schema/area.h"

#include <string.h>

enum { SUCCESSOR_STEPS_MAX = 64 };

uint32_t
area_code_parse(struct str text)
{
    uint64_t code = 0;
    return text.len == 6 && str_to_u64(text, 999999, &code) ? (uint32_t)code : 0;
}

/* Number of the first record with code >= `code`. */
static size_t
first_at(uint32_t code)
{
    size_t low = 0;
    size_t high = area_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (area_rows[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct area *
area_latest(uint32_t code)
{
    size_t i = first_at(code); /* of one code the newest comes first */
    return i < area_count && area_rows[i].code == code ? &area_rows[i] : NULL;
}

const struct area *
area_current(uint32_t code)
{
    const struct area *latest = area_latest(code);
    return latest && latest->until_year == 0 ? latest : NULL;
}

bool
area_prefix_known(uint32_t code)
{
    return code % 10000 != 0 && area_latest(code) != NULL;
}

/* Whether any code of (code, code + span) is in force. */
static bool
has_below(uint32_t code, uint32_t span)
{
    for (size_t i = first_at(code + 1); i < area_count && area_rows[i].code < code + span; i++)
        if (area_rows[i].until_year == 0)
            return true;
    return false;
}

bool
area_is_leaf(uint32_t code)
{
    const struct area *area = area_current(code);
    if (area == NULL)
        return false;
    switch (area->level) {
    case AREA_COUNTY:
        return true;
    case AREA_PREFECTURE:
        return !has_below(code, 100);
    default:
        return !has_below(code, 10000);
    }
}

static bool
is_child(const struct area *area, uint32_t parent)
{
    if (area->until_year != 0)
        return false;
    if (parent == 0)
        return area->level == AREA_PROVINCE;
    if (area->code == parent)
        return false;
    if (parent % 10000 == 0)
        return area->level == AREA_PREFECTURE || strcmp(area->prefecture, "直辖") == 0;
    return parent % 100 == 0 && area->code / 100 == parent / 100;
}

void
area_children(uint32_t parent, void (*each)(const struct area *area, void *ctx), void *ctx)
{
    for (size_t i = parent ? first_at(parent) : 0; i < area_count; i++) {
        if (parent && area_rows[i].code / 10000 != parent / 10000)
            break;
        if (is_child(&area_rows[i], parent))
            each(&area_rows[i], ctx);
    }
}

static bool
listed(const uint32_t *codes, size_t count, uint32_t code)
{
    for (size_t i = 0; i < count; i++)
        if (codes[i] == code)
            return true;
    return false;
}

size_t
area_successors(uint32_t code, uint32_t *ret_codes, size_t max)
{
    uint32_t open[SUCCESSOR_STEPS_MAX] = {code};
    size_t open_count = 1;
    size_t found = 0;
    for (size_t i = 0; i < open_count; i++) {
        const struct area *area = area_latest(open[i]);
        if (area && area->until_year == 0) {
            if (found < max)
                ret_codes[found++] = area->code;
            continue;
        }
        struct str rest = area ? str_of(area->successors) : STR_NONE;
        while (rest.len) {
            uint32_t next = area_code_parse(str_cut(&rest, ';'));
            if (listed(open, open_count, next))
                continue;
            if (open_count < SUCCESSOR_STEPS_MAX) /* bound: no code has so many */
                open[open_count++] = next;
        }
    }
    return found;
}

void
area_full_name(const struct area *area, struct buf *out)
{
    if (area->level != AREA_PROVINCE)
        buf_add_text(out, area->province);
    if (area->level == AREA_COUNTY && strcmp(area->prefecture, "直辖") != 0)
        buf_add_text(out, area->prefecture);
    buf_add_text(out, area->name);
}
