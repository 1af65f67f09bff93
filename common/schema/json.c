#include "schema/json.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

/* A `struct json` is a node of the scanner: opaque outside this file. */
static const struct json_node *
node(const struct json *value)
{
    return (const struct json_node *)(const void *)value;
}

static const struct json *
wrap(const struct json_node *value)
{
    return (const struct json *)(const void *)value;
}

/* --- making a document --- */

static uint32_t
hex4(const char *digits)
{
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        char c = digits[i];
        unit = unit << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return unit;
}

static size_t
utf8_put(uint32_t point, char *out)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3F));
    static const unsigned char lead[] = {[2] = 0xC0, [3] = 0xE0, [4] = 0xF0};
    out[0] = (char)(lead[length] | point);
    return length;
}

/* What stands for an escape of one letter. */
static char
escape_char(char letter)
{
    static const char letters[] = "bfnrt";
    const char *at = strchr(letters, letter);
    return at ? "\b\f\n\r\t"[at - letters] : letter;
}

/* Resolves escapes in place: no escape is shorter than what it stands for. The scanner has seen
 * that they are whole. */
static size_t
unescape(char *text, size_t length)
{
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        if (text[i] != '\\') {
            text[used++] = text[i++];
        } else if (text[i + 1] != 'u') {
            text[used++] = escape_char(text[i + 1]);
            i += 2;
        } else {
            uint32_t point = hex4(text + i + 2);
            bool pair = point >= 0xD800 && point <= 0xDBFF;
            if (pair)
                point = 0x10000 + ((point - 0xD800) << 10) + (hex4(text + i + 8) - 0xDC00);
            i += pair ? 12 : 6;
            used += utf8_put(point, text + used);
        }
    }
    return used;
}

/* The closing quote of a name or text becomes its NUL. */
static void
texts_finish(struct json_nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++) {
        struct json_node *it = &nodes->rows[i];
        char *text = (char *)(uintptr_t)it->text.ptr;
        if (it->name.ptr)
            ((char *)(uintptr_t)it->name.ptr)[it->name.len] = '\0';
        if (it->type != JSON_STRING)
            continue;
        if (it->escaped)
            it->text.len = unescape(text, it->text.len);
        text[it->text.len] = '\0';
    }
}

enum err_code
json_parse_in(struct arena *arena, struct str text, const struct json **ret_root, struct err *err)
{
    struct json_nodes nodes;
    enum err_code code = json_scan_nodes(arena_copy(arena, text), arena, &nodes, err);
    if (code)
        return code;
    texts_finish(&nodes);
    *ret_root = wrap(nodes.rows);
    return ERR_OK;
}

struct json_doc {
    struct arena *arena;
    const struct json *root;
};

enum err_code
json_parse(struct str text, struct json_doc **ret_doc, struct err *err)
{
    /* The text, and the nodes of LIMIT_JSON_VALUES with what is left behind as they grow. */
    struct arena *arena =
        arena_new(text.len + (size_t)2 * LIMIT_JSON_VALUES * sizeof(struct json_node));
    struct json_doc *doc = mem_zalloc(sizeof *doc);
    enum err_code code = json_parse_in(arena, text, &doc->root, err);
    doc->arena = arena;
    if (code)
        json_doc_free(doc);
    else
        *ret_doc = doc;
    return code;
}

void
json_doc_free(struct json_doc *doc)
{
    if (doc == NULL)
        return;
    arena_free(doc->arena);
    free(doc);
}

void
json_doc_free_ptr(struct json_doc **doc)
{
    json_doc_free(*doc);
}

const struct json *
json_root(const struct json_doc *doc)
{
    return doc ? doc->root : NULL;
}

/* --- looking at it --- */

enum json_type
json_type(const struct json *value)
{
    return value ? node(value)->type : JSON_NULL;
}

const struct json *
json_get(const struct json *object, const char *name)
{
    if (json_type(object) != JSON_OBJECT)
        return NULL;
    struct str wanted = str_of(name);
    for (const struct json *m = json_first(object); m; m = json_next(m))
        if (str_eq(node(m)->name, wanted))
            return m;
    return NULL;
}

struct str
json_str(const struct json *value)
{
    return json_type(value) == JSON_STRING ? node(value)->text : STR_NONE;
}

int64_t
json_int(const struct json *value, int64_t fallback)
{
    return json_type(value) == JSON_INT ? node(value)->number : fallback;
}

bool
json_bool(const struct json *value)
{
    return json_type(value) == JSON_BOOL && node(value)->number;
}

const struct json *
json_first(const struct json *container)
{
    return container && node(container)->span > 1 ? wrap(node(container) + 1) : NULL;
}

const struct json *
json_next(const struct json *value)
{
    return node(value)->last ? NULL : wrap(node(value) + node(value)->span);
}

struct str
json_name(const struct json *member)
{
    return node(member)->name;
}

/* --- reading by rows --- */

static enum json_type
kind_type(enum json_kind kind)
{
    static const enum json_type types[] = {
        [JSON_KIND_STR] = JSON_STRING,  [JSON_KIND_INT] = JSON_INT,
        [JSON_KIND_BOOL] = JSON_BOOL,   [JSON_KIND_OBJECT] = JSON_OBJECT,
        [JSON_KIND_ARRAY] = JSON_ARRAY,
    };
    return types[kind];
}

static void
row_store(const struct json_row *row, const struct json *value, void *into)
{
    void *target = (char *)into + row->offset;
    switch (row->kind) {
    case JSON_KIND_STR:
        *(struct str *)target = json_str(value);
        break;
    case JSON_KIND_INT:
        *(int64_t *)target = json_int(value, 0);
        break;
    case JSON_KIND_BOOL:
        *(bool *)target = json_bool(value);
        break;
    case JSON_KIND_OBJECT:
    case JSON_KIND_ARRAY:
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
        if (str_eq(name, (struct str){rows[i].name, rows[i].name_length}))
            return &rows[i];
    return NULL;
}

enum err_code
json_read(const struct json *object, const struct json_row *rows, size_t row_count, bool closed,
          void *into, char ret_member[64], struct err *err)
{
    uint64_t seen = 0;
    assert(row_count <= 64);
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
        row_store(row, m, into);
        seen |= UINT64_C(1) << (row - rows);
    }
    for (size_t i = 0; i < row_count; i++) {
        if (!rows[i].required || (seen >> i & 1))
            continue;
        name_copy(ret_member, str_of(rows[i].name));
        return ERR(err, ERR_MISSING_MEMBER, "member '%s' is missing", rows[i].name);
    }
    return ERR_OK;
}

enum err_code
json_parse_message(struct arena *arena, struct str text, int64_t newest,
                   const struct json **ret_root, struct err *err)
{
    const struct json *root = NULL;
    enum err_code code = json_parse_in(arena, text, &root, err);
    if (code)
        return code;
    const struct json *member = json_get(root, "version");
    if (json_type(root) != JSON_OBJECT)
        return ERR(err, ERR_MALFORMED, "expected an object");
    if (member == NULL)
        return ERR(err, ERR_MISSING_MEMBER, "member 'version' is missing");
    if (json_type(member) != JSON_INT)
        return ERR(err, ERR_MALFORMED, "member 'version' has another JSON type");
    if (json_int(member, 0) < 1 || json_int(member, 0) > newest)
        return ERR(err, ERR_VERSION, "version %lld is not known here",
                   (long long)json_int(member, 0));
    *ret_root = root;
    return ERR_OK;
}
