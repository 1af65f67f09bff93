/*
 * The strict JSON gate (RFC 8259, stricter where parsers disagree). Everything that enters from
 * HTTP, Kafka, a platform or a file passes here before any parser sees it: exactly one value, valid
 * UTF-8, no duplicate names in an object, no names that need escapes, no NUL in strings, no lone
 * surrogates, noncharacters refused, numbers that are plain integers of at most 53 bits, bounded
 * depth, member and value counts. What it saw on the way it can leave as a list of nodes, so that
 * nobody reads the text twice. Thread-safe.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_INT, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* One value. A container is followed by all that is in it, in order: its first child is the next
 * node, and a node's next sibling stands `span` nodes further. */
struct json_node {
    enum json_type type;
    bool escaped;    /* `text` has escapes */
    bool last;       /* no sibling follows */
    uint32_t span;   /* nodes of this value, itself included: more than 1 when it has children */
    struct str name; /* of a member, without escapes */
    struct str text; /* JSON_STRING: between the quotes, as written */
    int64_t number;  /* JSON_INT; JSON_BOOL: 0 or 1 */
};
struct json_nodes {
    struct json_node *rows; /* in the arena, borrowing from the text; the root is the first */
    size_t count;
    size_t capacity;
};

/* ERR_MALFORMED with the byte offset and what was expected, or ERR_TOO_LARGE past a limit of
 * base/limits.h (depth, members of one object, values). */
enum err_code json_scan(struct str text, struct err *err) MUST_CHECK;
/* The same, and leaves the nodes; of a text that is refused there are none to look at. */
enum err_code json_scan_nodes(struct str text, struct arena *arena, struct json_nodes *ret_nodes,
                              struct err *err) MUST_CHECK;
