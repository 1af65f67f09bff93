/*
 * PostgreSQL through libpq: one connection, prepared statements by name (one named SQL file each),
 * parameters only, binary arrays for unnest. Reconnects by itself outside a transaction, also when
 * the connection's buffers have long been larger than what is sent. Server
 * texts never leave this module except in the operator's log. Not thread-safe: one per thread.
 */
#pragma once

#include "base/buf.h"

struct pg;
struct pg_result;

struct pg_statement {
    const char *name; /* unique in the process */
    const char *sql;
};

/*
 * How the server may find rows. PG_BY_KEY: by index only, for who asks for some rows by their keys.
 * A plan is made once for a prepared statement, and may be made when tables are empty: then the
 * planner takes the whole table, and goes on doing so while it fills, until somebody analyses it.
 */
enum pg_plan { PG_ANY_WAY, PG_BY_KEY };

struct pg_conf {
    const char *dsn;              /* libpq connection string, without a password in it */
    const char *application_name; /* shown in pg_stat_activity */
    unsigned statement_timeout_ms;
    enum pg_plan plan;
};

/* One setting of a connection string; false when it has none (or cannot be read). */
bool pg_dsn_setting(const char *dsn, const char *name, char *out, size_t size);

/* No connection is made yet. `conf` strings outlive it. */
struct pg *pg_new(const struct pg_conf *conf);
void pg_free(struct pg *pg);
void pg_free_ptr(struct pg **pg);
/* Connects when there is no live connection; at most one attempt per 200 ms. */
enum err_code pg_ready(struct pg *pg, struct err *err) MUST_CHECK;
/* True while connected as far as is known (no round trip). */
bool pg_connected(const struct pg *pg);

/* Element types of arrays that go over in PostgreSQL's binary form. */
enum pg_type { PG_TYPE_TEXT, PG_TYPE_UUID, PG_TYPE_INT4, PG_TYPE_INT8, PG_TYPE_TIME };

enum pg_kind { PG_TEXT, PG_ARRAY_OF, PG_NULL };
struct pg_param {
    enum pg_kind kind;
    struct str value; /* text, or an array built by pg_array_* */
    enum pg_type element;
};
#define PG_STR(s) ((struct pg_param){PG_TEXT, (s), PG_TYPE_TEXT})
#define PG_ARRAY(array) ((struct pg_param){PG_ARRAY_OF, buf_str(&(array)->bytes), (array)->element})
/* NULL for an empty string. */
struct pg_param pg_str_or_null(struct str text);

/* An array in PostgreSQL's binary form (pg_array.c). */
struct pg_array {
    enum pg_type element;
    struct buf bytes;
    uint32_t count;
};
uint32_t pg_array_oid(enum pg_type element);                  /* of the array type */
void pg_array_init(struct pg_array *array, size_t bytes_max); /* text[] */
void pg_array_init_of(struct pg_array *array, enum pg_type element, size_t bytes_max);
void pg_array_done(struct pg_array *array);
void pg_array_reset(struct pg_array *array); /* empties; see buf_reset */
void pg_array_add_null(struct pg_array *array);
/* Of text[] and uuid[]. STR_NONE becomes NULL; a uuid[] takes well-formed UUIDs only. */
void pg_array_add(struct pg_array *array, struct str element);
/* Of int4[] (in its range) and int8[]; of timestamptz[], milliseconds since 1970. */
void pg_array_add_int(struct pg_array *array, int64_t element);
/* Writes the count into the header; call once after the last element. */
void pg_array_finish(struct pg_array *array);

/*
 * Runs one statement. ret_result may be NULL when no rows are wanted. Error classes by SQLSTATE:
 * 23505 ERR_DUPLICATE; 08, 57, 53 and a lost connection ERR_UNAVAILABLE; 40001, 40P01, 55P03
 * ERR_CONFLICT; 57014 ERR_TIMEOUT; 22 and 23 ERR_INVALID; 42 ERR_CONFIG; others ERR_INTERNAL.
 * After an error inside a transaction the caller must pg_rollback().
 */
enum err_code pg_exec(struct pg *pg, const struct pg_statement *statement,
                      const struct pg_param *params, size_t param_count,
                      struct pg_result **ret_result, struct err *err) MUST_CHECK;
enum err_code pg_begin(struct pg *pg, struct err *err) MUST_CHECK;
/* Repeatable read: facts and writes of one transaction see one snapshot. */
enum err_code pg_begin_snapshot(struct pg *pg, struct err *err) MUST_CHECK;
/* ERR_UNAVAILABLE here means in doubt: it may have been committed. */
enum err_code pg_commit(struct pg *pg, struct err *err) MUST_CHECK;
void pg_rollback(struct pg *pg);
/* One or more statements without parameters or result, for sessions' own use (LISTEN, SET). */
enum err_code pg_script(struct pg *pg, const char *sql, struct err *err) MUST_CHECK;

void pg_result_free(struct pg_result *result);
void pg_result_free_ptr(struct pg_result **result);
size_t pg_rows(const struct pg_result *result);
bool pg_is_null(const struct pg_result *result, size_t row, int column);
/* Borrowed from the result; STR_NONE for NULL. */
struct str pg_str(const struct pg_result *result, size_t row, int column);
int64_t pg_int(const struct pg_result *result, size_t row, int column, int64_t if_null);
bool pg_bool(const struct pg_result *result, size_t row, int column);
/* Rows touched by INSERT, UPDATE or DELETE. */
uint64_t pg_affected(const struct pg_result *result);
