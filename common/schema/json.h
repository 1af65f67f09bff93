/*
 * JSON documents, read: what the strict scanner (base/jsonscan) saw, as a tree. Nothing is let in
 * that the scanner refuses. Reading is table-driven: a struct, and one row a member.
 * Not thread-safe per document.
 */
#pragma once

#include "base/buf.h"
#include "base/jsonscan.h"

struct json;     /* a value inside a document, borrowed */
struct json_doc; /* a parsed document with memory of its own */

enum err_code json_parse(struct str text, struct json_doc **ret_doc, struct err *err) MUST_CHECK;
void json_doc_free(struct json_doc *doc);
void json_doc_free_ptr(struct json_doc **doc);
const struct json *json_root(const struct json_doc *doc);

/* The same in the caller's arena, where all its texts live too. */
enum err_code json_parse_in(struct arena *arena, struct str text, const struct json **ret_root,
                            struct err *err) MUST_CHECK;
/* A message of a topic: an object whose "version" is looked at before anything else, so that a
 * newer form is told as such (ERR_VERSION) whatever else it has. ERR_MISSING_MEMBER without a
 * version. Versions from 1 to `newest` are known. */
enum err_code json_parse_message(struct arena *arena, struct str text, int64_t newest,
                                 const struct json **ret_root, struct err *err) MUST_CHECK;

enum json_type json_type(const struct json *value);
/* Case-sensitive; NULL when absent or when `object` is not an object. */
const struct json *json_get(const struct json *object, const char *name);
/* Values of another type give STR_NONE, `fallback`, false. Texts are NUL-terminated behind their
 * end. */
struct str json_str(const struct json *value);
int64_t json_int(const struct json *value, int64_t fallback);
bool json_bool(const struct json *value);
/* Members of an object or elements of an array, in order: first child, then next. */
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *value);
struct str json_name(const struct json *member);

/* One row per member of a struct that is read from an object. Texts are borrowed from the document.
 */
enum json_kind { JSON_KIND_STR, JSON_KIND_INT, JSON_KIND_BOOL, JSON_KIND_OBJECT, JSON_KIND_ARRAY };
struct json_row {
    const char *name;
    size_t name_length;
    size_t offset; /* of a struct str, int64_t, bool or const struct json * */
    enum json_kind kind;
    bool required;
};
#define JSON_ROW(struct_type, member, json_kind, is_required)                                      \
    {                                                                                              \
        .name = #member, .name_length = sizeof #member - 1,                                        \
        .offset = offsetof(struct_type, member), .kind = (json_kind), .required = (is_required)    \
    }

/* Fills `into` (zeroed by the caller). ERR_MALFORMED for a wrong type, ERR_UNKNOWN_MEMBER when
 * `closed` and a name has no row, ERR_MISSING_MEMBER; the name of the member is copied to
 * ret_member (64 bytes, may be NULL; only names, never values). */
enum err_code json_read(const struct json *object, const struct json_row *rows, size_t row_count,
                        bool closed, void *into, char ret_member[64], struct err *err) MUST_CHECK;
