#include "io/pg.h"

#include <assert.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
    PG_PREPARED_MAX = 64,
    PG_PARAMS_MAX = 64,
    PG_RECONNECT_MS = 200,
    PG_ANSWER_MARGIN_MS = 1500, /* beyond the statement time-out, which the server keeps */
    PG_IDLE_READS_MAX = 4,
    PG_LARGE_BYTES = 128 * 1024, /* a statement */
    PG_OUTGROWN = 4,             /* times what is needed now */
};

struct pg {
    struct pg_conf conf;
    PGconn *conn;
    size_t prepared_count;
    const struct pg_statement *prepared[PG_PREPARED_MAX];
    uint64_t tried_ns;
    bool in_transaction;
    struct demand demand; /* bytes a statement */
    size_t needed;        /* by the last hundreds of statements */
    size_t sent_max;      /* by the largest of this connection */
};

/* A result is libpq's own, opaque outside. */
static const PGresult *
raw(const struct pg_result *result)
{
    return (const PGresult *)(const void *)result;
}

struct pg *
pg_new(const struct pg_conf *conf)
{
    struct pg *pg = mem_zalloc(sizeof *pg);
    pg->conf = *conf;
    return pg;
}

static void
pg_disconnect(struct pg *pg)
{
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg->sent_max = 0;
    pg->prepared_count = 0; /* in_transaction stays: what comes next must not run on its own */
}

void
pg_free(struct pg *pg)
{
    if (pg == NULL)
        return;
    pg_disconnect(pg);
    free(pg);
}

void
pg_free_ptr(struct pg **pg)
{
    pg_free(*pg);
}

bool
pg_connected(const struct pg *pg)
{
    return pg->conn != NULL && PQstatus(pg->conn) == CONNECTION_OK;
}

bool
pg_dsn_setting(const char *dsn, const char *name, char *out, size_t size)
{
    bool found = false;
    PQconninfoOption *settings = PQconninfoParse(dsn, NULL);
    for (const PQconninfoOption *s = settings; s && s->keyword; s++)
        if (strcmp(s->keyword, name) == 0 && s->val && *s->val) {
            (void)snprintf(out, size, "%s", s->val);
            found = true;
        }
    PQconninfoFree(settings);
    return found;
}

/* libpq's texts end in a newline and may have several lines: one line is kept. */
static enum err_code
pg_fail(struct err *err, enum err_code code, const char *what, const char *text)
{
    return ERR(err, code, "%s: %.*s", what, (int)strcspn(text, "\n"), text);
}

