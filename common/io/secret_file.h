/*
 * Files that hold a secret: nobody but their owner may read them. One place for that rule, for key
 * file, passwords and platform secrets.
 */
#pragma once

#include <stdio.h>

#include "base/buf.h"

/* Opens one that only its owner (this account or root) can read. ERR_CONFIG with a hint otherwise.
 * Unbuffered: no second copy of what is in it. `what` names it in the error: "key file". */
enum err_code secret_file_open(const char *what, const char *path, FILE **ret_file,
                               struct err *err) MUST_CHECK;
/* Only the check. */
enum err_code secret_file_check(const char *what, const char *path, struct err *err) MUST_CHECK;
/* The first line. ERR_CONFIG as well when it is empty or longer than size - 1. */
enum err_code secret_file_read(const char *what, const char *path, char *out, size_t size,
                               struct err *err) MUST_CHECK;
