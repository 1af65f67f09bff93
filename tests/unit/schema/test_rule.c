#include "tests/unit/test.h"

#include "schema/person.h"
#include "schema/rule.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

enum { TODAY = 20261123 };

/* Made for the tests; check digits are right. */
#define CARD "440103200402290016"        /* 荔湾区, 29 February 2004, male */
#define CARD_FEMALE "440103200402290024" /* the same, female */
#define PERMIT "810000200402290010"      /* Hong Kong */
#define PHONE "13800138000"

struct value {
    enum field_id field;
    const char *text;
};

/* A record that every rule accepts. */
static const struct value good[] = {
    {FIELD_YXDM, "10558"},
    {FIELD_YXMC, "示例大学"},
    {FIELD_XM, "张三"},
    {FIELD_KSH, "22440103150001"},
    {FIELD_ZJLX, "IDENTITY_CARD"},
    {FIELD_SFZH, CARD},
    {FIELD_XBDM, "1"},
    {FIELD_CSRQ, "20040229"},
    {FIELD_MZDM, "01"},
    {FIELD_ZZMMDM, "03"},
    {FIELD_XLDM, "31"},
    {FIELD_ZYDM, "080901"},
    {FIELD_ZYMC, "计算机科学与技术"},
    {FIELD_PYFSDM, "1"},
    {FIELD_SYSZDDM, "440103"},
    {FIELD_CXSY, "城镇"},
    {FIELD_XZ, "4"},
    {FIELD_RXSJ, "20230901"},
    {FIELD_BYSJ, "202706"},
    {FIELD_SFSLBDM, "2"},
    {FIELD_KNSLBDM, "0"},
    {FIELD_SZYX, "计算机学院"},
    {FIELD_XH, "2023001"},
    {FIELD_DASFZRXX, "1"},
    {FIELD_HKSFZRXX, "0"},
    {FIELD_SJHM, PHONE},
    {FIELD_DZYX, "zhangsan@test.cn"},
    {FIELD_JTDZ, "广东省广州市荔湾区某路 1 号"},
    {FIELD_JTYB, "510000"},
    {FIELD_YHKSZDDM, "440103"},
};

static void
record_make(const struct value *changes, size_t count, struct record_values *ret)
{
    *ret = (struct record_values){0};
    for (size_t i = 0; i < COUNT(good); i++)
        ret->value[good[i].field] = str_of(good[i].text);
    for (size_t i = 0; i < count && changes[i].text; i++)
        ret->value[changes[i].field] = str_of(changes[i].text);
}

#define HAN10 "一二三四五六七八九十"
#define HAN40 HAN10 HAN10 HAN10 HAN10
#define HAN120 HAN40 HAN40 HAN40

enum { CHANGES_MAX = 4 };

/* Findings are written "rule:FIELD rule:FIELD"; none: accepted. `rule`: whose row it is. */
struct row {
    const char *rule;
    const char *title;
    unsigned stage;
    struct value change[CHANGES_MAX];
    const char *expected;
    const char *says; /* a part of the first message */
};

enum { R = RULE_ROSTER, S = RULE_SUBMISSION };

