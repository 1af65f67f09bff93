#include "schema/csv.h"

#include <string.h>

struct csv
csv_on(char *text, size_t length)
{
    struct csv csv = {.at = text, .end = text + length, .next_line = 1};
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        csv.at += 3;
    return csv;
}

static bool
line_end(char c)
{
    return c == '\n' || c == '\r';
}

/* Steps over one line ending, "\r\n" being one. */
static void
skip_line_end(struct csv *csv)
{
    bool cr = csv->at < csv->end && *csv->at == '\r';
    csv->at += cr;
    if (csv->at < csv->end && *csv->at == '\n')
        csv->at++;
    csv->next_line++;
}

/* The quote that closes a field whose text begins at `at`; NULL when there is none. */
static char *
closing_quote(char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at != '"')
            continue;
        if (at + 1 == end || at[1] != '"')
            return at;
        at++;
    }
    return NULL;
}

/* A quoted field; `at` stands at the opening quote. False, and nothing changed, when the quote is
 * never closed or is followed by text. */
static bool
quoted(struct csv *csv, struct str *ret_value)
{
    char *begin = csv->at + 1;
    char *close = closing_quote(begin, csv->end);
    if (close == NULL || (close + 1 < csv->end && close[1] != ',' && !line_end(close[1])))
        return false;
    char *out = begin;
    for (char *in = begin; in < close; in++) {
        if (*in == '"')
            in++; /* the first of two */
        if (*in == '\n' || (*in == '\r' && in[1] != '\n'))
            csv->next_line++;
        *out++ = *in;
    }
    csv->at = close + 1;
    *ret_value = (struct str){begin, (size_t)(out - begin)};
    return true;
}

static struct str
plain(struct csv *csv)
{
    char *begin = csv->at;
    while (csv->at < csv->end && *csv->at != ',' && !line_end(*csv->at))
        csv->at++;
    return (struct str){begin, (size_t)(csv->at - begin)};
}

/* The rest of the line is not looked at. */
static void
give_up_line(struct csv *csv)
{
    while (csv->at < csv->end && !line_end(*csv->at))
        csv->at++;
    skip_line_end(csv);
}

/* True when another column follows. */
static bool
separator(struct csv *csv)
{
    if (csv->at < csv->end && *csv->at == ',') {
        csv->at++;
        return true;
    }
    skip_line_end(csv);
    return false;
}

bool
csv_next(struct csv *csv, struct csv_row *ret_row, enum err_code *ret_code)
{
    struct csv_row row = {0};
    if (csv->at >= csv->end)
        return false;
    csv->line = csv->next_line;
    *ret_code = ERR_OK;
    bool more = true;
    while (more) {
        struct str value;
        bool is_quoted = csv->at < csv->end && *csv->at == '"';
        if (row.count == CSV_COLUMNS_MAX || (is_quoted && !quoted(csv, &value))) {
            give_up_line(csv);
            *ret_code = ERR_MALFORMED;
            return true;
        }
        if (!is_quoted)
            value = plain(csv);
        row.column[row.count++] = value;
        more = separator(csv);
    }
    *ret_row = row;
    return true;
}

void
csv_write(struct buf *out, struct str value)
{
    /* What looks like a byte order mark would be taken for one at the beginning of a file. */
    bool quote = str_starts(value, STR("\xEF\xBB\xBF"));
    for (size_t i = 0; i < value.len; i++)
        quote = quote || strchr(",\"\r\n", value.ptr[i]) != NULL;
    if (!quote) {
        buf_add(out, value);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"')
            buf_add_char(out, '"');
        buf_add_char(out, value.ptr[i]);
    }
    buf_add_char(out, '"');
}
