#include "schema/json.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonscan.h"

/* A `struct json` is a cJSON item and a `struct json_doc` is its root: opaque outside this file. */
static const cJSON *
item(const struct json *value)
{
    return (const cJSON *)(const void *)value;
}

static const struct json *
wrap(const cJSON *value)
{
    return (const struct json *)(const void *)value;
}

enum err_code
json_parse(struct str text, struct json_doc **ret_doc, struct err *err)
{
    enum err_code code = json_scan(text, err);
    if (code)
        return code;
    cJSON *root = cJSON_ParseWithLength(text.ptr, text.len);
    if (root == NULL)
        mem_exhausted(); /* what the scanner accepted is refused for no other reason */
    *ret_doc = (struct json_doc *)(void *)root;
    return ERR_OK;
}

void
json_doc_free(struct json_doc *doc)
{
    cJSON_Delete((cJSON *)(void *)doc);
}

void
json_doc_free_ptr(struct json_doc **doc)
{
    json_doc_free(*doc);
}

const struct json *
json_root(const struct json_doc *doc)
{
    return (const struct json *)(const void *)doc;
}

enum json_type
json_type(const struct json *value)
{
    const cJSON *it = item(value);
    if (cJSON_IsString(it))
        return JSON_STRING;
    if (cJSON_IsNumber(it))
        return JSON_INT;
    if (cJSON_IsBool(it))
        return JSON_BOOL;
    if (cJSON_IsArray(it))
        return JSON_ARRAY;
    return cJSON_IsObject(it) ? JSON_OBJECT : JSON_NULL;
}

const struct json *
json_get(const struct json *object, const char *name)
{
    return object ? wrap(cJSON_GetObjectItemCaseSensitive(item(object), name)) : NULL;
}

struct str
json_str(const struct json *value)
{
    return value && cJSON_IsString(item(value)) ? str_of(item(value)->valuestring) : STR_NONE;
}

int64_t
json_int(const struct json *value, int64_t fallback)
{
    /* The scanner let only integers of 53 bits pass: a double holds them exactly. */
    return value && cJSON_IsNumber(item(value)) ? (int64_t)item(value)->valuedouble : fallback;
}

bool
json_bool(const struct json *value)
{
    return value && cJSON_IsTrue(item(value));
}

const struct json *
json_first(const struct json *container)
{
    return container ? wrap(item(container)->child) : NULL;
}

const struct json *
json_next(const struct json *value)
{
    return wrap(item(value)->next);
}

struct str
json_name(const struct json *member)
{
    return str_of(item(member)->string);
}

static enum json_type
kind_type(enum json_kind kind)
{
    static const enum json_type types[] = {
        [JSON_KIND_STR] = JSON_STRING,
        [JSON_KIND_INT] = JSON_INT,
        [JSON_KIND_BOOL] = JSON_BOOL,
        [JSON_KIND_OBJECT] = JSON_OBJECT,
    };
    return types[kind];
}

static void
row_store(const struct json_row *row, const struct json *value, struct arena *arena, void *into)
{
    void *target = (char *)into + row->offset;
    switch (row->kind) {
    case JSON_KIND_STR:
        *(struct str *)target = arena_copy(arena, json_str(value));
        break;
    case JSON_KIND_INT:
        *(int64_t *)target = json_int(value, 0);
        break;
    case JSON_KIND_BOOL:
        *(bool *)target = json_bool(value);
        break;
    case JSON_KIND_OBJECT:
        *(const struct json **)target = value;
        break;
    }
}

static void
name_copy(char ret_member[64], struct str name)
{
    if (ret_member)
        (void)snprintf(ret_member, 64, "%.*s", STR_ARG(utf8_prefix(name, 15)));
}

static const struct json_row *
row_find(const struct json_row *rows, size_t row_count, struct str name)
{
    for (size_t i = 0; i < row_count; i++)
        if (str_eq_text(name, rows[i].name))
            return &rows[i];
    return NULL;
}

enum err_code
json_read(const struct json *object, const struct json_row *rows, size_t row_count, bool closed,
          struct arena *arena, void *into, char ret_member[64], struct err *err)
{
    if (object == NULL || json_type(object) != JSON_OBJECT)
        return ERR(err, ERR_MALFORMED, "expected an object");
    for (const struct json *m = json_first(object); m; m = json_next(m)) {
        const struct json_row *row = row_find(rows, row_count, json_name(m));
        if (row == NULL && !closed)
            continue;
        if (row == NULL) {
            name_copy(ret_member, json_name(m));
            return ERR(err, ERR_UNKNOWN_MEMBER, "unknown member");
        }
        if (json_type(m) != kind_type(row->kind)) {
            name_copy(ret_member, str_of(row->name));
            return ERR(err, ERR_MALFORMED, "member '%s' has another JSON type", row->name);
        }
        row_store(row, m, arena, into);
    }
    for (size_t i = 0; i < row_count; i++) {
        if (!rows[i].required || json_get(object, rows[i].name))
            continue;
        name_copy(ret_member, str_of(rows[i].name));
        return ERR(err, ERR_MISSING_MEMBER, "member '%s' is missing", rows[i].name);
    }
    return ERR_OK;
}

enum err_code
json_parse_message(struct str text, int64_t version, struct json_doc **ret_doc, struct err *err)
{
    struct json_doc *doc = NULL;
    enum err_code code = json_parse(text, &doc, err);
    if (code)
        return code;
    const struct json *member = json_get(json_root(doc), "version");
    if (json_type(json_root(doc)) != JSON_OBJECT)
        code = ERR(err, ERR_MALFORMED, "expected an object");
    else if (member == NULL)
        code = ERR(err, ERR_MISSING_MEMBER, "member 'version' is missing");
    else if (json_type(member) != JSON_INT)
        code = ERR(err, ERR_MALFORMED, "member 'version' has another JSON type");
    else if (json_int(member, 0) != version)
        code =
            ERR(err, ERR_VERSION, "version %lld is not known here", (long long)json_int(member, 0));
    if (code)
        json_doc_free(doc);
    else
        *ret_doc = doc;
    return code;
}