/* clang-format off */
static const struct row rows[] = {
    {"required", "nothing missing", S, {{0}}, "", NULL},
    {"required", "nothing missing in a roster", R, {{0}}, "", NULL},
    {"required", "student's own", S, {{FIELD_JTDZ, ""}}, "required:JTDZ", "请填写家庭地址"},
    {"required", "the roster's: the student cannot fill it in", S, {{FIELD_XM, ""}}, "required:XM", "学籍中缺少姓名，请联系学院补充后再提交"},
    {"required", "the roster's, at import", R, {{FIELD_XM, ""}}, "required:XM", "请填写姓名"},
    {"required", "a roster has no student's fields yet", R, {{FIELD_JTDZ, ""}, {FIELD_SJHM, ""}, {FIELD_SYSZDDM, ""}}, "", NULL},
    {"required", "optional ones", S, {{FIELD_KSH, ""}, {FIELD_QQHM, ""}, {FIELD_JTLXR, ""}}, "", NULL},
    {"required", "in the order of the fields", S, {{FIELD_YHKSZDDM, ""}, {FIELD_SJHM, ""}, {FIELD_YXDM, ""}}, "required:YXDM required:SJHM required:YHKSZDDM", NULL},

    {"length", "as long as allowed", S, {{FIELD_XM, HAN40}}, "", NULL},
    {"length", "one too long", S, {{FIELD_XM, HAN40 "一"}}, "length:XM", "姓名有 41 个字，最多 40 个字，请缩短"},
    {"length", "address of 120", S, {{FIELD_JTDZ, HAN120}}, "", NULL},
    {"length", "address of 121", S, {{FIELD_JTDZ, HAN120 "一"}}, "length:JTDZ", "家庭地址有 121 个字"},
    {"length", "code points outside the first plane count as one", S, {{FIELD_JTLXR, "𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷"}}, "", NULL},
    {"length", "a roster's", R, {{FIELD_XH, "1234567890123456"}}, "length:XH", "16"},
    {"length", "a student's, not at import", R, {{FIELD_JTYB, "5100000"}}, "", NULL},

    {"characters", "a space inside", S, {{FIELD_JTDZ, "某路 1 号"}}, "", NULL},
    {"characters", "middle dots of names", S, {{FIELD_XM, "阿依古丽·买买提"}}, "", NULL},
    {"characters", "space in front", S, {{FIELD_XM, " 张三"}}, "characters:XM", "开头或结尾有空格"},
    {"characters", "space behind", S, {{FIELD_XM, "张三 "}}, "characters:XM", NULL},
    {"characters", "wide space in front", S, {{FIELD_XM, "　张三"}}, "characters:XM", NULL},
    {"characters", "wide space behind", S, {{FIELD_XM, "张三　"}}, "characters:XM", NULL},
    {"characters", "a tab", S, {{FIELD_JTDZ, "某路\t1 号"}}, "characters:JTDZ", "家庭地址"},
    {"characters", "a new line", S, {{FIELD_JTDZ, "某路\n1 号"}}, "characters:JTDZ", NULL},
    {"characters", "a delete", S, {{FIELD_JTDZ, "某路\x7f"}}, "characters:JTDZ", NULL},
    {"characters", "at import", R, {{FIELD_SZYX, "计算机学院 "}}, "characters:SZYX", "所在院系"},
    {"characters", "a student's, not at import", R, {{FIELD_JTDZ, " 某路"}}, "", NULL},

    {"code", "another nation", S, {{FIELD_MZDM, "56"}}, "", NULL},
    {"code", "one digit instead of two", S, {{FIELD_MZDM, "1"}}, "code:MZDM", "（代码为两位，如 01 不写作 1）"},
    {"code", "no such code", S, {{FIELD_XBDM, "3"}}, "code:XBDM", "性别不是有效的代码，请从列表中选择"},
    {"code", "a name instead of a code", S, {{FIELD_CXSY, "城市"}}, "code:CXSY", NULL},
    {"code", "a code of an old edition", S, {{FIELD_XLDM, "33"}}, "code:XLDM", NULL},
    {"code", "no such document type, so that no number is checked", S, {{FIELD_ZJLX, "CARD"}, {FIELD_SFZH, "123"}}, "code:ZJLX", NULL},
    {"code", "a flag", S, {{FIELD_HKSFZRXX, "2"}}, "code:HKSFZRXX", NULL},
    {"code", "at import", R, {{FIELD_PYFSDM, "9"}}, "code:PYFSDM", NULL},
    {"code", "a student's, not at import", R, {{FIELD_CXSY, "城市"}}, "", NULL},

    {"date", "29 February", R, {{FIELD_RXSJ, "20240229"}}, "", NULL},
    {"date", "no such day", R, {{FIELD_RXSJ, "20230229"}}, "date:RXSJ", "入学时间不是有效的日期"},
    {"date", "with dashes", R, {{FIELD_RXSJ, "2023-9-1"}}, "date:RXSJ", NULL},
    {"date", "December", R, {{FIELD_BYSJ, "202612"}}, "", NULL},
    {"date", "no month 13", R, {{FIELD_BYSJ, "202613"}}, "date:BYSJ", "毕业时间不是有效的年月"},
    {"date", "no month 0", R, {{FIELD_BYSJ, "202700"}}, "date:BYSJ", NULL},
    {"date", "1900 is the first year", R, {{FIELD_BYSJ, "190001"}}, "", NULL},
    {"date", "1899 is before it", R, {{FIELD_BYSJ, "189912"}}, "date:BYSJ", NULL},
    {"date", "2099 is the last year", R, {{FIELD_BYSJ, "209912"}}, "", NULL},
    {"date", "2100 is after it", R, {{FIELD_BYSJ, "210001"}}, "date:BYSJ", NULL},
    {"date", "a month with a dash", S, {{FIELD_BYSJ, "2027-6"}}, "date:BYSJ", NULL},

    {"document", "another person's", S, {{FIELD_SFZH, CARD_FEMALE}}, "", NULL},
    {"document", "check digit", S, {{FIELD_SFZH, "440103200402290018"}}, "document:SFZH", "最后一位"},
    {"document", "15 digits", S, {{FIELD_SFZH, "440103040229001"}}, "document:SFZH", "位数不对"},
    {"document", "not upper case", S, {{FIELD_SFZH, "11010519491231002x"}}, "document:SFZH", "不允许的字符"},
    {"document", "area", S, {{FIELD_SFZH, "440101200402290010"}}, "document:SFZH", "行政区划"},
    {"document", "date", S, {{FIELD_SFZH, "440103200302290010"}}, "document:SFZH", "不存在"},
    {"document", "future", S, {{FIELD_SFZH, "440103202612010010"}}, "document:SFZH", "在将来"},
    {"document", "residence permit", S, {{FIELD_ZJLX, "HMT_RESIDENCE_PERMIT"}, {FIELD_SFZH, PERMIT}}, "", NULL},
    {"document", "a card's number on a residence permit", S, {{FIELD_ZJLX, "HMT_RESIDENCE_PERMIT"}}, "document:SFZH", "行政区划"},
    {"document", "travel permit", S, {{FIELD_ZJLX, "HM_TRAVEL_PERMIT"}, {FIELD_SFZH, "H12345678"}}, "", NULL},
    {"document", "a card's number on a travel permit", S, {{FIELD_ZJLX, "TW_TRAVEL_PERMIT"}}, "document:SFZH", NULL},
    {"document", "at import", R, {{FIELD_SFZH, "440103200402290018"}}, "document:SFZH", NULL},

    {"document-birth-sex", "agree", R, {{FIELD_SFZH, CARD_FEMALE}, {FIELD_XBDM, "2"}}, "", NULL},
    {"document-birth-sex", "another day", R, {{FIELD_CSRQ, "20040228"}}, "document-birth-sex:CSRQ", "出生日期与证件号码不一致"},
    {"document-birth-sex", "a man's number", R, {{FIELD_XBDM, "2"}}, "document-birth-sex:XBDM", "性别与证件号码不一致"},
    {"document-birth-sex", "a woman's number", R, {{FIELD_SFZH, CARD_FEMALE}}, "document-birth-sex:XBDM", NULL},
    {"document-birth-sex", "both", R, {{FIELD_CSRQ, "20040228"}, {FIELD_XBDM, "2"}}, "document-birth-sex:CSRQ document-birth-sex:XBDM", NULL},
    {"document-birth-sex", "a residence permit has both, too", R, {{FIELD_ZJLX, "HMT_RESIDENCE_PERMIT"}, {FIELD_SFZH, PERMIT}, {FIELD_CSRQ, "20040301"}}, "document-birth-sex:CSRQ", NULL},
    {"document-birth-sex", "a travel permit has neither", R, {{FIELD_ZJLX, "HM_TRAVEL_PERMIT"}, {FIELD_SFZH, "H12345678"}, {FIELD_XBDM, "2"}}, "", NULL},
    {"document-birth-sex", "a wrong number says nothing", R, {{FIELD_SFZH, "440103200402290018"}, {FIELD_XBDM, "2"}}, "document:SFZH", NULL},
    {"document-birth-sex", "what is absent cannot disagree", R, {{FIELD_CSRQ, ""}, {FIELD_XBDM, ""}}, "required:XBDM required:CSRQ", NULL},
    {"document-birth-sex", "not asked of a student", S, {{FIELD_CSRQ, "20040228"}, {FIELD_XBDM, "2"}}, "", NULL},

    {"fixed-value", "as the campaign says", S, {{FIELD_SFSLBDM, "2"}}, "", NULL},
    {"fixed-value", "changed", S, {{FIELD_SFSLBDM, "1"}}, "fixed-value:SFSLBDM", "本次上报统一规定师范生类别为“2”，请不要修改"},

    {"graduation-month", "the other month of the campaign", S, {{FIELD_BYSJ, "202701"}}, "", NULL},
    {"graduation-month", "a month later", S, {{FIELD_BYSJ, "202707"}}, "graduation-month:BYSJ", "毕业时间 202707 不在本次上报范围内"},
    {"graduation-month", "a year earlier", S, {{FIELD_BYSJ, "202606"}}, "graduation-month:BYSJ", NULL},
    {"graduation-month", "no campaign at import", R, {{FIELD_BYSJ, "202707"}}, "", NULL},

    {"area-known", "东莞", S, {{FIELD_SYSZDDM, "441900"}, {FIELD_YHKSZDDM, "441900"}}, "", NULL},
    {"area-known", "never given", S, {{FIELD_SYSZDDM, "440101"}}, "area-known:SYSZDDM", "生源所在地不是有效的六位行政区划代码"},
    {"area-known", "never given, household", S, {{FIELD_YHKSZDDM, "441901"}}, "area-known:YHKSZDDM", "原户口所在地"},
    {"area-known", "five digits", S, {{FIELD_SYSZDDM, "44010"}}, "area-known:SYSZDDM", NULL},
    {"area-known", "a name", S, {{FIELD_YHKSZDDM, "荔湾区"}}, "area-known:YHKSZDDM", NULL},
    {"area-known", "both", S, {{FIELD_YHKSZDDM, "999999"}, {FIELD_SYSZDDM, "000000"}}, "area-known:SYSZDDM area-known:YHKSZDDM", NULL},
    {"area-known", "not at import", R, {{FIELD_SYSZDDM, "440101"}}, "", NULL},

    {"area-in-force", "the code that followed", S, {{FIELD_SYSZDDM, "440606"}}, "", NULL},
    {"area-in-force", "renamed", S, {{FIELD_SYSZDDM, "440681"}}, "area-in-force:SYSZDDM", "440681 顺德市已撤销或更名，现为 440606 广东省佛山市顺德区，请重新选择"},
    {"area-in-force", "split", S, {{FIELD_SYSZDDM, "440682"}}, "area-in-force:SYSZDDM", "现为 440604 广东省佛山市禅城区、440605 广东省佛山市南海区，"},
    {"area-in-force", "gone, nothing known to follow", S, {{FIELD_SYSZDDM, "442100"}}, "area-in-force:SYSZDDM", "442100 海南行政区已撤销，请按现行区划重新选择"},
    {"area-in-force", "a household may stand under an old code", S, {{FIELD_YHKSZDDM, "440681"}}, "", NULL},

    {"area-leaf", "中山 has no counties", S, {{FIELD_SYSZDDM, "442000"}}, "", NULL},
    {"area-leaf", "儋州 has none", S, {{FIELD_SYSZDDM, "460400"}}, "", NULL},
    {"area-leaf", "香港 has none", S, {{FIELD_SYSZDDM, "810000"}}, "", NULL},
    {"area-leaf", "a county of the province", S, {{FIELD_SYSZDDM, "429004"}}, "", NULL},
    {"area-leaf", "a prefecture with counties", S, {{FIELD_SYSZDDM, "440100"}}, "area-leaf:SYSZDDM", "只选到了广州市，请继续选择到所属的区县"},
    {"area-leaf", "a province", S, {{FIELD_SYSZDDM, "440000"}}, "area-leaf:SYSZDDM", "只选到了广东省"},
    {"area-leaf", "a municipality", S, {{FIELD_SYSZDDM, "110000"}}, "area-leaf:SYSZDDM", "只选到了北京市"},

    {"household-level", "a prefecture is enough", S, {{FIELD_YHKSZDDM, "440100"}}, "", NULL},
    {"household-level", "澳门 has nothing below", S, {{FIELD_YHKSZDDM, "820000"}}, "", NULL},
    {"household-level", "a province", S, {{FIELD_YHKSZDDM, "440000"}}, "household-level:YHKSZDDM", "原户口所在地只选到了广东省，请选择到市或区县"},

    {"dxhwpdw-required", "定向 with its unit", S, {{FIELD_PYFSDM, "2"}, {FIELD_DXHWPDW, "某县人民医院"}}, "", NULL},
    {"dxhwpdw-required", "定向 without", S, {{FIELD_PYFSDM, "2"}}, "dxhwpdw-required:DXHWPDW", "请填写定向或委培单位的全称"},
    {"dxhwpdw-required", "委培 with its unit", S, {{FIELD_PYFSDM, "4"}, {FIELD_DXHWPDW, "某县人民医院"}}, "", NULL},
    {"dxhwpdw-required", "委培 without", S, {{FIELD_PYFSDM, "4"}}, "dxhwpdw-required:DXHWPDW", NULL},
    {"dxhwpdw-required", "not at import", R, {{FIELD_PYFSDM, "4"}}, "", NULL},

    {"dxhwpdw-forbidden", "自筹 without", S, {{FIELD_PYFSDM, "5"}}, "", NULL},
    {"dxhwpdw-forbidden", "非定向 with a unit", S, {{FIELD_DXHWPDW, "某县人民医院"}}, "dxhwpdw-forbidden:DXHWPDW", "请清空"},
    {"dxhwpdw-forbidden", "在职 with a unit", S, {{FIELD_PYFSDM, "3"}, {FIELD_DXHWPDW, "某县人民医院"}}, "dxhwpdw-forbidden:DXHWPDW", NULL},
    {"dxhwpdw-forbidden", "自筹 with a unit", S, {{FIELD_PYFSDM, "5"}, {FIELD_DXHWPDW, "某县人民医院"}}, "dxhwpdw-forbidden:DXHWPDW", NULL},

    {"phone", "mainland", S, {{0}}, "", NULL},
    {"phone", "ten digits", S, {{FIELD_SJHM, "1380013800"}}, "phone:SJHM phone-verified:SJHM", "11 位大陆手机号"},
    {"phone", "Hong Kong", S, {{FIELD_SJHM, "+85291234567"}}, "phone-verified:SJHM", NULL},
    {"phone", "Hong Kong, a digit short", S, {{FIELD_SJHM, "+8529123456"}}, "phone:SJHM phone-verified:SJHM", NULL},

    {"phone-verified", "the verified one", S, {{FIELD_SJHM, PHONE}}, "", NULL},
    {"phone-verified", "another", S, {{FIELD_SJHM, "13900139000"}}, "phone-verified:SJHM", "先更换绑定的手机号"},

    {"email", "longest", S, {{FIELD_DZYX, "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij@test.cnnn"}}, "", NULL},
    {"email", "no domain", S, {{FIELD_DZYX, "zhangsan@test"}}, "email:DZYX", "电子邮箱格式不对"},
    {"email", "space inside", S, {{FIELD_DZYX, "zhang san@test.cn"}}, "email:DZYX", NULL},

    {"postcode", "beginning with zero", S, {{FIELD_JTYB, "010000"}}, "", NULL},
    {"postcode", "five digits", S, {{FIELD_JTYB, "51000"}}, "postcode:JTYB", "请填写 6 位邮政编码"},
    {"postcode", "seven digits", S, {{FIELD_JTYB, "5100000"}}, "length:JTYB postcode:JTYB", NULL},

    {"telephone", "area code and number", S, {{FIELD_JTDH, "020-87654321"}}, "", NULL},
    {"telephone", "a mobile number", S, {{FIELD_JTDH, "13900139000"}}, "", NULL},
    {"telephone", "no area code", S, {{FIELD_JTDH, "87654321"}}, "telephone:JTDH", "020-12345678"},
    {"telephone", "no dash", S, {{FIELD_JTDH, "02087654321"}}, "telephone:JTDH", NULL},

    {"qq", "5 digits", S, {{FIELD_QQHM, "10000"}}, "", NULL},
    {"qq", "11 digits", S, {{FIELD_QQHM, "12345678901"}}, "", NULL},
    {"qq", "4 digits", S, {{FIELD_QQHM, "1000"}}, "qq:QQHM", "5 至 11 位数字"},
    {"qq", "12 digits", S, {{FIELD_QQHM, "123456789012"}}, "qq:QQHM", NULL},
    {"qq", "beginning with zero", S, {{FIELD_QQHM, "01234"}}, "qq:QQHM", NULL},
};
/* clang-format on */

