#include "schema/rule.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schema/area.h"
#include "schema/code.h"
#include "schema/person.h"

enum { SUCCESSORS_SHOWN_MAX = 4, AREA_TEXT_MAX = 512 };

struct rule_report {
    const struct rule *rule;
    unsigned stage;
    struct arena *arena;
    struct findings *findings;
};

static void report(struct rule_report *report, enum field_id field, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void
report(struct rule_report *r, enum field_id field, const char *format, ...)
{
    char text[1024];
    va_list args;
    if (r->findings->count == FINDINGS_MAX)
        return;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t size = length < 0 ? 0 : (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    r->findings->rows[r->findings->count++] =
        (struct finding){r->rule, field, arena_copy(r->arena, (struct str){text, size})};
}

static struct str
value_of(const struct rule_input *input, enum field_id id)
{
    return input->values->value[id];
}

/* A roster row has no student's fields yet; a submission is asked about all. */
static bool
in_stage(const struct rule_report *r, enum field_id id)
{
    return r->stage == RULE_SUBMISSION || fields[id].owner == FIELD_OWNER_ROSTER;
}

/* --- predicates; the table below names them --- */

static void
check_required(const struct rule_input *input, struct rule_report *r)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        bool required = input->campaign ? input->campaign->required[i] : fields[i].required;
        if (!required || !in_stage(r, (enum field_id)i) || value_of(input, (enum field_id)i).len)
            continue;
        if (r->stage == RULE_SUBMISSION && fields[i].owner != FIELD_OWNER_STUDENT)
            report(r, (enum field_id)i, "学籍中缺少%s，请联系学院补充后再提交", fields[i].label);
        else
            report(r, (enum field_id)i, "请填写%s", fields[i].label);
    }
}

static void
check_length(const struct rule_input *input, struct rule_report *r)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        struct str value = value_of(input, (enum field_id)i);
        if (value.len <= fields[i].length_max || !in_stage(r, (enum field_id)i))
            continue;
        size_t length = utf8_length(value);
        if (length > fields[i].length_max)
            report(r, (enum field_id)i, "%s有 %zu 个字，最多 %u 个字，请缩短", fields[i].label,
                   length, fields[i].length_max);
    }
}

/* Space at an end, or a control character anywhere. */
static bool
text_plain(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c < 0x20 || c == 0x7F)
            return false;
    }
    return value.ptr[0] != ' ' && value.ptr[value.len - 1] != ' ' &&
           !str_starts(value, STR("\xE3\x80\x80")) && !str_ends(value, STR("\xE3\x80\x80"));
}

static void
check_characters(const struct rule_input *input, struct rule_report *r)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        struct str value = value_of(input, (enum field_id)i);
        if (value.len && in_stage(r, (enum field_id)i) && !text_plain(value))
            report(r, (enum field_id)i, "%s的开头或结尾有空格，或含有换行等字符，请删除",
                   fields[i].label);
    }
}

static void
check_code(const struct rule_input *input, struct rule_report *r)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        struct str value = value_of(input, (enum field_id)i);
        if (value.len == 0 || fields[i].code_table == NULL || !in_stage(r, (enum field_id)i))
            continue;
        const struct code_table *table = code_table_find(str_of(fields[i].code_table), NULL);
        if (table && code_find(table, value) == NULL)
            report(r, (enum field_id)i, "%s不是有效的代码，请从列表中选择%s", fields[i].label,
                   fields[i].length_max == 2 ? "（代码为两位，如 01 不写作 1）" : "");
    }
}

static void
check_fixed(const struct rule_input *input, struct rule_report *r)
{
    for (unsigned i = 0; input->campaign && i < FIELD_COUNT_; i++) {
        struct str fixed = input->campaign->fixed_value[i];
        struct str value = value_of(input, (enum field_id)i);
        if (fixed.len && value.len && !str_eq(fixed, value))
            report(r, (enum field_id)i, "本次上报统一规定%s为“%.*s”，请不要修改", fields[i].label,
                   STR_ARG(fixed));
    }
}

static enum id_type
record_id_type(const struct rule_input *input)
{
    enum id_type type = ID_TYPE_COUNT_;
    (void)id_type_parse(value_of(input, FIELD_ZJLX), &type);
    return type;
}

static void
check_document(const struct rule_input *input, struct rule_report *r)
{
    enum id_type type = record_id_type(input);
    struct str number = value_of(input, FIELD_SFZH);
    if (type == ID_TYPE_COUNT_ || number.len == 0)
        return;
    enum id_fault fault = id_number_check(type, number, input->today);
    if (fault)
        report(r, FIELD_SFZH, "%s", id_fault_message(fault));
}

