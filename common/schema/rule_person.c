/* Rules about the person: document, birth, name, phone and mail. */
#include "schema/rule_table.h"

enum { AGE_LEAST = 17, AGE_MOST = 45, AGE_ENROLLED_LEAST = 12 };

void
rule_check_document(const struct rule_input *input, struct rule_report *r)
{
    (void)input;
    if (r->facts.id_fault)
        rule_report(r, FIELD_SFZH, "%s", id_fault_message(r->facts.id_fault));
}

void
rule_check_birth_sex(const struct rule_input *input, struct rule_report *r)
{
    struct str number = rule_value(input, FIELD_SFZH);
    struct str birth = rule_value(input, FIELD_CSRQ);
    struct str sex = rule_value(input, FIELD_XBDM);
    if (number.len == 0 || r->facts.id_fault || r->facts.id_type == ID_TYPE_COUNT_ ||
        !id_type_has_birth(r->facts.id_type))
        return;
    if (birth.len && !str_eq(birth, (struct str){number.ptr + 6, 8}))
        rule_report(r, FIELD_CSRQ, "出生日期与证件号码不一致，请核对");
    bool male = (number.ptr[16] - '0') % 2 == 1;
    if (sex.len && !str_eq(sex, male ? STR("1") : STR("2")))
        rule_report(r, FIELD_XBDM, "性别与证件号码不一致，请核对");
}

void
rule_check_birth_possible(const struct rule_input *input, struct rule_report *r)
{
    uint32_t birth = r->facts.birth;
    if (birth > input->today)
        rule_report(r, FIELD_CSRQ, "出生日期在将来，请核对；学籍有误请联系学院更正");
    else if (birth && r->facts.enrolled && birth + AGE_ENROLLED_LEAST * 10000 > r->facts.enrolled)
        rule_report(r, FIELD_CSRQ,
                    "出生日期与入学时间相差不到 %d 年，请核对两者；学籍有误请联系学院更正",
                    AGE_ENROLLED_LEAST);
}

void
rule_check_age(const struct rule_input *input, struct rule_report *r)
{
    (void)input;
    unsigned born = r->facts.birth / 10000 * 12 + r->facts.birth / 100 % 100 - 1;
    if (r->facts.birth == 0 || r->facts.graduates < born)
        return;
    unsigned age = (r->facts.graduates - born) / 12;
    if (age < AGE_LEAST || age > AGE_MOST)
        rule_report(r, FIELD_CSRQ,
                    "按出生日期毕业时为 %u 岁，请核对出生日期；无误可不理会，有误请联系学院更正",
                    age);
}

/* Ranges of code points. */
struct points {
    uint32_t first, last;
};

static bool
in_points(const struct points *rows, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++)
        if (c >= rows[i].first && c <= rows[i].last)
            return true;
    return false;
}

#define IN(rows, c) in_points(rows, sizeof(rows) / sizeof(rows)[0], c)
/* 〇 as well. */
static const struct points han[] = {
    {0x4E00, 0x9FFF}, {0x3400, 0x4DBF}, {0x20000, 0x3FFFF}, {0xF900, 0xFAFF}, {0x3007, 0x3007}};
static const struct points han_usual[] = {{0x4E00, 0x9FA5}, {0x3007, 0x3007}};
/* Latin letters with and without marks, and what stands between the parts of such a name. */
static const struct points latin[] = {{'A', 'Z'}, {'a', 'z'}, {0xC0, 0x24F},
                                      {' ', ' '}, {',', '.'}, {'\'', '\''}};
/* Dots that are typed for the one between the parts of a name. */
static const struct points wrong_dots[] = {{'.', '.'},       {0x2022, 0x2022}, {0x2027, 0x2027},
                                           {0x2219, 0x2219}, {0x22C5, 0x22C5}, {0x30FB, 0x30FB},
                                           {0xFF0E, 0xFF0E}, {0xFF65, 0xFF65}, {0x3002, 0x3002}};
static const struct points umlauts[] = {{0xDC, 0xDC}, {0xFC, 0xFC}, {0x1D5, 0x1DC}};
static const struct points name_dot[] = {{0xB7, 0xB7}};

