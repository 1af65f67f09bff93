#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct err_row {
    const char *name;
    enum err_class class;
    int exit_status;
    const char *meaning;
};

static const struct err_row rows[ERR_COUNT_] = {
#define X(code, class, exit_status, meaning)                                                       \
    [code] = {#code, ERR_CLASS_##class, exit_status, meaning},
    ERR_TABLE(X)
#undef X
};

enum err_code
err_set(struct err *err, enum err_code code, const char *file, int line, const char *format, ...)
{
    if (err == NULL)
        return code;
    err->code = code;
    err->file = file;
    err->line = line;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return code;
}

enum err_code
err_wrap(struct err *err, const char *format, ...)
{
    assert(err != NULL);
    char inner[ERR_TEXT_SIZE];
    memcpy(inner, err->text, sizeof inner);
    va_list args;
    va_start(args, format);
    int length = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    size_t used = length < 0 ? 0 : (size_t)length;
    if (used + 3 < sizeof err->text) {
        memcpy(err->text + used, ": ", 2);
        size_t room = sizeof err->text - used - 3;
        size_t inner_length = strnlen(inner, room);
        memcpy(err->text + used + 2, inner, inner_length);
        err->text[used + 2 + inner_length] = '\0';
    }
    return err->code;
}

enum err_class
err_class(enum err_code code)
{
    assert(code < ERR_COUNT_);
    return rows[code].class;
}

int
err_exit_status(enum err_code code)
{
    assert(code < ERR_COUNT_);
    return rows[code].exit_status;
}

const char *
err_name(enum err_code code)
{
    assert(code < ERR_COUNT_);
    return rows[code].name;
}

const char *
err_meaning(enum err_code code)
{
    assert(code < ERR_COUNT_);
    return rows[code].meaning;
}

const char *err_class_name(enum err_class class)
{
    static const char *const names[] = {"none", "retry", "reject", "fatal"};
    return names[class];
}
