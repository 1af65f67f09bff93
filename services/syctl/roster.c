/*
 * roster import: reads, judges and seals row by row while another thread writes (roster_write.h).
 * The answer comes when every row counts. Rows with findings that refuse stay out; the others go
 * in. A file of up to ROSTER_PIECE rows counts as a whole or not at all; a longer one piece by
 * piece, and the same file given again after a break is read and judged anew, but written from
 * where it was left.
 */
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "io/seal.h"
#include "schema/person.h"
#include "services/syctl/command.h"
#include "services/syctl/roster_write.h"

enum {
    ROSTER_FILE_MAX = 512 * 1024 * 1024,
    SEEN_SLOTS = 1 << 22, /* document numbers of a file: up to 2 million rows */
    FINDINGS_TEXT_MAX = 512 * 1024 * 1024,
    PROGRESS_ROWS = 10000,
    FLUSH_ROWS = 5000, /* also when all of them were refused: memory is bounded */
};

struct import {
    struct syctl *ctl;
    struct keyring *keyring;
    struct sealer *sealer;
    struct roster_writer *writer;
    struct roster_batch *batch;
    struct roster_counts before; /* what an earlier try of this file wrote */
    struct roster_counts done;
    uint64_t piece;      /* rows */
    uint64_t flushed;    /* rows, at the last batch */
    uint64_t committed;  /* rows, at the end of the last piece */
    uint64_t (*seen)[2]; /* document indexes, open addressing */
    uint64_t *numbers;   /* hashes of school and student number, the same */
    uint64_t rows, refused;
    struct buf content;  /* of a row, one at a time */
    struct buf findings; /* JSON array, or lines */
    struct jsonw json;
};

static void
on_finding(const struct roster_finding *finding, void *ctx)
{
    struct import *import = ctx;
    if (!import->ctl->json) {
        buf_printf(&import->findings, "  第 %u 行 %s %s: %.*s\n", finding->row, finding->column,
                   finding->rule, STR_ARG(finding->message));
        return;
    }
    jsonw_object_open(&import->json);
    jsonw_member_int(&import->json, "row", finding->row);
    jsonw_member_text(&import->json, "column", finding->column);
    jsonw_member_text(&import->json, "rule", finding->rule);
    jsonw_member_text(&import->json, "severity", finding->refuses ? "error" : "note");
    jsonw_member(&import->json, "message", finding->message);
    jsonw_object_close(&import->json);
}

/* True the first time a document is seen in this file. */
static bool
first_seen(struct import *import, const char document_index[INDEX_HEX_SIZE])
{
    uint64_t key[2];
    if (!hex_decode((struct str){document_index, 32}, key, sizeof key))
        return false;
    for (size_t slot = (size_t)(key[0] % SEEN_SLOTS);; slot = (slot + 1) % SEEN_SLOTS) {
        if (import->seen[slot][0] == 0 && import->seen[slot][1] == 0) {
            import->seen[slot][0] = key[0];
            import->seen[slot][1] = key[1];
            return true;
        }
        if (import->seen[slot][0] == key[0] && import->seen[slot][1] == key[1])
            return false;
    }
}

/* True the first time a school's student number is seen in this file. */
static bool
number_first_seen(struct import *import, const struct record_values *values)
{
    uint64_t hash = 1 | str_hash(ARENA_JOIN(import->batch->arena, values->value[FIELD_YXDM],
                                            STR("|"), values->value[FIELD_XH]));
    size_t slot = (size_t)(hash % SEEN_SLOTS);
    while (import->numbers[slot] != 0 && import->numbers[slot] != hash)
        slot = (slot + 1) % SEEN_SLOTS;
    bool first = import->numbers[slot] == 0;
    import->numbers[slot] = hash;
    return first;
}

/* Hands the batch over; a piece ends when it is large enough, and with the file. */
static enum err_code
batch_put(struct import *import, bool finishes, struct err *err)
{
    import->batch->rows = import->rows;
    import->batch->finishes = finishes;
    import->batch->commits = import->rows - import->committed >= import->piece;
    if (import->batch->commits)
        import->committed = import->rows;
    import->flushed = import->rows;
    enum err_code code = roster_writer_put(import->writer, err);
    import->batch = roster_writer_batch(import->writer);
    return code;
}

static struct str
null_if_empty(struct str value)
{
    return value.len ? value : STR_NONE;
}

static struct str
seal_optional(struct import *import, struct str value, const char *kind, const char *index)
{
    if (value.len == 0)
        return STR_NONE;
    return seal_text(import->sealer, value,
                     ARENA_JOIN(import->batch->arena, str_of(kind), STR("/"), str_of(index)),
                     import->batch->arena);
}

