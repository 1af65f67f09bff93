#include "services/syctl/roster_file.h"

#include <stdio.h>
#include <string.h>

#include "schema/code.h"
#include "schema/person.h"

const enum field_id roster_columns[ROSTER_COLUMNS] = {
    FIELD_YXDM,   FIELD_YXMC, FIELD_FXMC, FIELD_XM,   FIELD_KSH,  FIELD_ZJLX, FIELD_SFZH,
    FIELD_XBDM,   FIELD_CSRQ, FIELD_MZDM, FIELD_XLDM, FIELD_ZYDM, FIELD_ZYMC, FIELD_ZYFX,
    FIELD_PYFSDM, FIELD_XZ,   FIELD_RXSJ, FIELD_BYSJ, FIELD_SZYX, FIELD_SZBJ, FIELD_XH,
};

static bool
is_roster_column(enum field_id id)
{
    for (size_t i = 0; i < ROSTER_COLUMNS; i++)
        if (roster_columns[i] == id)
            return true;
    return false;
}

/* Without the spaces, tabs and ideographic spaces that spreadsheets leave at the ends. */
static struct str
trim(struct str text)
{
    bool again = true;
    while (again && text.len) {
        again = false;
        if (text.ptr[0] == ' ' || text.ptr[0] == '\t') {
            text = (struct str){text.ptr + 1, text.len - 1};
            again = true;
        } else if (str_starts(text, STR("\xE3\x80\x80"))) {
            text = (struct str){text.ptr + 3, text.len - 3};
            again = true;
        } else if (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t') {
            text.len--;
            again = true;
        } else if (str_ends(text, STR("\xE3\x80\x80"))) {
            text.len -= 3;
            again = true;
        }
    }
    return text;
}

bool
roster_heading_read(const struct csv_row *row, struct roster_heading *ret_heading,
                    roster_report report, void *ctx)
{
    bool present[FIELD_COUNT_] = {false};
    bool complete = true;
    ret_heading->count = row->count;
    for (size_t i = 0; i < row->count; i++) {
        const struct field *field = field_find(trim(row->column[i]));
        ret_heading->field[i] = -1;
        if (field && is_roster_column(field->id)) {
            ret_heading->field[i] = (int)field->id;
            present[field->id] = true;
        } else if (trim(row->column[i]).len) {
            report(&(struct roster_finding){1, "", "column", false,
                                            STR("表头有不认识的列，已跳过；列名请用标准字段名")},
                   ctx);
        }
    }
    for (size_t i = 0; i < ROSTER_COLUMNS; i++) {
        const struct field *field = &fields[roster_columns[i]];
        if (!field->required || present[field->id])
            continue;
        complete = false;
        report(&(struct roster_finding){1, field->name, "column", true,
                                        STR("表头缺少这一列，整个文件没有导入")},
               ctx);
    }
    return complete;
}

/* Numbers of a date with separators, "2027-6-1" or "2027/06"; returns how many there are. */
static size_t
date_parts(struct str text, uint64_t parts[3])
{
    size_t count = 0;
    char separator = memchr(text.ptr, '-', text.len) ? '-' : '/';
    while (text.len && count < 3) {
        struct str part = str_cut(&text, separator);
        if (!str_to_u64(part, 9999, &parts[count]))
            return 0;
        count++;
    }
    return text.len ? 0 : count;
}

/* The standard form of a date that was written another way; false when it is none of those. */
static bool
date_standard(const struct field *field, struct str text, struct arena *arena, struct str *ret_text)
{
    uint64_t part[3] = {0, 0, 1};
    bool month = field->type == FIELD_MONTH;
    if (month && text.len == 8 && date_parse(text)) {
        *ret_text = (struct str){text.ptr, 6};
        return true;
    }
    if (date_parts(text, part) < 2 || part[0] < 1900 || part[1] < 1 || part[1] > 12 || part[2] > 31)
        return false;
    *ret_text = month ? arena_printf(arena, "%04u%02u", (unsigned)part[0], (unsigned)part[1])
                      : arena_printf(arena, "%04u%02u%02u", (unsigned)part[0], (unsigned)part[1],
                                     (unsigned)part[2]);
    return true;
}