static void
campaign_make(struct campaign *ret)
{
    campaign_default(ret);
    ret->graduation_months[ret->graduation_month_count++] = 202701;
    ret->graduation_months[ret->graduation_month_count++] = 202706;
    ret->fixed_value[FIELD_SFSLBDM] = STR("2");
}

static void
judge(const struct record_values *values, const struct campaign *campaign, unsigned stage,
      struct arena *arena, struct findings *ret)
{
    const struct rule_input input = {
        .values = values,
        .campaign = stage == R ? NULL : campaign,
        .verified_phone = STR(PHONE),
        .today = TODAY,
    };
    if (stage == R)
        rules_judge_roster(&input, arena, ret);
    else
        rules_judge(&input, arena, ret);
}

/* "rule:FIELD rule:FIELD" */
static void
findings_print(const struct findings *findings, struct buf *out)
{
    for (size_t i = 0; i < findings->count; i++)
        buf_printf(out, "%s%s:%s", i ? " " : "", findings->rows[i].rule->id,
                   fields[findings->rows[i].field].name);
}

static bool
contains(struct str text, struct str part)
{
    return memmem(text.ptr, text.len, part.ptr, part.len) != NULL;
}

/* A message is for the student. It never shows what is sealed; of the rest only two rules show a
 * code on purpose, because the message is about it. Short values occur in any sentence. */
