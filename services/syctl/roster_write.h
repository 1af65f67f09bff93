/*
 * The writing half of roster import, on a thread of its own: while PostgreSQL takes one batch the
 * caller reads and seals the next. Pieces are committed one by one together with how far the import
 * has come; who imports the same file after a break goes on behind the last piece. One caller.
 */
#pragma once

#include "io/pg.h"
#include "services/syctl/roster_file.h"

enum { ROSTER_PARAMS = ROSTER_COLUMNS + 3 }; /* document index, masked number, content index */
enum {
    ROSTER_BATCH = 1000,
    ROSTER_PIECE = 20000
}; /* rows of a statement; of a transaction, at least */

struct roster_counts {
    uint64_t rows; /* of the file that are done, refused ones among them */
    uint64_t added, changed, unchanged;
};

/* What one statement writes. Texts of `columns` are copied in; the arena is for what leads there.
 */
struct roster_batch {
    struct pg_array columns[ROSTER_PARAMS];
    struct arena *arena;
    size_t count;
    uint64_t rows; /* of the file that are done with it */
    bool commits;  /* ends a piece */
    bool finishes; /* ends the import */
};

struct roster_writer;

/*
 * Connects and begins. `file_index`: keyed hash of the file. *ret_done: what is in PostgreSQL
 * already; rows.. up to that need not be written. With `dry_run` nothing is resumed and nothing is
 * ever committed. ERR_BUSY: another process imports this file.
 */
enum err_code roster_writer_open(const char *dsn, const char *file_index, bool dry_run,
                                 struct roster_writer **ret_writer, struct roster_counts *ret_done,
                                 struct err *err) MUST_CHECK;
/* The batch to be filled now: empty. */
struct roster_batch *roster_writer_batch(struct roster_writer *writer);
/* Hands the filled batch over and gives the next one; waits for the batch before. Its failure is
 * told here, and everything since the last commit is undone. */
enum err_code roster_writer_put(struct roster_writer *writer, struct err *err) MUST_CHECK;
/* Waits for what was handed over. */
enum err_code roster_writer_wait(struct roster_writer *writer, struct roster_counts *ret_done,
                                 struct err *err) MUST_CHECK;
/* Rolls back what is not committed. NULL is fine. */
void roster_writer_close(struct roster_writer *writer);
