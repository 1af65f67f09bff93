/*
 * Errors: one table of codes, each with the class that tells a caller what to do. An error's text
 * is written into the caller's `struct err`; nothing is allocated on a failure path. Library code
 * never logs: it returns, and whoever ends the story logs once.
 *
 * Conventions: 0 (ERR_OK) is success; `ret_` parameters are untouched on failure and `err` is
 * untouched on success. Thread-safe: no shared state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
/* Scratch of many KiB that is written before it is read: not zeroed at every call. */
#define UNINITIALIZED __attribute__((uninitialized))
#define PRINTF_LIKE(fmt_index, arg_index) __attribute__((format(printf, fmt_index, arg_index)))

enum err_class {
    ERR_CLASS_NONE,   /* not an error */
    ERR_CLASS_RETRY,  /* the same bytes will work later: back off, try again, commit nothing */
    ERR_CLASS_REJECT, /* the same bytes never work: refuse, or park with the reason */
    ERR_CLASS_FATAL,  /* this process is unfit: stop; the supervisor starts a new one */
};

/* clang-format off */
/*        code                 class   exit  meaning */
#define ERR_TABLE(X) \
    X(ERR_OK,                  NONE,   0,  "success") \
    X(ERR_UNAVAILABLE,         RETRY,  75, "a part (Kafka, Redis, PostgreSQL, platform) cannot be reached now") \
    X(ERR_TIMEOUT,             RETRY,  75, "a part did not answer before the deadline") \
    X(ERR_BUSY,                RETRY,  75, "a queue or pool is full") \
    X(ERR_CONFLICT,            RETRY,  75, "the transaction lost against another and may be repeated") \
    X(ERR_MALFORMED,           REJECT, 65, "bytes that do not follow the grammar") \
    X(ERR_UNKNOWN_MEMBER,      REJECT, 65, "a member the schema does not know") \
    X(ERR_MISSING_MEMBER,      REJECT, 65, "a required member is absent") \
    X(ERR_VERSION,             REJECT, 65, "a message version this build does not know") \
    X(ERR_INVALID,             REJECT, 65, "a value outside its domain") \
    X(ERR_TOO_LARGE,           REJECT, 65, "more than the limit allows") \
    X(ERR_NOT_FOUND,           REJECT, 66, "the thing asked for does not exist") \
    X(ERR_DUPLICATE,           REJECT, 65, "the thing exists already") \
    X(ERR_REFUSED,             REJECT, 77, "the other side refused and will refuse again") \
    X(ERR_CRYPTO,              REJECT, 65, "a sealed value that this key ring cannot open") \
    X(ERR_CONFIG,              FATAL,  78, "options, secrets, migrations or topics are not fit to start with") \
    X(ERR_INTERNAL,            FATAL,  70, "a promise of the program itself was broken")
/* clang-format on */

enum err_code {
#define X(code, class, exit_status, meaning) code,
    ERR_TABLE(X)
#undef X
        ERR_COUNT_
};

enum { ERR_TEXT_SIZE = 256 };

struct err {
    enum err_code code;
    const char *file;
    int line;
    char text[ERR_TEXT_SIZE];
};

/* Fills *err (which may be NULL) and returns `code`, so that `return ERR(err, ERR_TIMEOUT, "…");`
 * reads as one story. Text: lower case, no full stop, user text in single quotes, no secrets. */
#define ERR(err, code, ...) err_set((err), (code), __FILE__, __LINE__, __VA_ARGS__)

enum err_code err_set(struct err *err, enum err_code code, const char *file, int line,
                      const char *format, ...) PRINTF_LIKE(5, 6);

/* Prefixes the text of a failure that is passed up: "cannot store draft: <text>". Returns
 * err->code. */
enum err_code err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

enum err_class err_class(enum err_code code);
int err_exit_status(enum err_code code);
const char *err_name(enum err_code code);    /* "ERR_TIMEOUT" */
const char *err_meaning(enum err_code code); /* the table's sentence */
const char *err_class_name(enum err_class class);