static void
assert_message(const struct row *row, const struct finding *finding,
               const struct record_values *values)
{
    bool shows = finding->field == FIELD_BYSJ || finding->field == FIELD_SYSZDDM;
    assert_int_equal(finding->rule->severity, RULE_REJECT);
    assert_true(finding->message.len > 0 && utf8_valid(finding->message));
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        struct str value = values->value[i];
        bool told = shows && i == finding->field && !fields[i].sensitive;
        if (value.len >= 4 && !told && contains(finding->message, value))
            fail_msg("%s, %s: the message shows %s", row->rule, row->title, fields[i].name);
    }
}

static void
judges_every_row_as_expected(void **state)
{
    struct arena *arena = arena_new(1024 * 1024);
    struct campaign campaign;
    (void)state;
    campaign_make(&campaign);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct record_values values;
        struct findings findings;
        struct buf text;
        buf_init(&text, 4096);
        record_make(rows[i].change, CHANGES_MAX, &values);
        judge(&values, &campaign, rows[i].stage, arena, &findings);
        findings_print(&findings, &text);
        if (!str_eq_text(buf_str(&text), rows[i].expected))
            fail_msg("%s, %s: '%.*s', not '%s'", rows[i].rule, rows[i].title,
                     STR_ARG(buf_str(&text)), rows[i].expected);
        assert_int_equal(findings_reject(&findings), findings.count > 0);
        for (size_t k = 0; k < findings.count; k++)
            assert_message(&rows[i], &findings.rows[k], &values);
        if (rows[i].says && !contains(findings.rows[0].message, str_of(rows[i].says)))
            fail_msg("%s, %s: says '%.*s'", rows[i].rule, rows[i].title,
                     STR_ARG(findings.rows[0].message));
        buf_done(&text);
        arena_reset(arena);
    }
    arena_free(arena);
}