static void
check_birth(const struct rule_input *input, struct rule_report *r)
{
    enum id_type type = record_id_type(input);
    struct str number = value_of(input, FIELD_SFZH);
    struct str birth = value_of(input, FIELD_CSRQ);
    struct str sex = value_of(input, FIELD_XBDM);
    if (type == ID_TYPE_COUNT_ || !id_type_has_birth(type) ||
        id_number_check(type, number, input->today) != ID_OK)
        return;
    if (birth.len && !str_eq(birth, (struct str){number.ptr + 6, 8}))
        report(r, FIELD_CSRQ, "出生日期与证件号码不一致，请核对");
    bool male = (number.ptr[16] - '0') % 2 == 1;
    if (sex.len && !str_eq(sex, male ? STR("1") : STR("2")))
        report(r, FIELD_XBDM, "性别与证件号码不一致，请核对");
}

static bool
month_valid(struct str text)
{
    uint64_t month = 0;
    return text.len == 6 && str_to_u64(text, 209912, &month) && month >= 190001 &&
           month % 100 >= 1 && month % 100 <= 12;
}

static void
check_date(const struct rule_input *input, struct rule_report *r)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        struct str value = value_of(input, (enum field_id)i);
        if (value.len == 0 || !in_stage(r, (enum field_id)i))
            continue;
        if (fields[i].type == FIELD_DATE && date_parse(value) == 0)
            report(r, (enum field_id)i, "%s不是有效的日期，请按年月日八位数字填写，如 20040901",
                   fields[i].label);
        if (fields[i].type == FIELD_MONTH && !month_valid(value))
            report(r, (enum field_id)i, "%s不是有效的年月，请按六位数字填写，如 202706",
                   fields[i].label);
    }
}

static void
check_graduation_month(const struct rule_input *input, struct rule_report *r)
{
    uint64_t month = 0;
    struct str value = value_of(input, FIELD_BYSJ);
    const struct campaign *campaign = input->campaign;
    if (campaign == NULL || !str_to_u64(value, 999999, &month))
        return;
    for (size_t i = 0; i < campaign->graduation_month_count; i++)
        if (campaign->graduation_months[i] == month)
            return;
    report(r, FIELD_BYSJ, "毕业时间 %.*s 不在本次上报范围内，如学籍有误或延期毕业请联系学院处理",
           STR_ARG(value));
}

/* Says what followed an abolished code. */
static void
report_abolished(struct rule_report *r, enum field_id field, const struct area *area)
{
    uint32_t codes[SUCCESSORS_SHOWN_MAX];
    size_t count = area_successors(area->code, codes, SUCCESSORS_SHOWN_MAX);
    struct buf text;
    buf_init(&text, AREA_TEXT_MAX);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&text, "%s%06u ", i ? "、" : "", (unsigned)codes[i]);
        area_full_name(area_current(codes[i]), &text);
    }
    if (count)
        report(r, field, "%06u %s已撤销或更名，现为 %.*s，请重新选择", (unsigned)area->code,
               area->name, STR_ARG(buf_str(&text)));
    else
        report(r, field, "%06u %s已撤销，请按现行区划重新选择", (unsigned)area->code, area->name);
    buf_done(&text);
}

static void
check_area_known(const struct rule_input *input, struct rule_report *r)
{
    static const enum field_id ids[] = {FIELD_SYSZDDM, FIELD_YHKSZDDM};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct str value = value_of(input, ids[i]);
        if (value.len && area_latest(area_code_parse(value)) == NULL)
            report(r, ids[i], "%s不是有效的六位行政区划代码，请从列表中选择", fields[ids[i]].label);
    }
}

static void
check_area_in_force(const struct rule_input *input, struct rule_report *r)
{
    uint32_t code = area_code_parse(value_of(input, FIELD_SYSZDDM));
    const struct area *area = area_latest(code);
    if (area && area->until_year != 0)
        report_abolished(r, FIELD_SYSZDDM, area);
}

static void
check_area_leaf(const struct rule_input *input, struct rule_report *r)
{
    const struct area *area = area_current(area_code_parse(value_of(input, FIELD_SYSZDDM)));
    if (area && !area_is_leaf(area->code))
        report(r, FIELD_SYSZDDM, "生源所在地只选到了%s，请继续选择到所属的区县", area->name);
}

