#include "runtime/problem.h"

#include "base/jsonw.h"

const struct problem problems[PROBLEM_COUNT_] = {
#define X(id, status, word, title) [id] = {id, status, word, title},
    PROBLEM_TABLE(X)
#undef X
};

void
problem_write(struct buf *out, enum problem_id id, const char *detail,
              const struct problem_field *fields, size_t field_count, struct str trace_id)
{
    char type[128];
    const struct problem *problem = &problems[id];
    struct buf text;
    buf_init(&text, sizeof type);
    buf_printf(&text, "%s%s", PROBLEM_TYPE_BASE, problem->word);
    struct jsonw w = jsonw_on(out);
    jsonw_object_open(&w);
    jsonw_member(&w, "type", buf_str(&text));
    jsonw_member_text(&w, "title", problem->title);
    jsonw_member_int(&w, "status", problem->status);
    jsonw_member_text(&w, "detail", detail ? detail : problem->title);
    if (field_count) {
        jsonw_key(&w, "errors");
        jsonw_array_open(&w);
        for (size_t i = 0; i < field_count; i++) {
            jsonw_object_open(&w);
            jsonw_member_text(&w, "field", fields[i].field);
            jsonw_member_text(&w, "rule", fields[i].rule);
            jsonw_member(&w, "message", fields[i].message);
            jsonw_object_close(&w);
        }
        jsonw_array_close(&w);
    }
    if (trace_id.len)
        jsonw_member(&w, "traceId", trace_id);
    jsonw_object_close(&w);
    buf_done(&text);
}

void
problem_write_docs(struct buf *out)
{
    buf_add_text(out, "| type ends in | status | title |\n|---|---|---|\n");
    for (unsigned i = 0; i < PROBLEM_COUNT_; i++)
        buf_printf(out, "| `%s` | %u | %s |\n", problems[i].word, problems[i].status,
                   problems[i].title);
}
