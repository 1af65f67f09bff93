#include "schema/code.h"

const struct code_table *
code_table_find(struct str name, const char *edition)
{
    for (size_t i = 0; i < code_table_count; i++)
        if (str_eq_text(name, code_tables[i].name) &&
            (edition == NULL || str_eq(str_of(edition), str_of(code_tables[i].edition))))
            return &code_tables[i];
    return NULL;
}

const struct code_row *
code_find(const struct code_table *table, struct str code)
{
    for (size_t i = 0; code.len && i < table->count; i++) {
        const char *row = table->rows[i].code;
        if (row[0] == code.ptr[0] && strncmp(row, code.ptr, code.len) == 0 && row[code.len] == '\0')
            return &table->rows[i];
    }
    return NULL;
}

/* Whether the name is what was written, or is that with 族 behind. */
static bool
is_name(struct str written, struct str name)
{
    return str_eq(written, name) ||
           (name.len == written.len + 3 && str_starts(name, written) && str_ends(name, STR("族")));
}

const struct code_row *
code_meant(const struct code_table *table, struct str written)
{
    if (written.len == 0)
        return NULL;
    for (size_t i = 0; i < table->count; i++)
        if (is_name(written, str_of(table->rows[i].name)))
            return &table->rows[i];
    for (size_t i = 0; i < code_alias_count; i++)
        if (strcmp(code_aliases[i].table, table->name) == 0 &&
            str_eq_text(written, code_aliases[i].written))
            return code_find(table, str_of(code_aliases[i].code));
    return NULL;
}

void
code_write_docs(struct buf *out)
{
    for (size_t i = 0; i < code_table_count; i++) {
        buf_printf(out, "### %s (%s)\n\n", code_tables[i].name, code_tables[i].edition);
        for (size_t k = 0; k < code_tables[i].count; k++)
            buf_printf(out, "%s`%s` %s", k ? " · " : "", code_tables[i].rows[k].code,
                       code_tables[i].rows[k].name);
        buf_add_text(out, "\n\n");
    }
}
