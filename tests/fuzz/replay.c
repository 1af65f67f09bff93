/*
 * Runs a target over a corpus without an engine.
 *
 *   <target> [--tell] FILE.lines… | FILE…
 *
 * A .lines file has one input a line, printable ASCII as it is, the rest as \n \r \t \0 \\ \xHH;
 * '#' begins a comment line. Anything else is one input. --tell prints a line for each: the input
 * (escaped), a tab, the target's verdict (escaped). The last line counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { VERDICT_MAX = 16 * 1024 * 1024 };

static size_t inputs;
static bool telling;

static void
print_escaped(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '\\')
            (void)fputs("\\\\", stdout);
        else if (c >= 0x20 && c < 0x7F)
            (void)putchar(c);
        else
            (void)printf("\\x%02x", c);
    }
}

static void
run(const char *bytes, size_t size)
{
    struct buf verdict;
    uint8_t *copy = mem_alloc(size); /* of exactly this size, so that one byte too far is seen */
    if (size)
        memcpy(copy, bytes, size);
    buf_init(&verdict, VERDICT_MAX);
    fuzz_verdict = telling ? &verdict : NULL;
    (void)LLVMFuzzerTestOneInput(copy, size);
    fuzz_verdict = NULL;
    if (telling) {
        print_escaped((struct str){(const char *)copy, size});
        (void)putchar('\t');
        print_escaped(buf_str(&verdict));
        (void)putchar('\n');
    }
    inputs++;
    buf_done(&verdict);
    free(copy);
}

static int
hex(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* Undoes the escapes in place; false when one is not known. */
static bool
unescape(char *text, size_t length, size_t *ret_length)
{
    static const char from[] = "nrt0\\";
    static const char to[] = "\n\r\t\0\\";
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\\') {
            text[used++] = text[i];
            continue;
        }
        const char *known = i + 1 < length ? memchr(from, text[i + 1], sizeof from - 1) : NULL;
        if (known) {
            text[used++] = to[known - from];
            i++;
        } else if (i + 3 < length && text[i + 1] == 'x' && hex(text[i + 2]) >= 0 &&
                   hex(text[i + 3]) >= 0) {
            text[used++] = (char)(hex(text[i + 2]) << 4 | hex(text[i + 3]));
            i += 3;
        } else {
            return false;
        }
    }
    *ret_length = used;
    return true;
}

static bool
run_lines(const char *path, FILE *file)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    bool good = true;
    for (int number = 1; good && (length = getline(&line, &capacity, file)) > 0; number++) {
        size_t size = (size_t)length - (line[length - 1] == '\n');
        if (line[0] == '#')
            continue;
        good = unescape(line, size, &size);
        if (good)
            run(line, size);
        else
            (void)fprintf(stderr, "replay: %s:%d has an escape that is not known\n", path, number);
    }
    free(line);
    return good;
}

static bool
run_whole(FILE *file)
{
    struct buf content;
    char block[4096];
    size_t got;
    buf_init(&content, 16 * 1024 * 1024);
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        buf_add(&content, (struct str){block, got});
    run(content.ptr ? content.ptr : "", content.len);
    buf_done(&content);
    return true;
}

int
main(int argc, char **argv)
{
    int first = 1;
    if (argc > 1 && strcmp(argv[1], "--tell") == 0) {
        telling = true;
        first = 2;
    }
    for (int i = first; i < argc; i++) {
        FILE *file = fopen(argv[i], "re");
        if (file == NULL) {
            (void)fprintf(stderr, "replay: cannot read '%s'\n", argv[i]);
            return 1;
        }
        bool good =
            str_ends(str_of(argv[i]), STR(".lines")) ? run_lines(argv[i], file) : run_whole(file);
        (void)fclose(file);
        if (!good)
            return 1;
    }
    (void)fprintf(stderr, "%zu inputs\n", inputs);
    return inputs ? 0 : 1;
}
