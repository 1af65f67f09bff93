/* Rules about the form of values, whatever the field: present, not too long, a code, a date. */
#include "schema/code.h"
#include "schema/rule_table.h"

static bool
is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7F;
}

/* A control character in any of eight bytes: below 0x20, or 0x7F. */
static bool
has_control(uint64_t bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t deleted = bytes ^ (ones * 0x7F);
    uint64_t low = (bytes - ones * 0x20) & ~bytes;
    uint64_t zero = (deleted - ones) & ~deleted;
    return ((low | zero) & (ones * 0x80)) != 0;
}

/* No space at an end, and no control character anywhere. Addresses are long: eight bytes at a time.
 */
static bool
text_plain(struct str value)
{
    size_t at = 0;
    for (; at + sizeof(uint64_t) <= value.len; at += sizeof(uint64_t)) {
        uint64_t bytes;
        memcpy(&bytes, value.ptr + at, sizeof bytes);
        if (has_control(bytes))
            return false;
    }
    for (; at < value.len; at++)
        if (is_control((unsigned char)value.ptr[at]))
            return false;
    return value.ptr[0] != ' ' && value.ptr[value.len - 1] != ' ' &&
           !str_starts(value, STR("\xE3\x80\x80")) && !str_ends(value, STR("\xE3\x80\x80"));
}

void
rule_check_required(const struct rule_input *input, struct rule_report *r)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        if (input->values->value[i].len || !rule_in_stage(r, (enum field_id)i) ||
            !record_requires(input->campaign, input->values, (enum field_id)i))
            continue;
        if (r->stage == RULE_SUBMISSION && fields[i].owner != FIELD_OWNER_STUDENT)
            rule_report(r, (enum field_id)i, "学籍中缺少%s，请联系学院补充后再提交",
                        fields[i].label);
        else
            rule_report(r, (enum field_id)i, "请填写%s", fields[i].label);
    }
}

void
rule_check_length(const struct rule_input *input, struct rule_report *r)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        struct str value = rule_value(input, (enum field_id)i);
        if (value.len <= fields[i].length_max || !rule_in_stage(r, (enum field_id)i))
            continue;
        size_t length = utf8_length(value);
        if (length > fields[i].length_max)
            rule_report(r, (enum field_id)i, "%s有 %zu 个字，最多 %u 个字，请缩短", fields[i].label,
                        length, fields[i].length_max);
    }
}

void
rule_check_characters(const struct rule_input *input, struct rule_report *r)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        struct str value = rule_value(input, (enum field_id)i);
        if (value.len && rule_in_stage(r, (enum field_id)i) && !text_plain(value))
            rule_report(r, (enum field_id)i, "%s的开头或结尾有空格，或含有换行等字符，请删除",
                        fields[i].label);
    }
}

/* Of people from Hong Kong, Macao and Taiwan the region stands where the nationality would. */
static bool
is_region(const struct rule_report *r, enum field_id field, struct str value)
{
    return field == FIELD_MZDM && !r->facts.mainland &&
           code_find(code_table_find(STR("GATDQ"), NULL), value) != NULL;
}

void
rule_check_code(const struct rule_input *input, struct rule_report *r)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        struct str value = input->values->value[i];
        const struct code_table *table = code_of_field[i];
        if (table == NULL || value.len == 0 || !rule_in_stage(r, (enum field_id)i) ||
            code_find(table, value) || is_region(r, (enum field_id)i, value))
            continue;
        rule_report(r, (enum field_id)i, "%s不是有效的代码，请从列表中选择%s", fields[i].label,
                    fields[i].length_max == 2 ? "（代码为两位，如 01 不写作 1）" : "");
    }
}

void
rule_check_fixed_value(const struct rule_input *input, struct rule_report *r)
{
    for (unsigned i = 0; input->campaign && i < FIELD_COUNT_; i++) {
        struct str fixed = input->campaign->fixed_value[i];
        struct str value = rule_value(input, (enum field_id)i);
        if (fixed.len && value.len && !str_eq(fixed, value))
            rule_report(r, (enum field_id)i, "本次上报统一规定%s为“%.*s”，请不要修改",
                        fields[i].label, (int)fixed.len, fixed.ptr);
    }
}

void
rule_check_date(const struct rule_input *input, struct rule_report *r)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        struct str value = rule_value(input, (enum field_id)i);
        if (value.len == 0 || !rule_in_stage(r, (enum field_id)i))
            continue;
        if (fields[i].type == FIELD_DATE && date_parse(value) == 0)
            rule_report(r, (enum field_id)i,
                        "%s不是有效的日期，请按年月日八位数字填写，如 20040901", fields[i].label);
        if (fields[i].type == FIELD_MONTH && month_parse(value) == 0)
            rule_report(r, (enum field_id)i, "%s不是有效的年月，请按六位数字填写，如 202706",
                        fields[i].label);
    }
}
