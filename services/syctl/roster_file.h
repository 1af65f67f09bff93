/*
 * A school roll as a file: its heading row, and each row turned into the values of the field table
 * with findings by row and column. Pure: bytes in, values out; no database, no keys.
 *
 * Columns: standard names in any order. Those of roster_columns that the field table requires must
 * be there; a column nobody knows is noted and skipped. Dates may be YYYYMMDD, YYYY-MM-DD,
 * YYYY/M/D or YYYY-MM: what is read is the standard form, and a note says so.
 */
#pragma once

#include "schema/csv.h"
#include "schema/rule.h"

enum { ROSTER_COLUMNS = 21 };
extern const enum field_id roster_columns[ROSTER_COLUMNS];

struct roster_finding {
    unsigned row; /* as a spreadsheet counts: the heading is 1 */
    const char *column;
    const char *rule;
    bool refuses; /* else the row counts all the same */
    struct str message;
};
typedef void (*roster_report)(const struct roster_finding *finding, void *ctx);

struct roster_heading {
    size_t count;
    int field[CSV_COLUMNS_MAX]; /* enum field_id, or -1 */
};

/* False when a needed column is missing (reported). */
bool roster_heading_read(const struct csv_row *row, struct roster_heading *ret_heading,
                         roster_report report, void *ctx);
/* False when the row is refused (reported). Values live as long as the arena and the file. */
bool roster_row_read(const struct roster_heading *heading, const struct csv_row *row, unsigned line,
                     uint32_t today, struct arena *arena, struct record_values *ret_values,
                     roster_report report, void *ctx);
