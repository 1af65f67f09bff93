#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct buf *fuzz_verdict;

#define OLD "seal old 1111111111111111111111111111111111111111111111111111111111111111\n"
#define NEW "seal new 2222222222222222222222222222222222222222222222222222222222222222\n"
#define SM4                                                                                        \
    "seal sm4 5555555555555555555555555555555555555555555555555555555555555555 sm4-ctr-hmac-sm3\n"
#define OTHERS                                                                                     \
    "index i1 3333333333333333333333333333333333333333333333333333333333333333\n"                  \
    "submission s1 4444444444444444444444444444444444444444444444444444444444444444\n"
const char fuzz_keys[] = OLD SM4 NEW OTHERS;
const char fuzz_keys_sm4[] = OLD NEW SM4 OTHERS;

void
fuzz_fail(const char *promise, const char *file, int line)
{
    (void)fprintf(stderr, "FUZZ: broken: %s (%s:%d; %s)\n", promise, file, line, strerror(errno));
    abort();
}

void
fuzz_tell(const char *format, ...)
{
    char text[512];
    va_list args;
    if (fuzz_verdict == NULL)
        return;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    FUZZ_CHECK(length >= 0 && (size_t)length < sizeof text, "a verdict's words are short");
    buf_add_text(fuzz_verdict, text);
}

void
fuzz_tell_str(struct str text)
{
    if (fuzz_verdict)
        buf_add(fuzz_verdict, text);
}

struct fuzz_input
fuzz_input_on(const uint8_t *data, size_t size)
{
    return (struct fuzz_input){data, data + size};
}

uint8_t
fuzz_byte(struct fuzz_input *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

unsigned
fuzz_below(struct fuzz_input *input, unsigned count)
{
    return fuzz_byte(input) % count;
}

bool
fuzz_more(const struct fuzz_input *input)
{
    return input->at < input->end;
}

struct str
fuzz_rest(const struct fuzz_input *input)
{
    return (struct str){(const char *)input->at, (size_t)(input->end - input->at)};
}

struct str
fuzz_piece(struct fuzz_input *input, char separator)
{
    struct str rest = fuzz_rest(input);
    const char *found = rest.len ? memchr(rest.ptr, separator, rest.len) : NULL;
    size_t length = found ? (size_t)(found - rest.ptr) : rest.len;
    input->at += length + (found != NULL);
    return (struct str){rest.ptr, length};
}

static char file_path[32];

static void
file_remove(void)
{
    if (file_path[0])
        (void)unlink(file_path);
    file_path[0] = '\0';
}

const char *
fuzz_file(const char *text)
{
    static bool registered;
    size_t length = strlen(text);
    FUZZ_CHECK(registered || atexit(file_remove) == 0, "a file can be removed at the end");
    registered = true;
    file_remove();
    (void)snprintf(file_path, sizeof file_path, "/tmp/sy-fuzz-XXXXXX");
    int fd = mkstemp(file_path);
    FUZZ_CHECK(fd >= 0 && fchmod(fd, 0400) == 0 && write(fd, text, length) == (ssize_t)length &&
                   close(fd) == 0,
               "a file of its own can be written");
    return file_path;
}