/* Into the arrays, sensitive values sealed. */
static void
row_add(struct import *import, const struct record_values *values,
        const char document[INDEX_HEX_SIZE])
{
    char content[INDEX_HEX_SIZE];
    char masked[ID_NUMBER_SIZE];
    struct pg_array *columns = import->batch->columns;
    buf_reset(&import->content);
    for (size_t i = 0; i < ROSTER_COLUMNS; i++) {
        struct str value = values->value[roster_columns[i]];
        buf_add(&import->content, value);
        buf_add_char(&import->content, '\x1F');
        if (roster_columns[i] == FIELD_SFZH)
            value = seal_optional(import, value, "document", document);
        else if (roster_columns[i] == FIELD_KSH)
            value = seal_optional(import, value, "ksh", document);
        pg_array_add(&columns[i], null_if_empty(value));
    }
    keyring_index(import->keyring, "roster-content", buf_str(&import->content), content);
    number_mask(values->value[FIELD_SFZH], masked);
    pg_array_add(&columns[ROSTER_COLUMNS], str_of(document));
    pg_array_add(&columns[ROSTER_COLUMNS + 1], str_of(masked));
    pg_array_add(&columns[ROSTER_COLUMNS + 2], str_of(content));
    import->batch->count++;
}

/* A row that may count, unless its document was there before. */
static void
row_take(struct import *import, const struct record_values *values, unsigned line)
{
    char document[INDEX_HEX_SIZE];
    keyring_index(import->keyring, "document",
                  ARENA_JOIN(import->batch->arena, values->value[FIELD_ZJLX], STR("|"),
                             values->value[FIELD_SFZH]),
                  document);
    if (!first_seen(import, document)) {
        import->refused++;
        on_finding(&(struct roster_finding){line, "SFZH", "duplicate-row", true,
                                            STR("同一证件在文件中出现了两次，只取第一次")},
                   import);
        return;
    }
    if (!number_first_seen(import, values))
        on_finding(
            &(struct roster_finding){line, "XH", "duplicate-number", false,
                                     STR("这个学号在同一学校的前面一行已经出现，两行都已读入，"
                                         "请核对学号")},
            import);
    if (import->rows > import->before.rows)
        row_add(import, values, document);
}

static enum err_code
rows_import(struct import *import, struct csv *csv, const struct roster_heading *heading,
            struct err *err)
{
    struct csv_row row;
    enum err_code row_code;
    enum err_code code = ERR_OK;
    uint32_t today = clock_china_date(clock_now_ms());
    while (code == ERR_OK && csv_next(csv, &row, &row_code)) {
        struct record_values values;
        if (row_code == ERR_OK && row.count == 1 && row.column[0].len == 0)
            continue; /* an empty line */
        import->rows++;
        if (row_code) {
            import->refused++;
            on_finding(&(struct roster_finding){csv->line, "", "csv", true,
                                                STR("引号没有成对，这一行没有读入")},
                       import);
        } else if (roster_row_read(heading, &row, csv->line, today, import->batch->arena, &values,
                                   on_finding, import)) {
            row_take(import, &values, csv->line);
        } else {
            import->refused++;
        }
        if (import->batch->count == ROSTER_BATCH || import->rows - import->flushed == FLUSH_ROWS)
            code = batch_put(import, false, err);
        if (import->rows % PROGRESS_ROWS == 0)
            (void)fprintf(stderr, "syctl: %llu rows read\n", (unsigned long long)import->rows);
    }
    if (code == ERR_OK)
        code = batch_put(import, true, err);
    return code ? code : roster_writer_wait(import->writer, &import->done, err);
}

/* GB18030, as spreadsheets in China save CSV, into UTF-8. False when it is not that either. */
static bool
to_utf8(struct buf *text)
{
    struct buf converted;
    if (utf8_valid(buf_str(text)))
        return true;
    iconv_t converter = iconv_open("UTF-8", "GB18030");
    if (converter == (iconv_t)-1)
        return false;
    size_t in_left = text->len;
    char *in = text->ptr;
    size_t size = text->len * 2 + 16;
    char *bytes = mem_alloc(size);
    char *out = bytes;
    size_t out_left = size;
    bool done = iconv(converter, &in, &in_left, &out, &out_left) != (size_t)-1;
    (void)iconv_close(converter);
    if (done) {
        buf_init(&converted, size + 1);
        buf_add(&converted, (struct str){bytes, size - out_left});
        buf_done(text);
        *text = converted;
    }
    free(bytes);
    return done;
}

