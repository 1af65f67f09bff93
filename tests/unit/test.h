/* What every unit test includes: cmocka in the order it wants, and asserts for our own types. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define assert_str(actual, expected)                                                               \
    do {                                                                                           \
        struct str actual_ = (actual);                                                             \
        char *copy_ = mem_strndup(actual_);                                                        \
        assert_string_equal(copy_, (expected));                                                    \
        free(copy_);                                                                               \
    } while (0)

/* The code, and a part of the text, so that a message is tested like behaviour. */
#define assert_fails(expression, expected_code, expected_text)                                     \
    do {                                                                                           \
        struct err err = {0};                                                                      \
        assert_int_equal((expression), (expected_code));                                           \
        assert_int_equal(err.code, (expected_code));                                               \
        if (strstr(err.text, (expected_text)) == NULL)                                             \
            fail_msg("error text '%s' does not say '%s'", err.text, (expected_text));              \
    } while (0)

#define assert_works(expression)                                                                   \
    do {                                                                                           \
        struct err err = {0};                                                                      \
        if ((expression) != ERR_OK)                                                                \
            fail_msg("%s: %s", #expression, err.text);                                             \
    } while (0)