static void
every_rule_has_a_row_that_passes_and_one_that_does_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < rule_count; i++) {
        size_t accepted = 0;
        size_t refused = 0;
        for (size_t k = 0; k < COUNT(rows); k++) {
            if (strcmp(rows[k].rule, rules[i].id) != 0 || !(rules[i].stages & rows[k].stage))
                continue;
            bool named = strstr(rows[k].expected, rules[i].id) != NULL;
            accepted += rows[k].expected[0] == '\0';
            refused += named;
        }
        if (accepted == 0 || refused == 0)
            fail_msg("%s: %zu accepted, %zu refused", rules[i].id, accepted, refused);
    }
    for (size_t k = 0; k < COUNT(rows); k++) {
        size_t found = 0;
        for (size_t i = 0; i < rule_count; i++)
            found += strcmp(rows[k].rule, rules[i].id) == 0;
        if (found != 1)
            fail_msg("no rule '%s'", rows[k].rule);
    }
}

static void
every_rule_of_the_table_is_complete(void **state)
{
    (void)state;
    assert_int_equal(rule_count, 21);
    for (size_t i = 0; i < rule_count; i++) {
        const struct rule *rule = &rules[i];
        assert_non_null(rule->check);
        assert_true(rule->stages != 0 && (rule->stages & ~(unsigned)(R | S)) == 0);
        assert_true(rule->summary[0] && rule->basis[0] && rule->fields[0]);
        for (const char *c = rule->id; *c; c++)
            assert_true((*c >= 'a' && *c <= 'z') || *c == '-');
        for (size_t k = i + 1; k < rule_count; k++)
            assert_string_not_equal(rule->id, rules[k].id);
    }
}

