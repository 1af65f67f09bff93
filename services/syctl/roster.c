/*
 * roster import: the file is read and judged as a whole, then written in one transaction, so that
 * the answer comes when every row counts and a failure leaves the roster as it was. Rows with
 * findings that refuse stay out; the others go in.
 */
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "io/pg.h"
#include "io/seal.h"
#include "schema/person.h"
#include "services/syctl/command.h"
#include "services/syctl/roster_file.h"
#include "syctl_sql.h"

enum {
    ROSTER_FILE_MAX = 256 * 1024 * 1024,
    ROSTER_BATCH = 500,
    ROSTER_ARRAY_MAX = 1024 * 1024,
    ROSTER_PARAMS = ROSTER_COLUMNS + 3,
    SEEN_SLOTS = 1 << 22, /* document numbers of a file: up to 2 million rows */
    FINDINGS_TEXT_MAX = 512 * 1024 * 1024,
    STATEMENT_TIMEOUT_MS = 60000,
    PROGRESS_ROWS = 10000,
};

struct import {
    struct syctl *ctl;
    struct keyring *keyring;
    struct sealer *sealer;
    struct pg *pg;
    struct arena *batch_arena;
    struct pg_array columns[ROSTER_PARAMS];
    size_t batched;
    uint64_t (*seen)[2]; /* document indexes, open addressing */
    uint64_t rows, added, changed, unchanged, refused;
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

static enum err_code
batch_write(struct import *import, struct err *err)
{
    struct pg_param params[ROSTER_PARAMS];
    struct pg_result *result = NULL;
    if (import->batched == 0)
        return ERR_OK;
    for (size_t i = 0; i < ROSTER_PARAMS; i++) {
        pg_array_finish(&import->columns[i]);
        params[i] = PG_ARRAY(&import->columns[i]);
    }
    enum err_code code = pg_exec(import->pg, &SQL_ROSTER_PUT, params, ROSTER_PARAMS, &result, err);
    if (code)
        return code;
    uint64_t added = (uint64_t)pg_int(result, 0, 0, 0);
    uint64_t changed = (uint64_t)pg_int(result, 0, 1, 0);
    pg_result_free(result);
    import->added += added;
    import->changed += changed;
    import->unchanged += import->batched - added - changed;
    import->batched = 0;
    for (size_t i = 0; i < ROSTER_PARAMS; i++)
        pg_array_reset(&import->columns[i]);
    arena_reset(import->batch_arena);
    return ERR_OK;
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
    return seal_text(import->sealer, value, arena_printf(import->batch_arena, "%s/%s", kind, index),
                     import->batch_arena);
}

/* A row that counts: into the arrays, sensitive values sealed. */
static enum err_code
row_add(struct import *import, const struct record_values *values, unsigned line, struct err *err)
{
    char document[INDEX_HEX_SIZE];
    char content[INDEX_HEX_SIZE];
    char masked[ID_NUMBER_SIZE];
    struct buf all;
    struct str zjlx = values->value[FIELD_ZJLX];
    struct str sfzh = values->value[FIELD_SFZH];
    keyring_index(import->keyring, "document",
                  arena_printf(import->batch_arena, "%.*s|%.*s", STR_ARG(zjlx), STR_ARG(sfzh)),
                  document);
    if (!first_seen(import, document)) {
        import->refused++;
        on_finding(&(struct roster_finding){line, "SFZH", "duplicate-row", true,
                                            STR("同一证件在文件中出现了两次，只取第一次")},
                   import);
        return ERR_OK;
    }
    buf_init(&all, 64 * 1024);
    for (size_t i = 0; i < ROSTER_COLUMNS; i++) {
        struct str value = values->value[roster_columns[i]];
        buf_add(&all, value);
        buf_add_char(&all, '\x1F');
        if (roster_columns[i] == FIELD_SFZH)
            value = seal_optional(import, value, "document", document);
        else if (roster_columns[i] == FIELD_KSH)
            value = seal_optional(import, value, "ksh", document);
        pg_array_add(&import->columns[i], null_if_empty(value));
    }
    keyring_index(import->keyring, "roster-content", buf_str(&all), content);
    buf_done(&all);
    number_mask(sfzh, masked);
    pg_array_add(&import->columns[ROSTER_COLUMNS], str_of(document));
    pg_array_add(&import->columns[ROSTER_COLUMNS + 1], str_of(masked));
    pg_array_add(&import->columns[ROSTER_COLUMNS + 2], str_of(content));
    return ++import->batched == ROSTER_BATCH ? batch_write(import, err) : ERR_OK;
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
            continue;
        }
        if (roster_row_read(heading, &row, csv->line, today, import->batch_arena, &values,
                            on_finding, import))
            code = row_add(import, &values, csv->line, err);
        else
            import->refused++;
        if (code || import->rows % PROGRESS_ROWS)
            continue;
        code = batch_write(import, err); /* also when many rows were refused: memory is bounded */
        arena_reset(import->batch_arena);
        (void)fprintf(stderr, "syctl: %llu rows read\n", (unsigned long long)import->rows);
    }
    return code ? code : batch_write(import, err);
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
               (unsigned long long)import->rows, (unsigned long long)import->added,
               (unsigned long long)import->changed, (unsigned long long)import->unchanged,
               (unsigned long long)import->refused,
               syctl_option(import->ctl, "dry-run") ? " (dry run: nothing was written)" : "",
               STR_ARG(buf_str(&import->findings)));
        return;
    }
    buf_init(&out, FINDINGS_TEXT_MAX + 4096);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    jsonw_member_int(&w, "rows", (int64_t)import->rows);
    jsonw_member_int(&w, "added", (int64_t)import->added);
    jsonw_member_int(&w, "changed", (int64_t)import->changed);
    jsonw_member_int(&w, "unchanged", (int64_t)import->unchanged);
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
    struct csv csv = csv_on(text->ptr, text->len);
    bool read = csv_next(&csv, &row, &row_code) && row_code == ERR_OK &&
                roster_heading_read(&row, &heading, on_finding, import);
    enum err_code code = ERR_OK;
    if (read) {
        code = pg_ready(import->pg, &err);
        if (code == ERR_OK)
            code = pg_begin(import->pg, &err);
        if (code == ERR_OK) /* one import at a time; readers and services go on */
            code = pg_script(import->pg, "LOCK TABLE roster.student IN SHARE ROW EXCLUSIVE MODE",
                             &err);
        if (code == ERR_OK)
            code = rows_import(import, &csv, &heading, &err);
        if (code == ERR_OK && syctl_option(import->ctl, "dry-run") == NULL)
            code = pg_commit(import->pg, &err);
        else
            pg_rollback(import->pg);
    }
    if (import->ctl->json)
        jsonw_array_close(&import->json);
    if (code)
        return syctl_fail(import->ctl, "roster import: nothing was written", &err);
    answer_print(import);
    return read ? 0 : 1;
}