static void
answer_print(const struct import *import)
{
    struct buf out;
    if (!import->ctl->json) {
        printf("%llu rows: %llu added, %llu changed, %llu unchanged, %llu refused%s\n%.*s",
               (unsigned long long)import->rows, (unsigned long long)import->done.added,
               (unsigned long long)import->done.changed, (unsigned long long)import->done.unchanged,
               (unsigned long long)import->refused,
               syctl_option(import->ctl, "dry-run") ? " (dry run: nothing was written)" : "",
               STR_ARG(buf_str(&import->findings)));
        return;
    }
    buf_init(&out, FINDINGS_TEXT_MAX + 4096);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    jsonw_member_int(&w, "rows", (int64_t)import->rows);
    jsonw_member_int(&w, "added", (int64_t)import->done.added);
    jsonw_member_int(&w, "changed", (int64_t)import->done.changed);
    jsonw_member_int(&w, "unchanged", (int64_t)import->done.unchanged);
    jsonw_member_int(&w, "refused", (int64_t)import->refused);
    jsonw_key(&w, "findings");
    jsonw_raw(&w, buf_str(&import->findings));
    jsonw_object_close(&w);
    syctl_print(&out);
    buf_done(&out);
}

static int
import_text(struct import *import, struct buf *text)
{
    struct err err = {0};
    struct csv_row row;
    enum err_code row_code;
    struct roster_heading heading;
    char file[INDEX_HEX_SIZE]; /* before it is read: reading changes the text */
    keyring_index(import->keyring, "roster-file", buf_str(text), file);
    struct csv csv = csv_on(text->ptr, text->len);
    bool read = csv_next(&csv, &row, &row_code) && row_code == ERR_OK &&
                roster_heading_read(&row, &heading, on_finding, import);
    enum err_code code = ERR_OK;
    if (read) {
        code = roster_writer_open(import->ctl->office_dsn, file,
                                  syctl_option(import->ctl, "dry-run") != NULL, &import->writer,
                                  &import->before, &err);
        if (code == ERR_OK) {
            import->batch = roster_writer_batch(import->writer);
            import->committed = import->before.rows;
            if (import->before.rows)
                (void)fprintf(stderr, "syctl: %llu rows are there from before the break\n",
                              (unsigned long long)import->before.rows);
            code = rows_import(import, &csv, &heading, &err);
        }
    }
    if (import->ctl->json)
        jsonw_array_close(&import->json);
    if (code)
        return syctl_fail(import->ctl,
                          import->committed
                              ? "roster import: broken off; the same file again goes on from there"
                              : "roster import: nothing was written",
                          &err);
    answer_print(import);
    return read ? 0 : 1;
}

static int
import_with_keys(struct import *import, struct buf *text)
{
    import->sealer = sealer_new(import->keyring);
    import->seen = mem_zalloc(SEEN_SLOTS * sizeof *import->seen);
    import->numbers = mem_zalloc(SEEN_SLOTS * sizeof *import->numbers);
    buf_init(&import->content, 64 * 1024);
    buf_init(&import->findings, FINDINGS_TEXT_MAX);
    import->json = jsonw_on(&import->findings);
    if (import->ctl->json)
        jsonw_array_open(&import->json);
    int status = import_text(import, text);
    buf_done(&import->findings);
    buf_done(&import->content);
    free(import->seen);
    free(import->numbers);
    roster_writer_close(import->writer);
    sealer_free(import->sealer);
    return status;
}

int
roster_import_run(struct syctl *ctl)
{
    struct import import = {.ctl = ctl};
    struct err err = {0};
    struct buf text;
    if (!syctl_locate(ctl, SYCTL_OFFICE | SYCTL_KEYS) ||
        !syctl_number(ctl, "piece", ROSTER_PIECE, 1000000, &import.piece))
        return 2;
    if (!syctl_read_file(ctl, ctl->args[0], ROSTER_FILE_MAX, &text))
        return 1;
    if (!to_utf8(&text)) {
        buf_done(&text);
        return syctl_problem(ctl, ERR_MALFORMED, "save it as CSV UTF-8",
                             "'%s' is neither UTF-8 nor GB18030", ctl->args[0]);
    }
    int status = keyring_load(ctl->keys_file, &import.keyring, &err)
                     ? syctl_fail(ctl, "roster import", &err)
                     : import_with_keys(&import, &text);
    keyring_free(import.keyring);
    buf_done(&text);
    return status;
}
