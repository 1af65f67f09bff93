/*
 * The strict JSON gate (RFC 8259, stricter where parsers disagree). Everything that enters from
 * HTTP, Kafka, a platform or a file passes here before any parser sees it: exactly one value, valid
 * UTF-8, no duplicate names in an object, no names that need escapes, no NUL in strings, no lone
 * surrogates, noncharacters refused, numbers that are plain integers of at most 53 bits, bounded
 * depth and member counts.
 * Builds nothing, allocates nothing but a bounded stack. Thread-safe.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

/* ERR_MALFORMED with the byte offset and what was expected, or ERR_TOO_LARGE past a limit of
 * base/limits.h (depth, members of one object). */
enum err_code json_scan(struct str text, struct err *err) MUST_CHECK;
