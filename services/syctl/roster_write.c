#include "services/syctl/roster_write.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "syctl_sql.h"

enum {
    BATCHES = 2,
    ARRAY_MAX = 4 * 1024 * 1024,
    ARENA_MAX = 256 * 1024 * 1024,
    STATEMENT_TIMEOUT_MS = 60000,
};

struct roster_writer {
    struct pg *pg; /* the thread's, while it has a batch */
    bool dry_run;
    struct str import_id;
    char import_id_text[24];
    struct roster_batch batches[BATCHES];
    size_t filling;
    struct roster_counts done;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct roster_batch *job; /* NULL: the thread rests */
    bool stop;
    enum err_code code; /* of the first batch that failed; nothing is written after it */
    struct err err;
};

/* One import writes at a time; readers and services go on. */
static enum err_code
piece_begin(struct roster_writer *writer, struct err *err)
{
    enum err_code code = pg_begin(writer->pg, err);
    return code ? code
                : pg_script(writer->pg, "LOCK TABLE roster.student IN SHARE ROW EXCLUSIVE MODE",
                            err);
}

static struct pg_param
number_param(char text[24], uint64_t number)
{
    (void)snprintf(text, 24, "%llu", (unsigned long long)number);
    return PG_STR(str_of(text));
}

static enum err_code
piece_end(struct roster_writer *writer, bool finishes, struct err *err)
{
    char text[4][24];
    const struct pg_param params[] = {
        PG_STR(writer->import_id),
        number_param(text[0], writer->done.rows),
        number_param(text[1], writer->done.added),
        number_param(text[2], writer->done.changed),
        number_param(text[3], writer->done.unchanged),
        PG_STR(finishes ? STR("true") : STR("false")),
    };
    enum err_code code =
        pg_exec(writer->pg, &SQL_IMPORT_PIECE, params, sizeof params / sizeof params[0], NULL, err);
    if (code == ERR_OK)
        code = pg_commit(writer->pg, err);
    return code || finishes ? code : piece_begin(writer, err);
}

static enum err_code
rows_write(struct roster_writer *writer, struct roster_batch *batch, struct err *err)
{
    struct pg_param params[ROSTER_PARAMS];
    struct pg_result *result = NULL;
    if (batch->count == 0)
        return ERR_OK;
    for (size_t i = 0; i < ROSTER_PARAMS; i++) {
        pg_array_finish(&batch->columns[i]);
        params[i] = PG_ARRAY(&batch->columns[i]);
    }
    enum err_code code = pg_exec(writer->pg, &SQL_ROSTER_PUT, params, ROSTER_PARAMS, &result, err);
    if (code)
        return code;
    uint64_t added = (uint64_t)pg_int(result, 0, 0, 0);
    uint64_t changed = (uint64_t)pg_int(result, 0, 1, 0);
    pg_result_free(result);
    writer->done.added += added;
    writer->done.changed += changed;
    writer->done.unchanged += batch->count - added - changed;
    return ERR_OK;
}

static enum err_code
batch_write(struct roster_writer *writer, struct roster_batch *batch, struct err *err)
{
    enum err_code code = rows_write(writer, batch, err);
    writer->done.rows = batch->rows;
    if (code == ERR_OK && (batch->commits || batch->finishes) && !writer->dry_run)
        code = piece_end(writer, batch->finishes, err);
    if (code)
        pg_rollback(writer->pg);
    return code;
}

static void *
writer_thread(void *arg)
{
    struct roster_writer *writer = arg;
    (void)pthread_mutex_lock(&writer->lock);
    for (;;) {
        while (writer->job == NULL && !writer->stop)
            (void)pthread_cond_wait(&writer->changed, &writer->lock);
        if (writer->job == NULL)
            break;
        struct roster_batch *job = writer->job;
        (void)pthread_mutex_unlock(&writer->lock);
        enum err_code code = writer->code ? writer->code : batch_write(writer, job, &writer->err);
        (void)pthread_mutex_lock(&writer->lock);
        writer->code = code;
        writer->job = NULL;
        (void)pthread_cond_broadcast(&writer->changed);
    }
    (void)pthread_mutex_unlock(&writer->lock);
    return NULL;
}

