/* GET /api/v1/codes/{table}: code tables for a client's pickers; the same for everybody. */
#include <stdio.h>

#include "base/jsonw.h"
#include "base/limits.h"
#include "schema/area.h"
#include "schema/code.h"
#include "services/intake/service.h"

static void
area_write(const struct area *area, void *ctx)
{
    struct jsonw *w = ctx;
    char code[16];
    (void)snprintf(code, sizeof code, "%06u", (unsigned)area->code);
    jsonw_object_open(w);
    jsonw_member_text(w, "code", code);
    jsonw_member_text(w, "name", area->name);
    jsonw_member_bool(w, "leaf", area_is_leaf(area->code));
    jsonw_object_close(w);
}

/* The parameter `parent`, 0 when there is none; or the call answered. Only areas have one. */
static bool
parent_read(struct api_call *call, bool area, uint32_t *ret_parent)
{
    uint64_t parent = 0;
    bool malformed = false;
    struct str text = api_query(call, "parent", &malformed);
    bool known = text.ptr == NULL || (area && text.len == 6 && str_to_u64(text, 999999, &parent) &&
                                      area_current((uint32_t)parent));
    *ret_parent = (uint32_t)parent;
    if (known && !malformed)
        return true;
    const struct problem_field error = {"parent", "code",
                                        area ? STR("请填写现行的六位行政区划代码，不填表示列出省级")
                                             : STR("此代码表不分级，请去掉 parent")};
    api_problem_fields(call, PROBLEM_INVALID_VALUE, &error, 1);
    return false;
}

void
codes_get(struct api_call *call)
{
    struct str name = call->args[0];
    const struct field *field = field_find(name);
    const struct code_table *table =
        field && field->code_table ? code_table_find(str_of(field->code_table), NULL) : NULL;
    bool area = field && field->type == FIELD_AREA;
    struct buf body;
    uint32_t parent;
    if (table == NULL && !area) {
        api_problem(call, PROBLEM_NOT_FOUND, NULL);
        return;
    }
    if (!parent_read(call, area, &parent))
        return;
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_member_text(&w, "table", field->name);
    jsonw_key(&w, "rows");
    jsonw_array_open(&w);
    if (area)
        area_children(parent, area_write, &w);
    for (size_t i = 0; table && i < table->count; i++) {
        jsonw_object_open(&w);
        jsonw_member_text(&w, "code", table->rows[i].code);
        jsonw_member_text(&w, "name", table->rows[i].name);
        jsonw_object_close(&w);
    }
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    reply_tagged(call, buf_str(&body), "private, max-age=3600");
    buf_done(&body);
}
