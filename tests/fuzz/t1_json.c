/*
 * T1, the strict JSON gate. What it lets in: jansson lets it in too and reads the same; writing and
 * reading again changes nothing. What it keeps out although jansson lets it in has one of the
 * reasons of base/jsonscan.h.
 */
#include "base/jsonscan.h"
#include "base/jsonw.h"
#include "schema/json.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/second_json.h"

static void
print(struct jsonw *w, const struct json *value)
{
    switch (json_type(value)) {
    case JSON_NULL:
        jsonw_null(w);
        break;
    case JSON_BOOL:
        jsonw_bool(w, json_bool(value));
        break;
    case JSON_INT:
        jsonw_int(w, json_int(value, 0));
        break;
    case JSON_STRING:
        jsonw_str(w, json_str(value));
        break;
    case JSON_ARRAY:
        jsonw_array_open(w);
        for (const struct json *e = json_first(value); e; e = json_next(e))
            print(w, e);
        jsonw_array_close(w);
        break;
    case JSON_OBJECT:
        jsonw_object_open(w);
        for (const struct json *m = json_first(value); m; m = json_next(m)) {
            jsonw_key_str(w, json_name(m));
            print(w, m);
        }
        jsonw_object_close(w);
        break;
    }
}

/* Reads with our reader and writes again. */
static void
rewrite(struct str text, struct buf *out)
{
    struct err err = {0};
    struct json_doc *doc = NULL;
    FUZZ_CHECK(json_parse(text, &doc, &err) == ERR_OK, "what the gate lets in can be read");
    struct jsonw w = jsonw_on(out);
    print(&w, json_root(doc));
    FUZZ_CHECK(!out->overflow, "writing is bounded by reading");
    json_doc_free(doc);
}

static void
check_accepted(struct str text, struct str theirs)
{
    struct buf once;
    struct buf twice;
    buf_init(&once, 8 * text.len + 64);
    buf_init(&twice, 8 * text.len + 64);
    rewrite(text, &once);
    FUZZ_CHECK(str_eq(buf_str(&once), theirs), "we read what jansson reads");
    rewrite(buf_str(&once), &twice);
    FUZZ_CHECK(str_eq(buf_str(&once), buf_str(&twice)), "what is written twice is the same");
    fuzz_tell("accept ");
    fuzz_tell_str(buf_str(&once));
    buf_done(&once);
    buf_done(&twice);
}

/* "-0", names with escapes, and NUL between tokens, which jansson takes for the end of its word,
 * cannot be seen in a tree. */
static bool
has_reason_in_text(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\\' || text.ptr[i] == '\0' ||
            (text.ptr[i] == '-' && i + 1 < text.len && text.ptr[i + 1] == '0'))
            return true;
    return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str text = {(const char *)data, size};
    struct err err = {0};
    struct buf theirs;
    bool reason = false;
    buf_init(&theirs, 8 * size + 64);
    bool read = second_json_read(text, &theirs, &reason);
    enum err_code code = json_scan(text, &err);
    if (code == ERR_OK) {
        FUZZ_CHECK(read, "what the gate lets in, jansson lets in");
        FUZZ_CHECK(!reason, "the gate keeps out what its contract names");
        check_accepted(text, buf_str(&theirs));
    } else {
        FUZZ_CHECK((code == ERR_MALFORMED || code == ERR_TOO_LARGE) && err.text[0],
                   "the gate refuses with a reason");
        FUZZ_CHECK(!read || reason || has_reason_in_text(text),
                   "the gate keeps out only what its contract names");
        fuzz_tell("refuse %s", err.text);
    }
    buf_done(&theirs);
    return 0;
}