static enum err_code
import_open(struct roster_writer *writer, const char *file_index, struct err *err)
{
    struct pg_result *result = NULL;
    const struct pg_param param = PG_STR(str_of(file_index));
    enum err_code code = pg_exec(writer->pg, &SQL_IMPORT_OPEN, &param, 1, &result, err);
    if (code)
        return code;
    if (pg_rows(result) == 1) {
        writer->import_id = str_of(writer->import_id_text);
        (void)snprintf(writer->import_id_text, sizeof writer->import_id_text, "%.*s",
                       STR_ARG(pg_str(result, 0, 0)));
        writer->import_id = str_of(writer->import_id_text);
        writer->done = (struct roster_counts){
            .rows = (uint64_t)pg_int(result, 0, 1, 0),
            .added = (uint64_t)pg_int(result, 0, 2, 0),
            .changed = (uint64_t)pg_int(result, 0, 3, 0),
            .unchanged = (uint64_t)pg_int(result, 0, 4, 0),
        };
    } else {
        code = ERR(err, ERR_BUSY, "another process is importing this file; HINT: wait for it");
    }
    pg_result_free(result);
    return code;
}

enum err_code
roster_writer_open(const char *dsn, const char *file_index, bool dry_run,
                   struct roster_writer **ret_writer, struct roster_counts *ret_done,
                   struct err *err)
{
    struct roster_writer *writer = mem_zalloc(sizeof *writer);
    writer->dry_run = dry_run;
    writer->pg = pg_new(&(struct pg_conf){dsn, "syctl", STATEMENT_TIMEOUT_MS, PG_BY_KEY});
    (void)pthread_mutex_init(&writer->lock, NULL);
    (void)pthread_cond_init(&writer->changed, NULL);
    for (size_t b = 0; b < BATCHES; b++) {
        writer->batches[b].arena = arena_new(ARENA_MAX);
        for (size_t i = 0; i < ROSTER_PARAMS; i++)
            pg_array_init(&writer->batches[b].columns[i], ARRAY_MAX);
    }
    enum err_code code = pg_ready(writer->pg, err);
    if (code == ERR_OK)
        code = piece_begin(writer, err);
    if (code == ERR_OK && !dry_run)
        code = import_open(writer, file_index, err);
    if (code) {
        roster_writer_close(writer);
        return code;
    }
    if (pthread_create(&writer->thread, NULL, writer_thread, writer) != 0)
        abort();
    writer->started = true;
    *ret_done = writer->done;
    *ret_writer = writer;
    return ERR_OK;
}

struct roster_batch *
roster_writer_batch(struct roster_writer *writer)
{
    return &writer->batches[writer->filling];
}

/* With the lock. */
static enum err_code
rest_await(struct roster_writer *writer, struct err *err)
{
    while (writer->job)
        (void)pthread_cond_wait(&writer->changed, &writer->lock);
    if (writer->code)
        *err = writer->err;
    return writer->code;
}

enum err_code
roster_writer_put(struct roster_writer *writer, struct err *err)
{
    (void)pthread_mutex_lock(&writer->lock);
    enum err_code code = rest_await(writer, err);
    writer->job = &writer->batches[writer->filling];
    (void)pthread_cond_broadcast(&writer->changed);
    (void)pthread_mutex_unlock(&writer->lock);
    writer->filling = (writer->filling + 1) % BATCHES;
    struct roster_batch *next = roster_writer_batch(writer);
    for (size_t i = 0; i < ROSTER_PARAMS; i++)
        pg_array_reset(&next->columns[i]);
    arena_reset(next->arena);
    next->count = 0;
    next->commits = next->finishes = false;
    return code;
}

enum err_code
roster_writer_wait(struct roster_writer *writer, struct roster_counts *ret_done, struct err *err)
{
    (void)pthread_mutex_lock(&writer->lock);
    enum err_code code = rest_await(writer, err);
    *ret_done = writer->done;
    (void)pthread_mutex_unlock(&writer->lock);
    return code;
}

void
roster_writer_close(struct roster_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->started) {
        (void)pthread_mutex_lock(&writer->lock);
        writer->stop = true;
        (void)pthread_cond_broadcast(&writer->changed);
        (void)pthread_mutex_unlock(&writer->lock);
        (void)pthread_join(writer->thread, NULL);
    }
    for (size_t b = 0; b < BATCHES; b++) {
        arena_free(writer->batches[b].arena);
        for (size_t i = 0; i < ROSTER_PARAMS; i++)
            pg_array_done(&writer->batches[b].columns[i]);
    }
    pg_free(writer->pg); /* ends an open transaction, and the lock on the file */
    (void)pthread_cond_destroy(&writer->changed);
    (void)pthread_mutex_destroy(&writer->lock);
    free(writer);
}
