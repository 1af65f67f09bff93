/*
 * What every fuzz target shares. A target is one file t<n>_<name>.c with LLVMFuzzerTestOneInput: it
 * is linked with libFuzzer (make fuzz), or with replay.c, which has no engine and runs a corpus
 * (make fuzz-replay). A broken promise ends the process with a sentence; what a target found is
 * told to replay.c as one line, which tests/fuzz/test_oracle.py compares with Python's own reading.
 */
#pragma once

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The promise that is broken when `condition` is false. */
#define FUZZ_CHECK(condition, promise)                                                             \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fuzz_fail((promise), __FILE__, __LINE__);                                              \
    } while (0)
_Noreturn void fuzz_fail(const char *promise, const char *file, int line);

/* The verdict on one input: NULL unless somebody listens (replay.c --tell). */
extern struct buf *fuzz_verdict;
void fuzz_tell(const char *format, ...) PRINTF_LIKE(1, 2);
void fuzz_tell_str(struct str text);

/* Reads numbers and texts off an input; 0 and empty at its end. */
struct fuzz_input {
    const uint8_t *at;
    const uint8_t *end;
};
struct fuzz_input fuzz_input_on(const uint8_t *data, size_t size);
uint8_t fuzz_byte(struct fuzz_input *input);
unsigned fuzz_below(struct fuzz_input *input, unsigned count); /* 0 to count - 1, count <= 256 */
bool fuzz_more(const struct fuzz_input *input);
/* What is left. */
struct str fuzz_rest(const struct fuzz_input *input);
/* Up to the next `separator`, which is stepped over. */
struct str fuzz_piece(struct fuzz_input *input, char separator);

/* A file of its own with this text, readable by the owner only; gone with the next one, or when the
 * process ends. */
const char *fuzz_file(const char *text);
/* Synthetic keys, the same in both: all open, an AES key seals, or an SM4 key does. */
extern const char fuzz_keys[];
extern const char fuzz_keys_sm4[];