static void
check_household_level(const struct rule_input *input, struct rule_report *r)
{
    uint32_t code = area_code_parse(value_of(input, FIELD_YHKSZDDM));
    const struct area *area = area_latest(code);
    if (area && area->level == AREA_PROVINCE && !area_is_leaf(code))
        report(r, FIELD_YHKSZDDM, "原户口所在地只选到了%s，请选择到市或区县", area->name);
}

static bool
is_commissioned(const struct rule_input *input)
{
    struct str way = value_of(input, FIELD_PYFSDM);
    return str_eq(way, STR("2")) || str_eq(way, STR("4"));
}

static void
check_unit_required(const struct rule_input *input, struct rule_report *r)
{
    if (is_commissioned(input) && value_of(input, FIELD_DXHWPDW).len == 0)
        report(r, FIELD_DXHWPDW, "您的培养方式为定向或委培，请填写定向或委培单位的全称");
}

static void
check_unit_forbidden(const struct rule_input *input, struct rule_report *r)
{
    if (!is_commissioned(input) && value_of(input, FIELD_DXHWPDW).len)
        report(r, FIELD_DXHWPDW,
               "只有定向、委培生填写定向或委培单位，请清空；如培养方式有误请联系学院");
}

static void
check_phone(const struct rule_input *input, struct rule_report *r)
{
    struct str phone = value_of(input, FIELD_SJHM);
    if (phone.len && !phone_mobile_valid(phone))
        report(r, FIELD_SJHM, "手机号码应为 11 位大陆手机号，或带区号的港澳台手机号，请核对");
}

static void
check_phone_verified(const struct rule_input *input, struct rule_report *r)
{
    struct str phone = value_of(input, FIELD_SJHM);
    if (phone.len && input->verified_phone.len && !str_eq(phone, input->verified_phone))
        report(r, FIELD_SJHM,
               "手机号码与绑定时验证的不一致，请填写已验证的号码，或先更换绑定的手机号");
}

static void
check_email(const struct rule_input *input, struct rule_report *r)
{
    struct str mail = value_of(input, FIELD_DZYX);
    if (mail.len && !email_valid(mail))
        report(r, FIELD_DZYX, "电子邮箱格式不对，请填写如 name@example.com 的地址");
}

static void
check_postcode(const struct rule_input *input, struct rule_report *r)
{
    struct str code = value_of(input, FIELD_JTYB);
    if (code.len && !postcode_valid(code))
        report(r, FIELD_JTYB, "请填写 6 位邮政编码");
}

static void
check_telephone(const struct rule_input *input, struct rule_report *r)
{
    struct str number = value_of(input, FIELD_JTDH);
    if (number.len && !telephone_valid(number))
        report(r, FIELD_JTDH, "家庭电话请按“区号-号码”填写，如 020-12345678，或填写手机号");
}

static void
check_qq(const struct rule_input *input, struct rule_report *r)
{
    struct str number = value_of(input, FIELD_QQHM);
    if (number.len && !qq_valid(number))
        report(r, FIELD_QQHM, "QQ号码应为 5 至 11 位数字，请核对");
}

