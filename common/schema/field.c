#include "schema/field.h"

#include <string.h>

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

/* The names side by side, each filled up with zeros: compared as two words, not as texts. */
enum { NAME_WORD = 16 };
static const char words[FIELD_COUNT_][NAME_WORD] = {
#define X(name, ...) [FIELD_##name] = #name,
    FIELD_TABLE(X)
#undef X
};
#define X(name, ...) _Static_assert(sizeof #name <= NAME_WORD, "a longer word is needed");
FIELD_TABLE(X)
#undef X

const struct field *
field_find(struct str name)
{
    char word[NAME_WORD] = {0};
    if (name.len == 0 || name.len >= sizeof word)
        return NULL;
    memcpy(word, name.ptr, name.len);
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        if (memcmp(words[i], word, sizeof word) == 0) /* nor is one with a NUL at its end ours */
            return name.len == fields[i].name_str.len ? &fields[i] : NULL;
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
