/* What every rule says to one record: rows of test_rule.c, which see there. One at each limit and
 * one just past it. */
#pragma once

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
    const char *says; /* a part of a message */
    const char *turn; /* "rule=severity,…" of the campaign; nothing is fixed then */
};

enum { R = RULE_ROSTER, S = RULE_SUBMISSION };

/* clang-format off */
static const struct row rows[] = {
    {"required", "nothing missing", S, {{0}}, "", NULL, NULL},
    {"required", "nothing missing in a roster", R, {{0}}, "", NULL, NULL},
    {"required", "student's own", S, {{FIELD_JTDZ, ""}}, "required:JTDZ", "请填写家庭地址", NULL},
    {"required", "the roster's: the student cannot fill it in", S, {{FIELD_XM, ""}}, "required:XM", "学籍中缺少姓名，请联系学院补充后再提交", NULL},
    {"required", "the roster's, at import", R, {{FIELD_XM, ""}}, "required:XM", "请填写姓名", NULL},
    {"required", "a roster has no student's fields yet", R, {{FIELD_JTDZ, ""}, {FIELD_SJHM, ""}, {FIELD_SYSZDDM, ""}}, "", NULL, NULL},
    {"required", "optional ones", S, {{FIELD_KSH, ""}, {FIELD_QQHM, ""}, {FIELD_JTLXR, ""}}, "", NULL, NULL},
    {"required", "in the order of the fields", S, {{FIELD_YHKSZDDM, ""}, {FIELD_SJHM, ""}, {FIELD_YXDM, ""}}, "required:YXDM required:SJHM required:YHKSZDDM", NULL, NULL},

    {"length", "as long as allowed", S, {{FIELD_XM, HAN40}}, "", NULL, NULL},
    {"length", "one too long", S, {{FIELD_XM, HAN40 "一"}}, "length:XM", "姓名有 41 个字，最多 40 个字，请缩短", NULL},
    {"length", "address of 120", S, {{FIELD_JTDZ, HAN120}}, "", NULL, NULL},
    {"length", "address of 121", S, {{FIELD_JTDZ, HAN120 "一"}}, "length:JTDZ", "家庭地址有 121 个字", NULL},
    {"length", "code points outside the first plane count as one", S, {{FIELD_JTLXR, "𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷"}}, "", NULL, NULL},
    {"length", "a roster's", R, {{FIELD_XH, "1234567890123456"}}, "length:XH", "16", NULL},
    {"length", "a student's, not at import", R, {{FIELD_JTYB, "5100000"}}, "", NULL, NULL},

    {"characters", "a space inside", S, {{FIELD_JTDZ, "某路 1 号"}}, "", NULL, NULL},
    {"characters", "middle dots of names", S, {{FIELD_XM, "阿依古丽·买买提"}}, "", NULL, NULL},
    {"characters", "space in front", S, {{FIELD_XM, " 张三"}}, "characters:XM name-characters:XM", "开头或结尾有空格", NULL},
    {"characters", "space behind", S, {{FIELD_XM, "张三 "}}, "characters:XM name-characters:XM", NULL, NULL},
    {"characters", "wide space in front", S, {{FIELD_XM, "　张三"}}, "characters:XM name-characters:XM", NULL, NULL},
    {"characters", "wide space behind", S, {{FIELD_XM, "张三　"}}, "characters:XM name-characters:XM", NULL, NULL},
    {"characters", "a tab", S, {{FIELD_JTDZ, "某路\t1 号"}}, "characters:JTDZ", "家庭地址", NULL},
    {"characters", "a new line", S, {{FIELD_JTDZ, "某路\n1 号"}}, "characters:JTDZ", NULL, NULL},
    {"characters", "a delete", S, {{FIELD_JTDZ, "某路\x7f"}}, "characters:JTDZ", NULL, NULL},
    {"characters", "at import", R, {{FIELD_SZYX, "计算机学院 "}}, "characters:SZYX", "所在院系", NULL},
    {"characters", "a student's, not at import", R, {{FIELD_JTDZ, " 某路"}}, "", NULL, NULL},

    {"code", "another nation", S, {{FIELD_MZDM, "56"}}, "", NULL, NULL},
    {"code", "one digit instead of two", S, {{FIELD_MZDM, "1"}}, "code:MZDM", "（代码为两位，如 01 不写作 1）", NULL},
    {"code", "no such code", S, {{FIELD_XBDM, "3"}}, "code:XBDM", "性别不是有效的代码，请从列表中选择", NULL},
    {"code", "a name instead of a code", S, {{FIELD_CXSY, "城市"}}, "code:CXSY", NULL, NULL},
    {"code", "a code of an old edition", S, {{FIELD_XLDM, "33"}}, "code:XLDM", NULL, NULL},
    {"code", "no such document type, so that no number is checked", S, {{FIELD_ZJLX, "CARD"}, {FIELD_SFZH, "123"}}, "code:ZJLX", NULL, NULL},
    {"code", "a flag", S, {{FIELD_HKSFZRXX, "2"}}, "code:HKSFZRXX", NULL, NULL},
    {"code", "at import", R, {{FIELD_PYFSDM, "9"}}, "code:PYFSDM", NULL, NULL},
    {"code", "a student's, not at import", R, {{FIELD_CXSY, "城市"}}, "", NULL, NULL},

    {"date", "29 February", R, {{FIELD_RXSJ, "20240229"}, {FIELD_XZ, "3.5"}, {FIELD_KSH, ""}}, "", NULL, NULL},
    {"date", "no such day", R, {{FIELD_RXSJ, "20230229"}}, "date:RXSJ", "入学时间不是有效的日期", NULL},
    {"date", "with dashes", R, {{FIELD_RXSJ, "2023-9-1"}}, "date:RXSJ", NULL, NULL},
    {"date", "December", R, {{FIELD_BYSJ, "202612"}, {FIELD_XZ, "3.5"}}, "", NULL, NULL},
    {"date", "no month 13", R, {{FIELD_BYSJ, "202613"}}, "date:BYSJ", "毕业时间不是有效的年月", NULL},
    {"date", "no month 0", R, {{FIELD_BYSJ, "202700"}}, "date:BYSJ", NULL, NULL},
    {"date", "1900 is the first year", R, {{FIELD_BYSJ, "190001"}, {FIELD_XZ, ""}, {FIELD_CSRQ, ""}}, "required:CSRQ required:XZ", NULL, NULL},
    {"date", "1899 is before it", R, {{FIELD_BYSJ, "189912"}}, "date:BYSJ", NULL, NULL},
    {"date", "2099 is the last year", R, {{FIELD_BYSJ, "209912"}, {FIELD_XZ, ""}, {FIELD_CSRQ, ""}}, "required:CSRQ required:XZ", NULL, NULL},
    {"date", "2100 is after it", R, {{FIELD_BYSJ, "210001"}}, "date:BYSJ", NULL, NULL},
    {"date", "a month with a dash", S, {{FIELD_BYSJ, "2027-6"}}, "date:BYSJ", NULL, NULL},

    {"document", "another person's", S, {{FIELD_SFZH, CARD_FEMALE}}, "", NULL, NULL},
    {"document", "check digit", S, {{FIELD_SFZH, "440103200402290018"}}, "document:SFZH", "最后一位", NULL},
    {"document", "15 digits", S, {{FIELD_SFZH, "440103040229001"}}, "document:SFZH", "15 位的身份证号码已停用", NULL},
    {"document", "14 digits", S, {{FIELD_SFZH, "44010304022900"}}, "document:SFZH", "位数不对", NULL},
    {"document", "16 digits", S, {{FIELD_SFZH, "4401030402290011"}}, "document:SFZH", "位数不对", NULL},
    {"document", "15 characters that are no digits", S, {{FIELD_SFZH, "44010304022900X"}}, "document:SFZH", "位数不对", NULL},
    {"document", "full-width digits", S, {{FIELD_SFZH, "４４０１０３２００４０２２９００１６"}}, "document:SFZH", "半角数字", NULL},
    {"document", "a county abolished in 2002: who was born there keeps the number", S, {{FIELD_SFZH, "440681199901010016"}, {FIELD_CSRQ, "19990101"}}, "", NULL, NULL},
    {"document", "东莞 has no counties", S, {{FIELD_SFZH, "441900200401010014"}, {FIELD_CSRQ, "20040101"}}, "", NULL, NULL},
    {"document", "中山 has none", S, {{FIELD_SFZH, "442000200401010016"}, {FIELD_CSRQ, "20040101"}}, "", NULL, NULL},
    {"document", "30 February 1999", S, {{FIELD_SFZH, "440103199902300010"}}, "document:SFZH", "不存在", NULL},
    {"document", "a passport", S, {{FIELD_ZJLX, "PASSPORT"}, {FIELD_SFZH, "E12345678"}, {FIELD_ZZMMDM, ""}}, "", NULL, NULL},
    {"document", "a passport of four characters", S, {{FIELD_ZJLX, "PASSPORT"}, {FIELD_SFZH, "E123"}, {FIELD_ZZMMDM, ""}}, "document:SFZH", NULL, NULL},
    {"document", "no number", S, {{FIELD_SFZH, ""}}, "required:SFZH", NULL, NULL},
    {"document", "not upper case", S, {{FIELD_SFZH, "11010519491231002x"}}, "document:SFZH", "不允许的字符", NULL},
    {"document", "area", S, {{FIELD_SFZH, "440101200402290010"}}, "document:SFZH", "行政区划", NULL},
    {"document", "date", S, {{FIELD_SFZH, "440103200302290010"}}, "document:SFZH", "不存在", NULL},
    {"document", "future", S, {{FIELD_SFZH, "440103202612010010"}}, "document:SFZH", "在将来", NULL},
    {"document", "residence permit", S, {{FIELD_ZJLX, "HMT_RESIDENCE_PERMIT"}, {FIELD_SFZH, PERMIT}, {FIELD_ZZMMDM, ""}}, "", NULL, NULL},
    {"document", "a card's number on a residence permit", S, {{FIELD_ZJLX, "HMT_RESIDENCE_PERMIT"}, {FIELD_ZZMMDM, ""}}, "document:SFZH", "行政区划", NULL},
    {"document", "travel permit", S, {{FIELD_ZJLX, "HM_TRAVEL_PERMIT"}, {FIELD_SFZH, "H12345678"}, {FIELD_ZZMMDM, ""}}, "", NULL, NULL},
    {"document", "a card's number on a travel permit", S, {{FIELD_ZJLX, "TW_TRAVEL_PERMIT"}, {FIELD_ZZMMDM, ""}}, "document:SFZH", NULL, NULL},
    {"document", "at import", R, {{FIELD_SFZH, "440103200402290018"}}, "document:SFZH", NULL, NULL},

    {"document-birth-sex", "agree", R, {{FIELD_SFZH, CARD_FEMALE}, {FIELD_XBDM, "2"}}, "", NULL, NULL},
    {"document-birth-sex", "another day", R, {{FIELD_CSRQ, "20040228"}}, "document-birth-sex:CSRQ", "出生日期与证件号码不一致", NULL},
    {"document-birth-sex", "a man's number", R, {{FIELD_XBDM, "2"}}, "document-birth-sex:XBDM", "性别与证件号码不一致", NULL},
    {"document-birth-sex", "a woman's number", R, {{FIELD_SFZH, CARD_FEMALE}}, "document-birth-sex:XBDM", NULL, NULL},
    {"document-birth-sex", "both", R, {{FIELD_CSRQ, "20040228"}, {FIELD_XBDM, "2"}}, "document-birth-sex:CSRQ document-birth-sex:XBDM", NULL, NULL},
    {"document-birth-sex", "a residence permit has both, too", R, {{FIELD_ZJLX, "HMT_RESIDENCE_PERMIT"}, {FIELD_SFZH, PERMIT}, {FIELD_CSRQ, "20040301"}}, "document-birth-sex:CSRQ", NULL, NULL},
    {"document-birth-sex", "a travel permit has neither", R, {{FIELD_ZJLX, "HM_TRAVEL_PERMIT"}, {FIELD_SFZH, "H12345678"}, {FIELD_XBDM, "2"}}, "", NULL, NULL},
    {"document-birth-sex", "a wrong number says nothing", R, {{FIELD_SFZH, "440103200402290018"}, {FIELD_XBDM, "2"}}, "document:SFZH", NULL, NULL},
    {"document-birth-sex", "what is absent cannot disagree", R, {{FIELD_CSRQ, ""}, {FIELD_XBDM, ""}}, "required:XBDM required:CSRQ", NULL, NULL},
    {"document-birth-sex", "not asked of a student", S, {{FIELD_CSRQ, "20040228"}, {FIELD_XBDM, "2"}}, "", NULL, NULL},

    {"fixed-value", "as the campaign says", S, {{FIELD_SFSLBDM, "2"}}, "", NULL, NULL},
    {"fixed-value", "changed", S, {{FIELD_SFSLBDM, "1"}}, "fixed-value:SFSLBDM", "本次上报统一规定师范生类别为“2”，请不要修改", NULL},

    {"graduation-month", "the other month of the campaign", S, {{FIELD_BYSJ, "202701"}, {FIELD_XZ, "3.5"}}, "", NULL, NULL},
    {"graduation-month", "a month later", S, {{FIELD_BYSJ, "202707"}}, "graduation-month:BYSJ", "毕业时间 202707 不在本次上报范围内", NULL},
    {"graduation-month", "a year earlier", S, {{FIELD_BYSJ, "202606"}, {FIELD_XZ, "3"}}, "graduation-month:BYSJ", NULL, NULL},
    {"graduation-month", "no month", S, {{FIELD_BYSJ, "2027年6月"}}, "length:BYSJ date:BYSJ", NULL, NULL},
    {"graduation-month", "no campaign at import", R, {{FIELD_BYSJ, "202707"}}, "", NULL, NULL},

    {"area-known", "东莞", S, {{FIELD_SYSZDDM, "441900"}, {FIELD_YHKSZDDM, "441900"}}, "", NULL, NULL},
    {"area-known", "never given", S, {{FIELD_SYSZDDM, "440101"}}, "area-known:SYSZDDM", "生源所在地不是有效的六位行政区划代码", NULL},
    {"area-known", "never given, household", S, {{FIELD_YHKSZDDM, "441901"}}, "area-known:YHKSZDDM", "原户口所在地", NULL},
    {"area-known", "five digits", S, {{FIELD_SYSZDDM, "44010"}}, "area-known:SYSZDDM", NULL, NULL},
    {"area-known", "a name", S, {{FIELD_YHKSZDDM, "荔湾区"}}, "area-known:YHKSZDDM", NULL, NULL},
    {"area-known", "both", S, {{FIELD_YHKSZDDM, "999999"}, {FIELD_SYSZDDM, "000000"}}, "area-known:SYSZDDM area-known:YHKSZDDM", NULL, NULL},
    {"area-known", "not at import", R, {{FIELD_SYSZDDM, "440101"}}, "", NULL, NULL},

    {"area-in-force", "the code that followed", S, {{FIELD_SYSZDDM, "440606"}}, "", NULL, NULL},
    {"area-in-force", "renamed", S, {{FIELD_SYSZDDM, "440681"}}, "area-in-force:SYSZDDM", "440681 顺德市已撤销或更名，现为 440606 广东省佛山市顺德区，请重新选择", NULL},
    {"area-in-force", "split", S, {{FIELD_SYSZDDM, "440682"}}, "area-in-force:SYSZDDM", "现为 440604 广东省佛山市禅城区、440605 广东省佛山市南海区，", NULL},
    {"area-in-force", "gone, nothing known to follow", S, {{FIELD_SYSZDDM, "442100"}}, "area-in-force:SYSZDDM", "442100 海南行政区已撤销，请按现行区划重新选择", NULL},
    {"area-in-force", "a household may stand under an old code", S, {{FIELD_YHKSZDDM, "440681"}}, "", NULL, NULL},

    {"area-leaf", "中山 has no counties", S, {{FIELD_SYSZDDM, "442000"}}, "", NULL, NULL},
    {"area-leaf", "儋州 has none", S, {{FIELD_SYSZDDM, "460400"}, {FIELD_KSH, ""}}, "", NULL, NULL},
    {"area-leaf", "香港 has none", S, {{FIELD_SYSZDDM, "810000"}, {FIELD_ZJLX, "HMT_RESIDENCE_PERMIT"}, {FIELD_SFZH, PERMIT}, {FIELD_ZZMMDM, ""}}, "", NULL, NULL},
    {"area-leaf", "a county of the province", S, {{FIELD_SYSZDDM, "429004"}, {FIELD_KSH, ""}}, "", NULL, NULL},
    {"area-leaf", "a prefecture with counties", S, {{FIELD_SYSZDDM, "440100"}}, "area-leaf:SYSZDDM", "只选到了广州市，请继续选择到所属的区县", NULL},
    {"area-leaf", "a province", S, {{FIELD_SYSZDDM, "440000"}}, "area-leaf:SYSZDDM", "只选到了广东省", NULL},
    {"area-leaf", "a municipality", S, {{FIELD_SYSZDDM, "110000"}, {FIELD_KSH, ""}}, "area-leaf:SYSZDDM", "只选到了北京市", NULL},

    {"household-level", "a prefecture is enough", S, {{FIELD_YHKSZDDM, "440100"}}, "", NULL, NULL},
    {"household-level", "澳门 has nothing below", S, {{FIELD_YHKSZDDM, "820000"}}, "", NULL, NULL},
    {"household-level", "a province", S, {{FIELD_YHKSZDDM, "440000"}}, "household-level:YHKSZDDM", "原户口所在地只选到了广东省，请选择到市或区县", NULL},

    {"dxhwpdw-required", "定向 with its unit", S, {{FIELD_PYFSDM, "2"}, {FIELD_DXHWPDW, "某县人民医院"}}, "", NULL, NULL},
    {"dxhwpdw-required", "定向 without", S, {{FIELD_PYFSDM, "2"}}, "dxhwpdw-required:DXHWPDW", "请填写定向或委培单位的全称", NULL},
    {"dxhwpdw-required", "委培 with its unit", S, {{FIELD_PYFSDM, "4"}, {FIELD_DXHWPDW, "某县人民医院"}}, "", NULL, NULL},
    {"dxhwpdw-required", "委培 without", S, {{FIELD_PYFSDM, "4"}}, "dxhwpdw-required:DXHWPDW", NULL, NULL},
    {"dxhwpdw-required", "not at import", R, {{FIELD_PYFSDM, "4"}}, "", NULL, NULL},

    {"dxhwpdw-forbidden", "自筹 without", S, {{FIELD_PYFSDM, "5"}}, "", NULL, NULL},
    {"dxhwpdw-forbidden", "非定向 with a unit", S, {{FIELD_DXHWPDW, "某县人民医院"}}, "dxhwpdw-forbidden:DXHWPDW", "请清空", NULL},
    {"dxhwpdw-forbidden", "在职 with a unit", S, {{FIELD_PYFSDM, "3"}, {FIELD_DXHWPDW, "某县人民医院"}}, "dxhwpdw-forbidden:DXHWPDW", NULL, NULL},
    {"dxhwpdw-forbidden", "自筹 with a unit", S, {{FIELD_PYFSDM, "5"}, {FIELD_DXHWPDW, "某县人民医院"}}, "dxhwpdw-forbidden:DXHWPDW", NULL, NULL},

    {"phone", "mainland", S, {{0}}, "", NULL, NULL},
    {"phone", "ten digits", S, {{FIELD_SJHM, "1380013800"}}, "phone:SJHM phone-verified:SJHM", "11 位大陆手机号", NULL},
    {"phone", "Hong Kong, of a travel permit's holder", S, {{FIELD_ZJLX, "HM_TRAVEL_PERMIT"}, {FIELD_SFZH, "H12345678"}, {FIELD_ZZMMDM, ""}, {FIELD_SJHM, "+85291234567"}}, "phone-verified:SJHM", NULL, NULL},
    {"phone", "one digit less", S, {{FIELD_ZJLX, "HM_TRAVEL_PERMIT"}, {FIELD_SFZH, "H12345678"}, {FIELD_ZZMMDM, ""}, {FIELD_SJHM, "+8529123456"}}, "phone:SJHM phone-verified:SJHM", "+852、+853、+886", NULL},
    {"phone", "mainland, of a travel permit's holder", S, {{FIELD_ZJLX, "TW_TRAVEL_PERMIT"}, {FIELD_SFZH, "12345678"}, {FIELD_ZZMMDM, ""}}, "", NULL, NULL},
    {"phone", "Hong Kong", S, {{FIELD_SJHM, "+85291234567"}}, "phone:SJHM phone-verified:SJHM", NULL, NULL},

    {"phone-verified", "the verified one", S, {{FIELD_SJHM, PHONE}}, "", NULL, NULL},
    {"phone-verified", "another", S, {{FIELD_SJHM, "13900139000"}}, "phone-verified:SJHM", "先更换绑定的手机号", NULL},

    {"email", "longest", S, {{FIELD_DZYX, "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij@test.cnnn"}}, "", NULL, NULL},
    {"email", "no domain", S, {{FIELD_DZYX, "zhangsan@test"}}, "email:DZYX", "电子邮箱格式不对", NULL},
    {"email", "space inside", S, {{FIELD_DZYX, "zhang san@test.cn"}}, "email:DZYX", NULL, NULL},

    {"postcode", "beginning with zero", S, {{FIELD_JTYB, "010000"}}, "", NULL, NULL},
    {"postcode", "five digits", S, {{FIELD_JTYB, "51000"}}, "postcode:JTYB", "请填写 6 位邮政编码", NULL},
    {"postcode", "seven digits", S, {{FIELD_JTYB, "5100000"}}, "length:JTYB postcode:JTYB", NULL, NULL},

    {"telephone", "area code and number", S, {{FIELD_JTDH, "020-87654321"}}, "", NULL, NULL},
    {"telephone", "a mobile number", S, {{FIELD_JTDH, "13900139000"}}, "", NULL, NULL},
    {"telephone", "no area code", S, {{FIELD_JTDH, "87654321"}}, "telephone:JTDH", "020-12345678", NULL},
    {"telephone", "no dash", S, {{FIELD_JTDH, "02087654321"}}, "telephone:JTDH", NULL, NULL},

    {"qq", "5 digits", S, {{FIELD_QQHM, "10000"}}, "", NULL, NULL},
    {"qq", "11 digits", S, {{FIELD_QQHM, "12345678901"}}, "", NULL, NULL},
    {"qq", "4 digits", S, {{FIELD_QQHM, "1000"}}, "qq:QQHM", "5 至 11 位数字", NULL},
    {"qq", "12 digits", S, {{FIELD_QQHM, "123456789012"}}, "qq:QQHM", NULL, NULL},
    {"qq", "beginning with zero", S, {{FIELD_QQHM, "01234"}}, "qq:QQHM", NULL, NULL},

    {"required", "of people from Hong Kong neither nationality nor party is asked", S, {{FIELD_ZJLX, "HM_TRAVEL_PERMIT"}, {FIELD_SFZH, "H12345678"}, {FIELD_MZDM, ""}, {FIELD_ZZMMDM, ""}}, "", NULL, NULL},
    {"required", "but all else is", S, {{FIELD_ZJLX, "HM_TRAVEL_PERMIT"}, {FIELD_SFZH, "H12345678"}, {FIELD_ZZMMDM, ""}, {FIELD_CXSY, ""}}, "required:CXSY", NULL, NULL},
    {"required", "of others both", S, {{FIELD_MZDM, ""}, {FIELD_ZZMMDM, ""}}, "required:MZDM required:ZZMMDM", NULL, NULL},
    {"required", "of whoever has no document either", S, {{FIELD_ZJLX, ""}, {FIELD_MZDM, ""}}, "required:ZJLX required:MZDM", NULL, NULL},
    {"code", "the region in place of the nationality", S, {{FIELD_ZJLX, "HM_TRAVEL_PERMIT"}, {FIELD_SFZH, "H12345678"}, {FIELD_ZZMMDM, ""}, {FIELD_MZDM, "香港"}}, "", NULL, NULL},
    {"code", "no such region", S, {{FIELD_ZJLX, "HM_TRAVEL_PERMIT"}, {FIELD_SFZH, "H12345678"}, {FIELD_ZZMMDM, ""}, {FIELD_MZDM, "英国"}}, "code:MZDM", NULL, NULL},
    {"code", "a region, of a mainland person", S, {{FIELD_MZDM, "香港"}}, "code:MZDM", NULL, NULL},

    {"birth-possible", "twelve years before", R, {{FIELD_ZJLX, "PASSPORT"}, {FIELD_SFZH, "E12345678"}, {FIELD_CSRQ, "20110901"}}, "age:CSRQ", NULL, NULL},
    {"birth-possible", "a day less", R, {{FIELD_ZJLX, "PASSPORT"}, {FIELD_SFZH, "E12345678"}, {FIELD_CSRQ, "20110902"}}, "birth-possible:CSRQ age:CSRQ", "不到 12 年", NULL},
    {"birth-possible", "today", R, {{FIELD_ZJLX, "PASSPORT"}, {FIELD_SFZH, "E12345678"}, {FIELD_CSRQ, "20261123"}, {FIELD_RXSJ, ""}}, "required:RXSJ age:CSRQ", NULL, NULL},
    {"birth-possible", "tomorrow", R, {{FIELD_ZJLX, "PASSPORT"}, {FIELD_SFZH, "E12345678"}, {FIELD_CSRQ, "20261124"}, {FIELD_RXSJ, ""}}, "required:RXSJ birth-possible:CSRQ age:CSRQ", "出生日期在将来", NULL},
    {"birth-possible", "as usual", R, {{0}}, "", NULL, NULL},

    {"age", "17", R, {{FIELD_ZJLX, "PASSPORT"}, {FIELD_SFZH, "E12345678"}, {FIELD_CSRQ, "20100601"}}, "", NULL, NULL},
    {"age", "a month less", R, {{FIELD_ZJLX, "PASSPORT"}, {FIELD_SFZH, "E12345678"}, {FIELD_CSRQ, "20100701"}}, "age:CSRQ", "毕业时为 16 岁", NULL},
    {"age", "45", R, {{FIELD_ZJLX, "PASSPORT"}, {FIELD_SFZH, "E12345678"}, {FIELD_CSRQ, "19810701"}}, "", NULL, NULL},
    {"age", "46", R, {{FIELD_ZJLX, "PASSPORT"}, {FIELD_SFZH, "E12345678"}, {FIELD_CSRQ, "19810601"}}, "age:CSRQ", "毕业时为 46 岁", NULL},
    {"age", "nothing is said when either is missing", R, {{FIELD_CSRQ, ""}}, "required:CSRQ", NULL, NULL},
    {"age", "nor when the end is before the birth", R, {{FIELD_BYSJ, "200312"}, {FIELD_XZ, ""}}, "required:XZ", NULL, NULL},

    {"name-characters", "two parts", S, {{FIELD_XM, "阿依古丽·买买提"}}, "", NULL, NULL},
    {"name-characters", "one character", S, {{FIELD_XM, "张"}}, "", NULL, NULL},
    {"name-characters", "thirty characters", S, {{FIELD_XM, HAN10 HAN10 HAN10}}, "", NULL, NULL},
    {"name-characters", "zero is a character", S, {{FIELD_XM, "张〇"}}, "", NULL, NULL},
    {"name-characters", "a bullet", S, {{FIELD_XM, "阿依古丽•买买提"}}, "name-characters:XM", "间隔号请用“·”", NULL},
    {"name-characters", "a dot of Katakana", R, {{FIELD_XM, "阿依古丽・买买提"}}, "name-characters:XM", "间隔号请用“·”", NULL},
    {"name-characters", "a full stop", S, {{FIELD_XM, "阿依古丽.买买提"}}, "name-characters:XM", "间隔号请用“·”", NULL},
    {"name-characters", "a space inside", S, {{FIELD_XM, "张 三"}}, "name-characters:XM", "以外的字符", NULL},
    {"name-characters", "letters", S, {{FIELD_XM, "Zhang San"}}, "name-characters:XM", "以外的字符", NULL},
    {"name-characters", "letters on a passport", S, {{FIELD_ZJLX, "PASSPORT"}, {FIELD_SFZH, "E12345678"}, {FIELD_ZZMMDM, ""}, {FIELD_XM, "O'Brien, Ana-Íris J."}}, "", NULL, NULL},
    {"name-characters", "digits on a passport", S, {{FIELD_ZJLX, "PASSPORT"}, {FIELD_SFZH, "E12345678"}, {FIELD_ZZMMDM, ""}, {FIELD_XM, "Ana 2"}}, "name-characters:XM", NULL, NULL},
    {"name-characters", "ü", S, {{FIELD_XM, "Lü Buwei"}}, "name-characters:XM", "以外的字符", NULL},
    {"name-characters", "ü first", S, {{FIELD_XM, "ü"}}, "name-characters:XM", "写作 YU", NULL},
    {"name-characters", "ü on a permit", S, {{FIELD_ZJLX, "HM_TRAVEL_PERMIT"}, {FIELD_SFZH, "H12345678"}, {FIELD_ZZMMDM, ""}, {FIELD_XM, "LÜ Siu"}}, "name-characters:XM", "写作 YU", NULL},

    {"name-rare", "usual ones up to U+9FA5", S, {{FIELD_XM, "龥一"}}, "", NULL, NULL},
    {"name-rare", "U+9FA6", S, {{FIELD_XM, "张龦"}}, "name-rare:XM", "生僻字", NULL},
    {"name-rare", "U+20BB7 of the second plane", S, {{FIELD_XM, "𠮷田"}}, "name-rare:XM", "生僻字", NULL},
    {"name-rare", "U+20BB7 at import", R, {{FIELD_XM, "张𠮷"}}, "name-rare:XM", NULL, NULL},
    {"name-rare", "extension A", S, {{FIELD_XM, "张㐀"}}, "name-rare:XM", NULL, NULL},
    {"name-rare", "a compatibility character", S, {{FIELD_XM, "\xEF\xA4\x80"}}, "name-rare:XM", NULL, NULL},

    {"ksh", "14 digits of an undergraduate", S, {{0}}, "", NULL, NULL},
    {"ksh", "13", S, {{FIELD_KSH, "2344010315000"}}, "ksh:KSH", "考生号有 13 位，本专科一般为 14 位", NULL},
    {"ksh", "15", R, {{FIELD_KSH, "234401031500012"}}, "ksh:KSH", NULL, NULL},
    {"ksh", "15 digits of a postgraduate", S, {{FIELD_XLDM, "11"}, {FIELD_KSH, "105583000000001"}}, "", NULL, NULL},
    {"ksh", "14 of a postgraduate", S, {{FIELD_XLDM, "11"}}, "ksh:KSH", "研究生一般为 15 位", NULL},
    {"ksh", "16 of a postgraduate", S, {{FIELD_XLDM, "01"}, {FIELD_KSH, "1055830000000012"}}, "ksh:KSH", NULL, NULL},
    {"ksh", "of a college", S, {{FIELD_XLDM, "61"}}, "", NULL, NULL},
    {"ksh", "a letter", S, {{FIELD_KSH, "2344010315000A"}}, "ksh:KSH", "数字以外的字符", NULL},
    {"ksh", "without a level the length says nothing", S, {{FIELD_XLDM, ""}, {FIELD_KSH, "1"}}, "required:XLDM", NULL, NULL},

    {"ksh-year", "the same", R, {{0}}, "", NULL, NULL},
    {"ksh-year", "a year before", R, {{FIELD_KSH, "22440103150001"}}, "ksh-year:KSH", "专升本、预科", NULL},
    {"ksh-year", "a year after", R, {{FIELD_KSH, "24440103150001"}}, "ksh-year:KSH", NULL, NULL},
    {"ksh-year", "no beginning", R, {{FIELD_RXSJ, ""}}, "required:RXSJ", NULL, NULL},
    {"ksh-year", "no digits", R, {{FIELD_KSH, "AB440103150001"}}, "ksh:KSH", NULL, NULL},

    {"ksh-province", "the same", S, {{FIELD_SYSZDDM, "445102"}}, "", NULL, NULL},
    {"ksh-province", "another", S, {{FIELD_SYSZDDM, "430102"}}, "ksh-province:SYSZDDM", "户籍证明", NULL},
    {"ksh-province", "no province", S, {{FIELD_KSH, "23990103150001"}}, "", NULL, NULL},
    {"ksh-province", "from Macao", S, {{FIELD_ZJLX, "HM_TRAVEL_PERMIT"}, {FIELD_SFZH, "M12345678"}, {FIELD_ZZMMDM, ""}, {FIELD_SYSZDDM, "820000"}}, "", NULL, NULL},
    {"ksh-province", "a postgraduate's has none", S, {{FIELD_XLDM, "11"}, {FIELD_SYSZDDM, "430102"}, {FIELD_KSH, "105583000000001"}}, "", NULL, NULL},

    {"study-longer", "to the month", R, {{FIELD_BYSJ, "202709"}}, "", NULL, NULL},
    {"study-longer", "a month longer", R, {{FIELD_BYSJ, "202710"}}, "study-longer:BYSJ", "2027 年 9 月", NULL},
    {"study-longer", "half years", R, {{FIELD_XZ, "2.5"}, {FIELD_BYSJ, "202603"}}, "", NULL, NULL},
    {"study-longer", "half years and a month", R, {{FIELD_XZ, "2.5"}, {FIELD_BYSJ, "202604"}}, "study-longer:BYSJ", "2026 年 3 月", NULL},
    {"study-longer", "back from a year off", S, {{FIELD_RXSJ, "20220901"}, {FIELD_KSH, "22440103150001"}}, "study-longer:BYSJ", "延期毕业", NULL},
    {"study-longer", "an unknown duration", R, {{FIELD_XZ, "4.7"}}, "code:XZ", NULL, NULL},
    {"study-shorter", "half a year", R, {{FIELD_BYSJ, "202703"}}, "", NULL, NULL},
    {"study-shorter", "a month more", R, {{FIELD_BYSJ, "202702"}}, "study-shorter:BYSJ", "早半年以上", NULL},
    {"study-shorter", "no beginning", R, {{FIELD_RXSJ, ""}, {FIELD_BYSJ, "202001"}, {FIELD_CSRQ, "19900101"}, {FIELD_ZJLX, "PASSPORT"}}, "required:RXSJ", NULL, NULL},
    {"study-shorter", "before the beginning", R, {{FIELD_BYSJ, "202208"}}, "study-shorter:BYSJ", NULL, NULL},

    {"major-code", "six digits", R, {{0}}, "", NULL, NULL},
    {"major-code", "T", R, {{FIELD_ZYDM, "080910T"}}, "", NULL, NULL},
    {"major-code", "K", R, {{FIELD_ZYDM, "100201K"}}, "", NULL, NULL},
    {"major-code", "TK", R, {{FIELD_ZYDM, "080911TK"}}, "", NULL, NULL},
    {"major-code", "KT", R, {{FIELD_ZYDM, "080911KT"}}, "major-code:ZYDM", "专业代码一般为 6 位数字", NULL},
    {"major-code", "five", R, {{FIELD_ZYDM, "08091"}}, "major-code:ZYDM", NULL, NULL},
    {"major-code", "seven", R, {{FIELD_ZYDM, "0809101"}}, "major-code:ZYDM", NULL, NULL},
    {"major-code", "none", R, {{FIELD_ZYDM, ""}}, "required:ZYDM", NULL, NULL},

    {"area-mainland", "东莞", S, {{FIELD_SYSZDDM, "441900"}}, "", NULL, NULL},
    {"area-mainland", "Hong Kong", S, {{FIELD_SYSZDDM, "810000"}, {FIELD_KSH, ""}}, "area-mainland:SYSZDDM", "不在港澳台", NULL},
    {"area-mainland", "Macao", S, {{FIELD_SYSZDDM, "820000"}, {FIELD_KSH, ""}}, "area-mainland:SYSZDDM", NULL, NULL},
    {"area-mainland", "Taiwan", S, {{FIELD_SYSZDDM, "710000"}, {FIELD_KSH, ""}}, "area-mainland:SYSZDDM", NULL, NULL},

    {"politics-mainland", "none", S, {{FIELD_ZJLX, "HM_TRAVEL_PERMIT"}, {FIELD_SFZH, "H12345678"}, {FIELD_ZZMMDM, ""}}, "", NULL, NULL},
    {"politics-mainland", "one", S, {{FIELD_ZJLX, "HM_TRAVEL_PERMIT"}, {FIELD_SFZH, "H12345678"}}, "politics-mainland:ZZMMDM", "一般不填政治面貌", NULL},

    {"teacher-school", "off", S, {{FIELD_SFSLBDM, "2"}}, "", NULL, NULL},
    {"teacher-school", "no teacher", S, {{FIELD_SFSLBDM, "2"}}, "", NULL, "teacher-school=reject"},
    {"teacher-school", "none said", S, {{FIELD_SFSLBDM, ""}}, "required:SFSLBDM", NULL, "teacher-school=reject"},
    {"teacher-school", "a teacher", S, {{FIELD_SFSLBDM, "1"}}, "teacher-school:SFSLBDM", "不是师范类", "teacher-school=reject"},
    {"teacher-school", "of a school for teachers", S, {{FIELD_SFSLBDM, "1"}, {FIELD_YXMC, "示例师范大学"}}, "", NULL, "teacher-school=reject"},
    {"teacher-school", "of a school without a name", S, {{FIELD_SFSLBDM, "1"}, {FIELD_YXMC, ""}, {FIELD_ZYMC, "数学（师范）"}}, "required:YXMC", NULL, "teacher-school=reject"},
    {"teacher-school", "of education", S, {{FIELD_SFSLBDM, "12"}, {FIELD_ZYMC, "学前教育"}}, "", NULL, "teacher-school=reject"},

    {"hardship-proof", "off", S, {{FIELD_KNSLBDM, "3"}}, "", NULL, NULL},
    {"hardship-proof", "none", S, {{FIELD_KNSLBDM, "0"}}, "", NULL, "hardship-proof=note"},
    {"hardship-proof", "not said", S, {{FIELD_KNSLBDM, ""}}, "required:KNSLBDM", NULL, "hardship-proof=note"},
    {"hardship-proof", "one", S, {{FIELD_KNSLBDM, "1"}}, "hardship-proof:KNSLBDM", "证明", "hardship-proof=note"},

    {"fixed-value", "longer than a message usually is", S, {{FIELD_SFSLBDM, "1"}}, "fixed-value:SFSLBDM", HAN120 HAN120, "fixed"},

    {"characters", "a tab at the end", S, {{FIELD_JTDZ, "某路\t"}}, "characters:JTDZ", NULL, NULL},
    {"characters", "a delete in a long one", S, {{FIELD_JTDZ, "某路某路某路某路\x7f" "某路"}}, "characters:JTDZ", NULL, NULL},
    {"characters", "every other sign in a long one", S, {{FIELD_JTDZ, "!~}|` @#$%^&*()_+-=[]"}}, "", NULL, NULL},
    {"document-birth-sex", "an unknown document says nothing", R, {{FIELD_ZJLX, "CARD"}, {FIELD_XBDM, "2"}}, "code:ZJLX", NULL, NULL},
    {"major-code", "a dash", R, {{FIELD_ZYDM, "0809-1"}}, "major-code:ZYDM", NULL, NULL},
};
/* clang-format on */