static int
import_with_keys(struct import *import, struct buf *text)
{
    import->sealer = sealer_new(import->keyring);
    import->pg = pg_new(
        &(struct pg_conf){import->ctl->office_dsn, "syctl", STATEMENT_TIMEOUT_MS, PG_BY_KEY});
    import->batch_arena = arena_new((size_t)256 * 1024 * 1024);
    import->seen = mem_zalloc(SEEN_SLOTS * sizeof *import->seen);
    for (size_t i = 0; i < ROSTER_PARAMS; i++)
        pg_array_init(&import->columns[i], ROSTER_ARRAY_MAX);
    buf_init(&import->findings, FINDINGS_TEXT_MAX);
    import->json = jsonw_on(&import->findings);
    if (import->ctl->json)
        jsonw_array_open(&import->json);
    int status = import_text(import, text);
    buf_done(&import->findings);
    for (size_t i = 0; i < ROSTER_PARAMS; i++)
        pg_array_done(&import->columns[i]);
    free(import->seen);
    arena_free(import->batch_arena);
    pg_free(import->pg);
    sealer_free(import->sealer);
    return status;
}

int
roster_import_run(struct syctl *ctl)
{
    struct import import = {.ctl = ctl};
    struct err err = {0};
    struct buf text;
    if (!syctl_locate(ctl, SYCTL_OFFICE | SYCTL_KEYS))
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