/* clang-format off */
const struct rule rules[] = {
    /* id                  severity     stages                        fields             summary                                             basis                           check */
    {"required",           RULE_REJECT, RULE_ROSTER | RULE_SUBMISSION, "必填字段",         "必填的字段不能为空",                               "有一项为空则整条不予上报",     check_required},
    {"length",             RULE_REJECT, RULE_ROSTER | RULE_SUBMISSION, "所有字段",         "不超过字段的最大字数（按字计，不按字节）",         "字段标准",                     check_length},
    {"characters",         RULE_REJECT, RULE_ROSTER | RULE_SUBMISSION, "所有字段",         "首尾没有空格，中间没有换行等控制字符",             "导入校验的常见错误",           check_characters},
    {"code",               RULE_REJECT, RULE_ROSTER | RULE_SUBMISSION, "代码字段",         "代码在对应版本的代码表中",                         "各代码标准",                   check_code},
    {"date",               RULE_REJECT, RULE_ROSTER | RULE_SUBMISSION, "CSRQ RXSJ BYSJ",   "是日历中存在的日期或年月",                         "字段标准",                     check_date},
    {"document",           RULE_REJECT, RULE_ROSTER | RULE_SUBMISSION, "ZJLX SFZH",        "证件号码符合该类证件的位数、日期和校验码",         "GB 11643 及各证件公告",        check_document},
    {"document-birth-sex", RULE_REJECT, RULE_ROSTER,                   "SFZH CSRQ XBDM",   "出生日期和性别与证件号码一致",                     "GB 11643",                     check_birth},
    {"fixed-value",        RULE_REJECT, RULE_SUBMISSION,               "上报规定的字段",   "本次上报统一规定的值不能改",                       "各校通知",                     check_fixed},
    {"graduation-month",   RULE_REJECT, RULE_SUBMISSION,               "BYSJ",             "毕业时间在本次上报规定的月份内",                   "各校通知",                     check_graduation_month},
    {"area-known",         RULE_REJECT, RULE_SUBMISSION,               "SYSZDDM YHKSZDDM", "是 1981 年以来存在过的行政区划代码",               "GB/T 2260",                    check_area_known},
    {"area-in-force",      RULE_REJECT, RULE_SUBMISSION,               "SYSZDDM",          "生源所在地是现行的行政区划，撤销的给出现行代码",   "GB/T 2260",                    check_area_in_force},
    {"area-leaf",          RULE_REJECT, RULE_SUBMISSION,               "SYSZDDM",          "生源所在地选到区县；不设区县的地级市除外",         "各省通知：最低可选一级",       check_area_leaf},
    {"household-level",    RULE_REJECT, RULE_SUBMISSION,               "YHKSZDDM",         "原户口所在地选到市或区县",                         "各校确认页",                   check_household_level},
    {"dxhwpdw-required",   RULE_REJECT, RULE_SUBMISSION,               "DXHWPDW PYFSDM",   "定向、委培生要填写定向或委培单位",                 "各校通知",                     check_unit_required},
    {"dxhwpdw-forbidden",  RULE_REJECT, RULE_SUBMISSION,               "DXHWPDW PYFSDM",   "非定向、委培生不填定向或委培单位",                 "各校通知",                     check_unit_forbidden},
    {"phone",              RULE_REJECT, RULE_SUBMISSION,               "SJHM",             "是 11 位大陆手机号，或带区号的港澳台手机号",       "号码规划",                     check_phone},
    {"phone-verified",     RULE_REJECT, RULE_SUBMISSION,               "SJHM",             "与绑定时验证的手机号一致",                         "学籍绑定的规定",               check_phone_verified},
    {"email",              RULE_REJECT, RULE_SUBMISSION,               "DZYX",             "电子邮箱格式",                                     "RFC 5321 的常用部分",          check_email},
    {"postcode",           RULE_REJECT, RULE_SUBMISSION,               "JTYB",             "6 位数字",                                         "邮政编码",                     check_postcode},
    {"telephone",          RULE_REJECT, RULE_SUBMISSION,               "JTDH",             "区号-号码，或手机号",                              "各省导入说明",                 check_telephone},
    {"qq",                 RULE_REJECT, RULE_SUBMISSION,               "QQHM",             "5 至 11 位数字",                                   "惯例",                         check_qq},
};
/* clang-format on */
const size_t rule_count = sizeof rules / sizeof rules[0];

static void
judge(const struct rule_input *input, unsigned stage, struct arena *arena, struct findings *ret)
{
    struct rule_report r = {.stage = stage, .arena = arena, .findings = ret};
    ret->count = 0;
    for (size_t i = 0; i < rule_count; i++) {
        if (!(rules[i].stages & stage))
            continue;
        r.rule = &rules[i];
        rules[i].check(input, &r);
    }
}

void
rules_judge(const struct rule_input *input, struct arena *arena, struct findings *ret)
{
    judge(input, RULE_SUBMISSION, arena, ret);
}

void
rules_judge_roster(const struct rule_input *input, struct arena *arena, struct findings *ret)
{
    judge(input, RULE_ROSTER, arena, ret);
}

bool
findings_reject(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->rows[i].rule->severity == RULE_REJECT)
            return true;
    return false;
}

void
record_apply_defaults(const struct campaign *campaign, struct record_values *values)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        if (values->value[i].len)
            continue;
        if (campaign && campaign->fixed_value[i].len)
            values->value[i] = campaign->fixed_value[i];
        else if (fields[i].default_value)
            values->value[i] = str_of(fields[i].default_value);
    }
}

void
rule_write_docs(struct buf *out)
{
    static const char *const severities[] = {"拒绝", "警告", "提示"};
    buf_add_text(out, "| 规则 | 级别 | 用于 | 字段 | 内容 | 依据 |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < rule_count; i++)
        buf_printf(out, "| `%s` | %s | %s%s | %s | %s | %s |\n", rules[i].id,
                   severities[rules[i].severity], rules[i].stages & RULE_ROSTER ? "学籍导入 " : "",
                   rules[i].stages & RULE_SUBMISSION ? "提交" : "", rules[i].fields,
                   rules[i].summary, rules[i].basis);
}
