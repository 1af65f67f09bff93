/* Code tables, compiled in from data/codes.csv and keyed by (table, edition, code). Pure. */
#pragma once

#include "schema/field.h"

struct code_row {
    const char *code;
    const char *name;
};
struct code_table {
    const char *name;
    const char *edition;
    const struct code_row *rows;
    size_t count;
};
extern const struct code_table code_tables[]; /* by name, newest edition first */
extern const size_t code_table_count;

/* What stands in schools' files in the place of a code: old names, codes of older editions
 * and codes without their zero. */
struct code_alias {
    const char *table;
    const char *written;
    const char *code;
};
extern const struct code_alias code_aliases[];
extern const size_t code_alias_count;

/* The newest edition of the table that a field's values are of; NULL where it has none. */
extern const struct code_table *const code_of_field[FIELD_COUNT_];

/* NULL edition: the newest. NULL when there is none. */
const struct code_table *code_table_find(struct str name, const char *edition);
const struct code_row *code_find(const struct code_table *table, struct str code);
/* The row that is meant where its name, an alias, a name without 族 or a digit without its zero was
 * written in place of the code; NULL when nothing is. For files of schools, which are told of it.
 */
const struct code_row *code_meant(const struct code_table *table, struct str written);
void code_write_docs(struct buf *out);