static void
an_empty_record_is_refused_for_every_required_field(void **state)
{
    struct arena *arena = arena_new(1024 * 1024);
    struct record_values values = {0};
    struct campaign campaign;
    struct findings findings;
    (void)state;
    campaign_make(&campaign);
    for (unsigned stage = R; stage <= S; stage++) {
        size_t at = 0;
        judge(&values, &campaign, stage, arena, &findings);
        for (unsigned i = 0; i < FIELD_COUNT_; i++) {
            if (!fields[i].required || (stage == R && fields[i].owner != FIELD_OWNER_ROSTER))
                continue;
            assert_true(at < findings.count);
            assert_int_equal(findings.rows[at].field, i);
            assert_string_equal(findings.rows[at++].rule->id, "required");
        }
        assert_int_equal(at, findings.count);
    }
    arena_free(arena);
}

static void
a_campaign_may_ask_for_more_or_less(void **state)
{
    struct arena *arena = arena_new(1024 * 1024);
    struct record_values values;
    struct campaign campaign;
    struct findings findings;
    (void)state;
    campaign_make(&campaign);
    campaign.required[FIELD_QQHM] = true;
    campaign.required[FIELD_JTDZ] = false;
    record_make((const struct value[]){{FIELD_JTDZ, ""}}, 1, &values);
    judge(&values, &campaign, S, arena, &findings);
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.rows[0].field, FIELD_QQHM);
    assert_str(findings.rows[0].message, "请填写QQ号码");
    arena_free(arena);
}

