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
    for (size_t i = 0; i < table->count; i++)
        if (str_eq_text(code, table->rows[i].code))
            return &table->rows[i];
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
