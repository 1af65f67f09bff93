/* Rules about the course of study: 考生号, duration, graduation, how it is paid for. */
#include "schema/area.h"
#include "schema/rule_table.h"

enum { KSH_UNDERGRADUATE = 14, KSH_POSTGRADUATE = 15, MONTHS_SHORTER = 6 };

void
rule_check_ksh(const struct rule_input *input, struct rule_report *r)
{
    struct str ksh = rule_value(input, FIELD_KSH);
    bool postgraduate = r->facts.level == LEVEL_POSTGRADUATE;
    size_t length = postgraduate ? KSH_POSTGRADUATE : KSH_UNDERGRADUATE;
    if (ksh.len == 0)
        return;
    if (!str_is_digits(ksh))
        rule_report(r, FIELD_KSH,
                    "考生号有数字以外的字符，请与学信网学籍核对，不一致的请联系学院更正");
    else if (r->facts.level != LEVEL_ANY && ksh.len != length)
        rule_report(r, FIELD_KSH,
                    "考生号有 %zu 位，%s一般为 %zu 位，请与学信网学籍核对，不一致的请联系学院更正",
                    ksh.len, postgraduate ? "研究生" : "本专科", length);
}

/* Digits 1 and 2 are the year, 3 and 4 the province of the entrance examination. */
static bool
ksh_two(const struct rule_input *input, const struct rule_report *r, size_t at, uint64_t *ret)
{
    struct str ksh = rule_value(input, FIELD_KSH);
    return ksh.len == KSH_UNDERGRADUATE && r->facts.level != LEVEL_POSTGRADUATE &&
           str_to_u64((struct str){ksh.ptr + at, 2}, 99, ret);
}

void
rule_check_ksh_year(const struct rule_input *input, struct rule_report *r)
{
    uint64_t year = 0;
    if (ksh_two(input, r, 0, &year) && r->facts.enrolled && year != r->facts.enrolled / 10000 % 100)
        rule_report(
            r, FIELD_KSH,
            "考生号的年份与入学年份不同：专升本、预科、休学复学的无需理会，其他情况请联系学院核对");
}

void
rule_check_ksh_province(const struct rule_input *input, struct rule_report *r)
{
    uint64_t province = 0;
    uint32_t area = area_code_parse(rule_value(input, FIELD_SYSZDDM));
    if (area && r->facts.mainland && ksh_two(input, r, 2, &province) && province != area / 10000 &&
        area_latest((uint32_t)province * 10000))
        rule_report(r, FIELD_SYSZDDM,
                    "生源所在地与考生号的省份不同，请核对是否为高考时的户籍所在地；确实不同的请把"
                    "户籍证明交给学院");
}

/* Whether all is known, and the month in which the course ends by its duration. */
static bool
study_end(const struct rule_report *r, unsigned *ret_month)
{
    *ret_month = r->facts.begins + r->facts.half_years * 6;
    return r->facts.begins && r->facts.half_years && r->facts.graduates;
}

void
rule_check_study_longer(const struct rule_input *input, struct rule_report *r)
{
    unsigned end;
    (void)input;
    if (study_end(r, &end) && r->facts.graduates > end)
        rule_report(r, FIELD_BYSJ,
                    "毕业时间晚于按入学时间和学制推算的 %u 年 %u 月：延期毕业的请与学院确认，否则请"
                    "联系学院更正学籍",
                    end / 12, end % 12 + 1);
}

void
rule_check_study_shorter(const struct rule_input *input, struct rule_report *r)
{
    unsigned end;
    (void)input;
    if (study_end(r, &end) && r->facts.graduates + MONTHS_SHORTER < end)
        rule_report(r, FIELD_BYSJ,
                    "毕业时间比按入学时间和学制推算的 %u 年 %u 月早半年以上：提前毕业的请与学院"
                    "确认，否则请联系学院更正学籍",
                    end / 12, end % 12 + 1);
}

void
rule_check_major_code(const struct rule_input *input, struct rule_report *r)
{
    struct str code = rule_value(input, FIELD_ZYDM);
    size_t digits = 0;
    while (digits < code.len && code.ptr[digits] >= '0' && code.ptr[digits] <= '9')
        digits++;
    struct str rest = {code.ptr + digits, code.len - digits};
    bool ends = rest.len == 0 || str_eq(rest, STR("T")) || str_eq(rest, STR("K")) ||
                str_eq(rest, STR("TK"));
    if (code.len && (digits != 6 || !ends))
        rule_report(r, FIELD_ZYDM, "专业代码一般为 6 位数字，可以 T、K、TK 结尾，请与学信网核对");
}

static bool
contains(struct str text, const char *part)
{
    return text.len && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

void
rule_check_teacher_school(const struct rule_input *input, struct rule_report *r)
{
    struct str kind = rule_value(input, FIELD_SFSLBDM);
    if (kind.len == 0 || str_eq(kind, STR("2")) ||
        contains(rule_value(input, FIELD_YXMC), "师范") ||
        contains(rule_value(input, FIELD_ZYMC), "师范") ||
        contains(rule_value(input, FIELD_ZYMC), "教育"))
        return;
    rule_report(r, FIELD_SFSLBDM,
                "您的学校和专业不是师范类，师范生类别请选非师范生；确为师范生的请联系学院");
}

void
rule_check_graduation_month(const struct rule_input *input, struct rule_report *r)
{
    uint32_t month = month_parse(rule_value(input, FIELD_BYSJ));
    const struct campaign *campaign = input->campaign;
    if (campaign == NULL || month == 0)
        return;
    for (size_t i = 0; i < campaign->graduation_month_count; i++)
        if (campaign->graduation_months[i] == month)
            return;
    rule_report(r, FIELD_BYSJ,
                "毕业时间 %06u 不在本次上报范围内，如学籍有误或延期毕业请联系学院处理",
                (unsigned)month);
}

static bool
is_commissioned(const struct rule_input *input)
{
    struct str way = rule_value(input, FIELD_PYFSDM);
    return str_eq(way, STR("2")) || str_eq(way, STR("4"));
}

void
rule_check_unit_required(const struct rule_input *input, struct rule_report *r)
{
    if (is_commissioned(input) && rule_value(input, FIELD_DXHWPDW).len == 0)
        rule_report(r, FIELD_DXHWPDW, "您的培养方式为定向或委培，请填写定向或委培单位的全称");
}

void
rule_check_unit_forbidden(const struct rule_input *input, struct rule_report *r)
{
    if (!is_commissioned(input) && rule_value(input, FIELD_DXHWPDW).len)
        rule_report(r, FIELD_DXHWPDW,
                    "只有定向、委培生填写定向或委培单位，请清空；如培养方式有误请联系学院");
}
