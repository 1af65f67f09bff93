/*
 * RFC 4180, read: fields in place, quotes undone, any line ending, a byte order mark ignored. Works
 * on one buffer that it changes; rows point into it. Pure.
 */
#pragma once

#include "base/buf.h"

enum { CSV_COLUMNS_MAX = 64 };

struct csv {
    char *at;
    char *end;
    unsigned line; /* of the row read last, as a spreadsheet counts: the header is 1 */
    unsigned next_line;
};

struct csv_row {
    size_t count;
    struct str column[CSV_COLUMNS_MAX];
};

/* `text` is changed while it is read and must outlive the rows. */
struct csv csv_on(char *text, size_t length);
/* False at the end. ERR_MALFORMED for an open quote or too many columns: *ret_row is not filled,
 * and reading goes on behind the line. */
bool csv_next(struct csv *csv, struct csv_row *ret_row, enum err_code *ret_code);
/* Quotes a value when it needs it. */
void csv_write(struct buf *out, struct str value);
