/* How commands answer: JSON or words, and what went wrong in the same two forms. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "services/syctl/command.h"

enum { PROBLEM_TEXT_SIZE = 1024 };

static int
problem(const struct syctl *ctl, const char *code, const char *class, const char *text,
        const char *hint)
{
    struct buf out;
    if (!ctl->json) {
        (void)fprintf(stderr, "syctl: %s\n", text);
        if (hint)
            (void)fprintf(stderr, "HINT: %s\n", hint);
        return 1;
    }
    buf_init(&out, 8 * (size_t)PROBLEM_TEXT_SIZE);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    jsonw_key(&w, "error");
    jsonw_object_open(&w);
    jsonw_member_text(&w, "code", code);
    jsonw_member_text(&w, "class", class);
    jsonw_member(&w, "text", utf8_valid(str_of(text)) ? str_of(text) : STR("(not UTF-8)"));
    jsonw_member_text(&w, "hint", hint ? hint : "");
    jsonw_object_close(&w);
    jsonw_object_close(&w);
    syctl_print(&out);
    buf_done(&out);
    return 1;
}

int
syctl_fail(const struct syctl *ctl, const char *what, const struct err *err)
{
    char text[PROBLEM_TEXT_SIZE];
    (void)snprintf(text, sizeof text, "%s: %s", what, err->text);
    char *hint = strstr(text, "; HINT: ");
    if (hint) {
        *hint = '\0';
        hint += strlen("; HINT: ");
    }
    return problem(ctl, err_name(err->code), err_class_name(err_class(err->code)), text, hint);
}

int
syctl_problem(const struct syctl *ctl, enum err_code code, const char *hint, const char *format,
              ...)
{
    char text[PROBLEM_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return problem(ctl, err_name(code), err_class_name(err_class(code)), text, hint);
}

int
syctl_usage(const struct syctl *ctl, const char *format, ...)
{
    char text[PROBLEM_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)problem(ctl, "usage", "reject", text, "syctl --help lists the commands");
    return 2;
}

bool
syctl_number(const struct syctl *ctl, const char *name, uint64_t fallback, uint64_t max,
             uint64_t *ret_value)
{
    const char *text = syctl_option(ctl, name);
    *ret_value = fallback;
    if (text == NULL || str_to_u64(str_of(text), max, ret_value))
        return true;
    (void)syctl_usage(ctl, "--%s wants a number up to %llu", name, (unsigned long long)max);
    return false;
}

void
syctl_print(const struct buf *out)
{
    struct str text = buf_str(out);
    (void)fwrite(text.ptr, 1, text.len, stdout);
    (void)putchar('\n');
}

bool
syctl_read_file(const struct syctl *ctl, const char *path, size_t max, struct buf *ret_text)
{
    char block[64 * 1024];
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file == NULL) {
        (void)syctl_problem(ctl, ERR_NOT_FOUND, NULL, "cannot read '%s': %s", path,
                            strerror(errno));
        return false;
    }
    buf_init(ret_text, max);
    size_t got;
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        buf_add(ret_text, (struct str){block, got});
    bool failed = ferror(file) != 0;
    if (file != stdin)
        (void)fclose(file);
    if (failed || ret_text->overflow) {
        (void)syctl_problem(ctl, failed ? ERR_UNAVAILABLE : ERR_TOO_LARGE, NULL, "'%s' %s", path,
                            failed ? "cannot be read to its end" : "is too large");
        buf_done(ret_text);
        return false;
    }
    return true;
}