static void
dates_read(unsigned line, struct arena *arena, struct record_values *values, roster_report report,
           void *ctx)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        struct str standard;
        bool date = fields[i].type == FIELD_DATE || fields[i].type == FIELD_MONTH;
        size_t length = fields[i].type == FIELD_MONTH ? 6 : 8;
        if (!date || values->value[i].len == 0 || values->value[i].len == length ||
            !date_standard(&fields[i], values->value[i], arena, &standard))
            continue;
        values->value[i] = standard;
        report(&(struct roster_finding){line, fields[i].name, "date-form", false,
                                        arena_printf(arena, "日期已按标准写法读作 %.*s",
                                                     STR_ARG(standard))},
               ctx);
    }
}

/* Names, codes of older editions and codes without their zero, read as what is meant. */
static void
codes_read(unsigned line, struct arena *arena, struct record_values *values, roster_report report,
           void *ctx)
{
    for (size_t i = 0; i < ROSTER_COLUMNS; i++) {
        enum field_id id = roster_columns[i];
        const struct code_table *table = code_of_field[id];
        struct str written = values->value[id];
        if (table == NULL || written.len == 0 || code_find(table, written))
            continue;
        const struct code_row *meant = code_meant(table, written);
        if (meant == NULL)
            continue;
        values->value[id] = str_of(meant->code);
        report(&(struct roster_finding){line, fields[id].name, "code-form", false,
                                        arena_printf(arena, "“%.*s”已按 %s（%s）读入，请核对",
                                                     STR_ARG(written), meant->code, meant->name)},
               ctx);
    }
}

/* What a spreadsheet does to long numbers: 4.40101E+17. The digits are lost for good. */
static bool
numbers_whole(unsigned line, const struct record_values *values, roster_report report, void *ctx)
{
    static const enum field_id ids[] = {FIELD_SFZH, FIELD_KSH, FIELD_XH};
    bool whole = true;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct str value = values->value[ids[i]];
        if (value.len == 0 || memchr(value.ptr, '+', value.len) == NULL ||
            memchr(value.ptr, 'E', value.len) == NULL)
            continue;
        whole = false;
        report(
            &(struct roster_finding){line, fields[ids[i]].name, "number-as-text", true,
                                     STR("号码被表格软件改成了科学计数，后几位已丢失；请把该列设为"
                                         "文本格式后重新填写")},
            ctx);
    }
    return whole;
}

bool
roster_row_read(const struct roster_heading *heading, const struct csv_row *row, unsigned line,
                uint32_t today, struct arena *arena, struct record_values *ret_values,
                roster_report report, void *ctx)
{
    static struct findings findings;
    char number[ID_NUMBER_SIZE];
    *ret_values = (struct record_values){0};
    if (row->count > heading->count) {
        report(&(struct roster_finding){line, "", "column", true,
                                        STR("这一行的列数比表头多，请检查其中的逗号和引号")},
               ctx);
        return false;
    }
    for (size_t i = 0; i < row->count; i++) {
        if (!utf8_is_text(row->column[i])) {
            report(&(struct roster_finding){line, "", "encoding", true,
                                            STR("这一行有无法识别的字符，请另存为 UTF-8 后再导入")},
                   ctx);
            return false;
        }
        if (heading->field[i] >= 0)
            ret_values->value[heading->field[i]] = trim(row->column[i]);
    }
    if (id_number_normalise(ret_values->value[FIELD_SFZH], number))
        ret_values->value[FIELD_SFZH] = arena_copy(arena, str_of(number));
    codes_read(line, arena, ret_values, report, ctx);
    dates_read(line, arena, ret_values, report, ctx);
    bool whole = numbers_whole(line, ret_values, report, ctx);
    struct rule_input input = {.values = ret_values, .today = today};
    rules_judge_roster(&input, arena, &findings);
    for (size_t i = 0; i < findings.count; i++) {
        const struct finding *finding = &findings.rows[i];
        report(&(struct roster_finding){line, fields[finding->field].name, finding->rule->id,
                                        finding->severity == RULE_REJECT, finding->message},
               ctx);
    }
    return whole && !findings_reject(&findings);
}
