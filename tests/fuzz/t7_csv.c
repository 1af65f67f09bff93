/*
 * T7, the reader of roster files. 'r' and bytes: every row ends, no column leaves the buffer, and
 * the rows that were read are written and read the same. The verdict of files that RFC 4180 allows
 * is compared with Python's csv. 'w' and texts ended by NUL: a row made of them is read as written.
 */
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "schema/csv.h"
#include "tests/fuzz/fuzz.h"

enum { FILE_MAX = 64 * 1024 };

static bool
inside(struct str column, const char *text, size_t length)
{
    return column.len == 0 || (column.ptr >= text && column.ptr + column.len <= text + length);
}

static void
row_write(struct buf *out, const struct csv_row *row)
{
    for (size_t i = 0; i < row->count; i++) {
        if (i)
            buf_add_char(out, ',');
        csv_write(out, row->column[i]);
    }
    buf_add_text(out, "\r\n");
}

/* All good rows of a text, written; *ret_bad counts the others. */
static void
rewrite(struct str text, struct buf *out, size_t *ret_bad, struct jsonw *told)
{
    char *copy = mem_strndup(text);
    struct csv csv = csv_on(copy, text.len);
    struct csv_row row;
    enum err_code code;
    unsigned line = 0;
    while (csv_next(&csv, &row, &code)) {
        FUZZ_CHECK(csv.line > line, "each row has a line of its own");
        line = csv.line;
        if (code) {
            FUZZ_CHECK(code == ERR_MALFORMED, "a bad row is malformed");
            (*ret_bad)++;
            continue;
        }
        FUZZ_CHECK(row.count > 0 && row.count <= CSV_COLUMNS_MAX, "a row has columns");
        if (told)
            jsonw_array_open(told);
        for (size_t i = 0; i < row.count; i++) {
            FUZZ_CHECK(inside(row.column[i], copy, text.len), "a column is of this file");
            if (told)
                jsonw_str(told, row.column[i]);
        }
        if (told)
            jsonw_array_close(told);
        row_write(out, &row);
    }
    free(copy);
}

static void
take_file(struct str text)
{
    struct buf once;
    struct buf twice;
    struct buf told;
    size_t bad = 0;
    size_t bad_again = 0;
    buf_init(&once, 4 * FILE_MAX);
    buf_init(&twice, 4 * FILE_MAX);
    buf_init(&told, 16 * FILE_MAX);
    struct jsonw w = jsonw_on(&told);
    jsonw_array_open(&w);
    rewrite(text, &once, &bad, &w);
    jsonw_array_close(&w);
    rewrite(buf_str(&once), &twice, &bad_again, NULL);
    FUZZ_CHECK(bad_again == 0, "what we write is good");
    FUZZ_CHECK(str_eq(buf_str(&once), buf_str(&twice)),
               "what was read is written and read the same");
    if (utf8_valid(text)) {
        fuzz_tell("%zu ", bad);
        fuzz_tell_str(buf_str(&told));
    }
    buf_done(&once);
    buf_done(&twice);
    buf_done(&told);
}

static void
take_columns(struct fuzz_input *input)
{
    struct csv_row row = {0};
    struct csv_row again;
    struct buf text;
    enum err_code code = ERR_OK;
    buf_init(&text, 4 * FILE_MAX);
    while (row.count < CSV_COLUMNS_MAX && (fuzz_more(input) || row.count == 0))
        row.column[row.count++] = fuzz_piece(input, '\0');
    row_write(&text, &row);
    struct csv csv = csv_on(text.ptr, text.len);
    bool mark = row.column[0].len >= 3 && memcmp(row.column[0].ptr, "\xEF\xBB\xBF", 3) == 0;
    FUZZ_CHECK(csv_next(&csv, &again, &code) && code == ERR_OK && again.count == row.count,
               "a row that was written is read");
    for (size_t i = mark; i < row.count; i++)
        FUZZ_CHECK(str_eq(row.column[i], again.column[i]), "a column is read as it was written");
    FUZZ_CHECK(!csv_next(&csv, &again, &code), "it is one row");
    buf_done(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input_on(data, size);
    char kind = (char)fuzz_byte(&input);
    if (size > FILE_MAX)
        return 0;
    if (kind == 'r')
        take_file(fuzz_rest(&input));
    else if (kind == 'w')
        take_columns(&input);
    return 0;
}