static void
without_a_verified_phone_none_is_compared(void **state)
{
    struct arena *arena = arena_new(1024 * 1024);
    struct record_values values;
    struct campaign campaign;
    struct findings findings;
    (void)state;
    campaign_make(&campaign);
    record_make((const struct value[]){{FIELD_SJHM, "13900139000"}}, 1, &values);
    const struct rule_input input = {&values, &campaign, STR_NONE, TODAY};
    rules_judge(&input, arena, &findings);
    assert_int_equal(findings.count, 0);
    arena_free(arena);
}

static void
today_decides_what_lies_in_the_future(void **state)
{
    static const struct {
        uint32_t today;
        size_t count;
    } days[] = {{20040228, 1}, {20040229, 0}, {20040301, 0}};
    struct arena *arena = arena_new(1024 * 1024);
    struct record_values values;
    struct findings findings;
    (void)state;
    record_make(NULL, 0, &values);
    for (size_t i = 0; i < COUNT(days); i++) {
        const struct rule_input input = {.values = &values, .today = days[i].today};
        rules_judge_roster(&input, arena, &findings);
        assert_int_equal(findings.count, days[i].count);
    }
    arena_free(arena);
}

static void
findings_end_at_their_maximum(void **state)
{
    struct arena *arena = arena_new(1024 * 1024);
    struct record_values values;
    struct campaign campaign;
    struct findings findings;
    static char long_text[1000];
    (void)state;
    memset(long_text, ' ', sizeof long_text - 1);
    campaign_make(&campaign);
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        values.value[i] = str_of(long_text);
        campaign.fixed_value[i] = STR("另一个");
    }
    judge(&values, &campaign, S, arena, &findings);
    assert_int_equal(findings.count, FINDINGS_MAX);
    assert_true(findings_reject(&findings));
    arena_free(arena);
}

