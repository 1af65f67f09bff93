#include "schema/field.h"

const struct field fields[FIELD_COUNT_] = {
#define X(name, label, part, type, max, owner, required, sealed, table, when, fallback, help)      \
    [FIELD_##name] = {FIELD_##name,                                                                \
                      {#name, sizeof #name - 1},                                                   \
                      #name,                                                                       \
                      label,                                                                       \
                      FIELD_PART_##part,                                                           \
                      FIELD_##type,                                                                \
                      max,                                                                         \
                      FIELD_OWNER_##owner,                                                         \
                      required,                                                                    \
                      sealed,                                                                      \
                      table,                                                                       \
                      when,                                                                        \
                      fallback,                                                                    \
                      help},
    FIELD_TABLE(X)
#undef X
};

const struct field *
field_find(struct str name)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        if (str_eq(name, fields[i].name_str))
            return &fields[i];
    return NULL;
}

void
field_write_docs(struct buf *out)
{
    static const char *const parts[] = {"学校", "个人", "其他"};
    static const char *const owners[] = {"学籍", "学生", "学校"};
    buf_add_text(out, "| 字段 | 名称 | 部分 | 长度 | 归属 | 必填 | 加密 | 代码表 | 说明 |\n"
                      "|---|---|---|---|---|---|---|---|---|\n");
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        const struct field *f = &fields[i];
        buf_printf(out, "| `%s` | %s | %s | %u | %s | %s | %s | %s | %s |\n", f->name, f->label,
                   parts[f->part], f->length_max, owners[f->owner],
                   f->required        ? "是"
                   : f->required_when ? f->required_when
                                      : "否",
                   f->sensitive ? "是" : "", f->code_table ? f->code_table : "",
                   f->help ? f->help : "");
    }
}