void
rule_check_name_characters(const struct rule_input *input, struct rule_report *r)
{
    struct str name = rule_value(input, FIELD_XM);
    for (size_t at = 0; at < name.len;) {
        uint32_t c = utf8_next(name, &at);
        if (IN(han, c) || IN(name_dot, c))
            continue;
        if (IN(umlauts, c))
            rule_report(r, FIELD_XM, "姓名中的 ü 请按证件写作 YU；学籍有误请联系学院更正");
        else if (!r->facts.mainland && IN(latin, c))
            continue;
        else if (IN(wrong_dots, c))
            rule_report(r, FIELD_XM,
                        "姓名中的间隔号请用“·”（中文输入法的间隔号）；学籍有误请联系学院更正");
        else
            rule_report(r, FIELD_XM,
                        "姓名中有汉字和“·”以外的字符，请对照证件核对；学籍有误请联系学院更正");
        return;
    }
}

void
rule_check_name_rare(const struct rule_input *input, struct rule_report *r)
{
    struct str name = rule_value(input, FIELD_XM);
    for (size_t at = 0; at < name.len;) {
        uint32_t c = utf8_next(name, &at);
        if (IN(han_usual, c) || !IN(han, c))
            continue;
        rule_report(r, FIELD_XM, "姓名中有生僻字，部分系统可能无法显示，领取证件前请核对打印结果");
        return;
    }
}

void
rule_check_politics_mainland(const struct rule_input *input, struct rule_report *r)
{
    if (!r->facts.mainland && rule_value(input, FIELD_ZZMMDM).len)
        rule_report(r, FIELD_ZZMMDM, "港澳台和境外学生一般不填政治面貌，没有的请清空");
}

/* The field is sealed: whoever turns this on has the finding tell that the student is in hardship.
 */
void
rule_check_hardship_proof(const struct rule_input *input, struct rule_report *r)
{
    struct str kind = rule_value(input, FIELD_KNSLBDM);
    if (kind.len && !str_eq(kind, STR("0")))
        rule_report(r, FIELD_KNSLBDM, "请把困难认定的证明交给学院，以便审核");
}

void
rule_check_phone(const struct rule_input *input, struct rule_report *r)
{
    struct str phone = rule_value(input, FIELD_SJHM);
    if (phone.len == 0 || phone_mainland_valid(phone))
        return;
    if (r->facts.mainland)
        rule_report(r, FIELD_SJHM, "手机号码应为 11 位大陆手机号，请核对");
    else if (!phone_abroad_valid(phone))
        rule_report(
            r, FIELD_SJHM,
            "手机号码应为 11 位大陆手机号，或以 +852、+853、+886 开头的港澳台手机号，请核对");
}

void
rule_check_phone_verified(const struct rule_input *input, struct rule_report *r)
{
    struct str phone = rule_value(input, FIELD_SJHM);
    if (phone.len && input->verified_phone.len && !str_eq(phone, input->verified_phone))
        rule_report(r, FIELD_SJHM,
                    "手机号码与绑定时验证的不一致，请填写已验证的号码，或先更换绑定的手机号");
}

void
rule_check_email(const struct rule_input *input, struct rule_report *r)
{
    struct str mail = rule_value(input, FIELD_DZYX);
    if (mail.len && !email_valid(mail))
        rule_report(r, FIELD_DZYX, "电子邮箱格式不对，请填写如 name@example.com 的地址");
}

void
rule_check_postcode(const struct rule_input *input, struct rule_report *r)
{
    struct str code = rule_value(input, FIELD_JTYB);
    if (code.len && !postcode_valid(code))
        rule_report(r, FIELD_JTYB, "请填写 6 位邮政编码");
}

void
rule_check_telephone(const struct rule_input *input, struct rule_report *r)
{
    struct str number = rule_value(input, FIELD_JTDH);
    if (number.len && !telephone_valid(number))
        rule_report(r, FIELD_JTDH, "家庭电话请按“区号-号码”填写，如 020-12345678，或填写手机号");
}

void
rule_check_qq(const struct rule_input *input, struct rule_report *r)
{
    struct str number = rule_value(input, FIELD_QQHM);
    if (number.len && !qq_valid(number))
        rule_report(r, FIELD_QQHM, "QQ号码应为 5 至 11 位数字，请核对");
}