static void
pg_notice_ignore(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

/* Milliseconds for poll(): 0 when they are over, -1 without a deadline. */
static int
pg_wait_ms(uint64_t deadline_ns)
{
    uint64_t now_ns = clock_mono_ns();
    if (deadline_ns == 0)
        return -1;
    return now_ns >= deadline_ns ? 0 : (int)((deadline_ns - now_ns + 999999) / 1000000);
}

/* Sends what waits to be sent and reads until a result is there. False when the connection fails,
 * or when its time is over: a server that was stopped, or a link that swallows everything, keeps
 * the connection but not the statement time-out, and would hold this thread for ever. */
static bool
pg_await(struct pg *pg, uint64_t deadline_ns)
{
    for (;;) {
        int unsent = PQflush(pg->conn);
        if (unsent < 0)
            return false;
        if (unsent == 0 && !PQisBusy(pg->conn))
            return true;
        short wanted = (short)(POLLIN | (unsent ? POLLOUT : 0));
        struct pollfd socket = {.fd = PQsocket(pg->conn), .events = wanted};
        int ready = poll(&socket, 1, pg_wait_ms(deadline_ns));
        if (ready == 0)
            return false;
        if (ready > 0 && (socket.revents & ~POLLOUT) && !PQconsumeInput(pg->conn))
            return false;
    }
}

/* The last result of what was sent, as PQexec gives it; NULL when there is none, and then the
 * connection is of no use any more. `sent` is what PQsend…() returned. */
static PGresult *
pg_collect(struct pg *pg, int sent)
{
    uint64_t limit_ms = pg->conf.statement_timeout_ms;
    uint64_t deadline_ns =
        limit_ms ? clock_mono_ns() + (limit_ms + PG_ANSWER_MARGIN_MS) * 1000000 : 0;
    PGresult *last = NULL;
    while (sent && pg_await(pg, deadline_ns)) {
        PGresult *next = PQgetResult(pg->conn);
        if (next == NULL)
            return last;
        PQclear(last);
        last = next;
    }
    PQclear(last);
    return NULL;
}

static enum err_code
pg_connect(struct pg *pg, struct err *err)
{
    static const char *const plans[] = {
        [PG_ANY_WAY] = "",
        [PG_BY_KEY] = " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
                      " -c jit=off",
    };
    char options[160];
    (void)snprintf(options, sizeof options, "-c statement_timeout=%u%s",
                   pg->conf.statement_timeout_ms, plans[pg->conf.plan]);
    const char *const keys[] = {"dbname",          "application_name", "connect_timeout",
                                "client_encoding", "options",          "gssencmode",
                                "keepalives_idle", "tcp_user_timeout", NULL};
    const char *const values[] = {
        pg->conf.dsn, pg->conf.application_name, "3", "UTF8", options, "disable", "10", "5000",
        NULL};
    pg->conn = PQconnectdbParams(keys, values, 1);
    if (PQstatus(pg->conn) != CONNECTION_OK) {
        enum err_code code =
            pg_fail(err, ERR_UNAVAILABLE, "cannot connect to PostgreSQL", PQerrorMessage(pg->conn));
        pg_disconnect(pg);
        return code;
    }
    (void)PQsetnonblocking(pg->conn, 1);
    (void)PQsetNoticeReceiver(pg->conn, pg_notice_ignore, NULL);
    return ERR_OK;
}

/* An idle connection that the server has ended shows it before it is used: no request needs to fail
 * for that. */
static void
pg_notice_end(struct pg *pg)
{
    if (!pg_connected(pg) || PQtransactionStatus(pg->conn) != PQTRANS_IDLE)
        return;
    struct pollfd idle = {.fd = PQsocket(pg->conn), .events = POLLIN};
    /* First what the server said, then the end. */
    for (int reads = 0; reads < PG_IDLE_READS_MAX && poll(&idle, 1, 0) > 0; reads++) {
        if (PQconsumeInput(pg->conn))
            continue;
        pg_disconnect(pg);
        return;
    }
}

static void
pg_note_sent(struct pg *pg, size_t bytes)
{
    pg->needed = demand_note(&pg->demand, bytes);
    if (bytes > pg->sent_max)
        pg->sent_max = bytes;
}

/* libpq keeps room for the largest statement of a connection for as long as that lives: once such
 * statements have not come for a while, another connection takes its place. */
static void
pg_shed(struct pg *pg)
{
    if (pg->sent_max >= PG_LARGE_BYTES && pg->needed <= pg->sent_max / PG_OUTGROWN &&
        pg_connected(pg) && PQtransactionStatus(pg->conn) == PQTRANS_IDLE)
        pg_disconnect(pg);
}

enum err_code
pg_ready(struct pg *pg, struct err *err)
{
    pg_notice_end(pg);
    pg_shed(pg);
    if (pg_connected(pg))
        return ERR_OK;
    if (pg->conn)
        pg_disconnect(pg);
    uint64_t now_ns = clock_mono_ns();
    if (pg->tried_ns && now_ns - pg->tried_ns < (uint64_t)PG_RECONNECT_MS * 1000000)
        return ERR(err, ERR_UNAVAILABLE, "PostgreSQL was away %d ms ago", PG_RECONNECT_MS);
    enum err_code code = pg_connect(pg, err);
    pg->tried_ns = code ? clock_mono_ns() : 0;
    return code;
}

struct sqlstate_row {
    const char *prefix;
    enum err_code code;
};
/* Longest prefixes first. PostgreSQL's appendix A. */
static const struct sqlstate_row sqlstates[] = {
    {"23505", ERR_DUPLICATE},   {"40001", ERR_CONFLICT}, {"40P01", ERR_CONFLICT},
    {"55P03", ERR_CONFLICT},    {"57014", ERR_TIMEOUT},  {"08", ERR_UNAVAILABLE},
    {"57", ERR_UNAVAILABLE},    {"53", ERR_UNAVAILABLE}, {"58", ERR_UNAVAILABLE},
    {"22", ERR_INVALID},        {"23", ERR_INVALID},     {"42", ERR_CONFIG},
    {"25006", ERR_UNAVAILABLE},
};

static enum err_code
pg_result_error(struct pg *pg, const char *what, PGresult *result, struct err *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    enum err_code code = ERR_INTERNAL;
    if (state == NULL)
        code = ERR_UNAVAILABLE; /* no server said anything: the connection is gone */
    for (size_t i = 0; state && i < sizeof sqlstates / sizeof sqlstates[0]; i++) {
        if (str_starts(str_of(state), str_of(sqlstates[i].prefix))) {
            code = sqlstates[i].code;
            break;
        }
    }
    const char *text =
        state ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : PQerrorMessage(pg->conn);
    if (text == NULL || *text == '\0')
        text = "no answer in time";
    (void)ERR(err, code, "%s: %s%s%.*s", what, state ? state : "", state ? " " : "",
              (int)strcspn(text, "\n"), text);
    if (result == NULL || PQstatus(pg->conn) != CONNECTION_OK)
        pg_disconnect(pg); /* an answer that is still to come belongs to nobody */
    PQclear(result);
    return code;
}

static enum err_code
pg_prepare(struct pg *pg, const struct pg_statement *statement, const struct pg_param *params,
           size_t param_count, struct err *err)
{
    Oid types[PG_PARAMS_MAX];
    for (size_t i = 0; i < pg->prepared_count; i++)
        if (pg->prepared[i] == statement)
            return ERR_OK;
    assert(pg->prepared_count < PG_PREPARED_MAX);
    for (size_t i = 0; i < param_count; i++)
        types[i] = params[i].kind == PG_ARRAY_OF ? pg_array_oid(params[i].element) : 0;
    PGresult *result = pg_collect(
        pg, PQsendPrepare(pg->conn, statement->name, statement->sql, (int)param_count, types));
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        return pg_result_error(pg, statement->name, result, err);
    PQclear(result);
    pg->prepared[pg->prepared_count++] = statement;
    return ERR_OK;
}

struct pg_param
pg_str_or_null(struct str text)
{
    return text.len ? PG_STR(text) : (struct pg_param){.kind = PG_NULL};
}

/* libpq wants a final NUL on text parameters: those without one are sent from a copy. */
static PGresult *
pg_send(struct pg *pg, const struct pg_statement *statement, const struct pg_param *params,
        size_t param_count)
{
    const char *values[PG_PARAMS_MAX] = {NULL};
    int lengths[PG_PARAMS_MAX] = {0};
    int formats[PG_PARAMS_MAX] = {0};
    char *copies[PG_PARAMS_MAX] = {NULL};
    size_t bytes = 0;
    for (size_t i = 0; i < param_count; i++) {
        bytes += params[i].value.len;
        copies[i] = params[i].kind == PG_TEXT ? mem_strndup(params[i].value) : NULL;
        values[i] = params[i].kind == PG_ARRAY_OF ? params[i].value.ptr : copies[i];
        lengths[i] = (int)params[i].value.len;
        formats[i] = params[i].kind == PG_ARRAY_OF;
    }
    pg_note_sent(pg, bytes);
    PGresult *result =
        pg_collect(pg, PQsendQueryPrepared(pg->conn, statement->name, (int)param_count, values,
                                           lengths, formats, 0));
    for (size_t i = 0; i < param_count; i++)
        free(copies[i]);
    return result;
}

enum err_code
pg_exec(struct pg *pg, const struct pg_statement *statement, const struct pg_param *params,
        size_t param_count, struct pg_result **ret_result, struct err *err)
{
    assert(param_count <= PG_PARAMS_MAX);
    if (pg->in_transaction && !pg_connected(pg))
        return ERR(err, ERR_UNAVAILABLE, "connection to PostgreSQL lost in a transaction");
    enum err_code code = pg_ready(pg, err);
    if (code == ERR_OK)
        code = pg_prepare(pg, statement, params, param_count, err);
    if (code)
        return code;
    PGresult *result = pg_send(pg, statement, params, param_count);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        return pg_result_error(pg, statement->name, result, err);
    if (ret_result)
        *ret_result = (struct pg_result *)(void *)result;
    else
        PQclear(result);
    return ERR_OK;
}

enum err_code
pg_script(struct pg *pg, const char *sql, struct err *err)
{
    enum err_code code = pg_ready(pg, err);
    if (code)
        return code;
    pg_note_sent(pg, strlen(sql));
    PGresult *result = pg_collect(pg, PQsendQuery(pg->conn, sql));
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        return pg_result_error(pg, "script", result, err);
    PQclear(result);
    return ERR_OK;
}

enum err_code
pg_begin(struct pg *pg, struct err *err)
{
    enum err_code code = pg_script(pg, "BEGIN", err);
    pg->in_transaction = code == ERR_OK;
    return code;
}

enum err_code
pg_begin_snapshot(struct pg *pg, struct err *err)
{
    enum err_code code = pg_script(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ", err);
    pg->in_transaction = code == ERR_OK;
    return code;
}

enum err_code
pg_commit(struct pg *pg, struct err *err)
{
    bool whole = pg->in_transaction && pg_connected(pg);
    pg->in_transaction = false;
    if (!whole)
        return ERR(err, ERR_UNAVAILABLE, "connection to PostgreSQL lost in a transaction");
    PGresult *result = pg_collect(pg, PQsendQuery(pg->conn, "COMMIT"));
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        return pg_result_error(pg, "commit", result, err);
    /* COMMIT of a failed transaction answers ROLLBACK, which is no error to libpq. */
    bool committed = strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    return committed ? ERR_OK : ERR(err, ERR_CONFLICT, "commit was turned into a rollback");
}

void
pg_rollback(struct pg *pg)
{
    pg->in_transaction = false;
    if (!pg_connected(pg))
        return;
    PGresult *result = pg_collect(pg, PQsendQuery(pg->conn, "ROLLBACK"));
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        pg_disconnect(pg);
    PQclear(result);
}

void
pg_result_free(struct pg_result *result)
{
    PQclear((PGresult *)(void *)result);
}

void
pg_result_free_ptr(struct pg_result **result)
{
    pg_result_free(*result);
}

size_t
pg_rows(const struct pg_result *result)
{
    return (size_t)PQntuples(raw(result));
}

bool
pg_is_null(const struct pg_result *result, size_t row, int column)
{
    return PQgetisnull(raw(result), (int)row, column) == 1;
}

struct str
pg_str(const struct pg_result *result, size_t row, int column)
{
    if (pg_is_null(result, row, column))
        return STR_NONE;
    return (struct str){PQgetvalue(raw(result), (int)row, column),
                        (size_t)PQgetlength(raw(result), (int)row, column)};
}

int64_t
pg_int(const struct pg_result *result, size_t row, int column, int64_t if_null)
{
    if (pg_is_null(result, row, column))
        return if_null;
    return strtoll(PQgetvalue(raw(result), (int)row, column), NULL, 10);
}

bool
pg_bool(const struct pg_result *result, size_t row, int column)
{
    return str_eq_text(pg_str(result, row, column), "t");
}

uint64_t
pg_affected(const struct pg_result *result)
{
    uint64_t count = 0;
    const char *text = PQcmdTuples((PGresult *)(uintptr_t)raw(result));
    return str_to_u64(str_of(text), UINT64_MAX, &count) ? count : 0;
}
