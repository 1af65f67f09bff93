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

/* Behind the line that `at` stands in. */
static void
skip_line(struct csv *csv)
{
    while (csv->at < csv->end && *csv->at != '\n')
        csv->at++;
    if (csv->at < csv->end)
        csv->at++;
    csv->next_line++;
}

/* A quoted field; `at` stands behind the opening quote. False when the quote is never closed. */
static bool
quoted(struct csv *csv, struct str *ret_value)
{
    char *out = csv->at;
    char *begin = out;
    for (;;) {
        if (csv->at == csv->end)
            return false;
        char c = *csv->at++;
        if (c == '"' && csv->at < csv->end && *csv->at == '"')
            csv->at++;
        else if (c == '"')
            break;
        if (c == '\n')
            csv->next_line++;
        *out++ = c;
    }
    *ret_value = (struct str){begin, (size_t)(out - begin)};
    return true;
}

static struct str
plain(struct csv *csv)
{
    char *begin = csv->at;
    while (csv->at < csv->end && *csv->at != ',' && *csv->at != '\n' && *csv->at != '\r')
        csv->at++;
    return (struct str){begin, (size_t)(csv->at - begin)};
}

/* True when another column follows. */
static bool
separator(struct csv *csv)
{
    if (csv->at < csv->end && *csv->at == ',') {
        csv->at++;
        return true;
    }
    if (csv->at < csv->end && *csv->at == '\r')
        csv->at++;
    if (csv->at < csv->end && *csv->at == '\n')
        csv->at++;
    csv->next_line++;
    return false;
}

bool
csv_next(struct csv *csv, struct csv_row *ret_row, enum err_code *ret_code)
{
    if (csv->at >= csv->end)
        return false;
    csv->line = csv->next_line;
    ret_row->count = 0;
    *ret_code = ERR_OK;
    bool more = true;
    while (more) {
        struct str value;
        bool is_quoted = csv->at < csv->end && *csv->at == '"';
        char *begin = csv->at;
        csv->at += is_quoted;
        if (ret_row->count == CSV_COLUMNS_MAX || (is_quoted && !quoted(csv, &value))) {
            csv->at = begin;
            csv->next_line = csv->line;
            skip_line(csv);
            *ret_code = ERR_MALFORMED;
            return true;
        }
        if (!is_quoted)
            value = plain(csv);
        ret_row->column[ret_row->count++] = value;
        more = separator(csv);
    }
    return true;
}

void
csv_write(struct buf *out, struct str value)
{
    bool quote = false;
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