static void
only_severe_findings_reject(void **state)
{
    static const struct rule warn = {.severity = RULE_WARN};
    static const struct rule note = {.severity = RULE_NOTE};
    static const struct rule reject = {.severity = RULE_REJECT};
    static const struct {
        const struct rule *found[3];
        bool rejects;
    } lists[] = {{{NULL}, false},
                 {{&warn}, false},
                 {{&note, &warn}, false},
                 {{&reject}, true},
                 {{&warn, &note, &reject}, true}};
    (void)state;
    for (size_t i = 0; i < COUNT(lists); i++) {
        struct findings findings = {.count = 0};
        while (findings.count < 3 && lists[i].found[findings.count]) {
            findings.rows[findings.count].rule = lists[i].found[findings.count];
            findings.count++;
        }
        assert_int_equal(findings_reject(&findings), lists[i].rejects);
    }
}

static void
fills_what_is_absent_and_leaves_what_is_there(void **state)
{
    static const struct {
        const char *fixed; /* NULL: free */
        const char *sent;
        const char *result;
    } cases[] = {
        {NULL, "", "0"},
        {NULL, "3", "3"},
        {"5", "", "5"},
        {"5", "3", "3"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct campaign campaign;
        struct record_values values = {0};
        campaign_default(&campaign);
        campaign.fixed_value[FIELD_KNSLBDM] = str_of(cases[i].fixed);
        values.value[FIELD_KNSLBDM] = str_of(cases[i].sent);
        record_apply_defaults(&campaign, &values);
        assert_str(values.value[FIELD_KNSLBDM], cases[i].result);
        for (unsigned k = 0; k < FIELD_COUNT_; k++)
            assert_true(k == FIELD_KNSLBDM || values.value[k].len == 0);
    }
    struct record_values values = {0};
    record_apply_defaults(NULL, &values);
    assert_str(values.value[FIELD_KNSLBDM], "0");
}

static void
the_reference_has_a_line_for_every_rule(void **state)
{
    struct buf out;
    size_t lines = 0;
    (void)state;
    buf_init(&out, 65536);
    rule_write_docs(&out);
    for (size_t i = 0; i < out.len; i++)
        lines += out.ptr[i] == '\n';
    assert_int_equal(lines, rule_count + 2);
    assert_non_null(
        strstr(out.ptr, "| `document-birth-sex` | 拒绝 | 学籍导入  | SFZH CSRQ XBDM |"));
    buf_done(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_every_row_as_expected),
        cmocka_unit_test(every_rule_has_a_row_that_passes_and_one_that_does_not),
        cmocka_unit_test(every_rule_of_the_table_is_complete),
        cmocka_unit_test(an_empty_record_is_refused_for_every_required_field),
        cmocka_unit_test(a_campaign_may_ask_for_more_or_less),
        cmocka_unit_test(without_a_verified_phone_none_is_compared),
        cmocka_unit_test(today_decides_what_lies_in_the_future),
        cmocka_unit_test(findings_end_at_their_maximum),
        cmocka_unit_test(only_severe_findings_reject),
        cmocka_unit_test(fills_what_is_absent_and_leaves_what_is_there),
        cmocka_unit_test(the_reference_has_a_line_for_every_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
