/*
 * The rules, one row each, and what their predicates see. A rule's predicate is
 * rule_check_<predicate> in one of rule_form.c, rule_person.c, rule_place.c, rule_study.c. What no
 * published text confirms is adjustable and does not reject; what would tell of sealed values in a
 * finding is off. What rejects comes first: so it does in a record's findings.
 */
#pragma once

#include "schema/person.h"
#include "schema/rule.h"

#define RULE_BOTH (RULE_ROSTER | RULE_SUBMISSION)
/* clang-format off */
/*    id                    predicate          severity adjustable stages           fields               summary                                            basis */
#define RULE_TABLE(X) \
    X("required",           required,          REJECT, false, RULE_BOTH,       "必填字段",           "必填的字段不能为空；港澳台和境外学生不要求民族、政治面貌", "有一项为空则整条不予上报") \
    X("length",             length,            REJECT, false, RULE_BOTH,       "所有字段",           "不超过字段的最大字数（按字计，不按字节）",         "字段标准") \
    X("characters",         characters,        REJECT, false, RULE_BOTH,       "所有字段",           "首尾没有空格，中间没有换行等控制字符",             "导入校验的常见错误") \
    X("code",               code,              REJECT, false, RULE_BOTH,       "代码字段",           "代码在现行的代码表中；港澳台学生的民族可以是地区", "各代码标准") \
    X("date",               date,              REJECT, false, RULE_BOTH,       "CSRQ RXSJ BYSJ",     "是日历中存在的日期或年月",                         "字段标准") \
    X("document",           document,          REJECT, false, RULE_BOTH,       "ZJLX SFZH",          "证件号码符合该类证件的位数、日期和校验码",         "GB 11643 及各证件公告") \
    X("document-birth-sex", birth_sex,         REJECT, false, RULE_ROSTER,     "SFZH CSRQ XBDM",     "出生日期和性别与证件号码一致",                     "GB 11643") \
    X("birth-possible",     birth_possible,    REJECT, false, RULE_BOTH,       "CSRQ RXSJ",          "出生日期不在将来，至少早于入学 12 年",             "推算") \
    X("fixed-value",        fixed_value,       REJECT, false, RULE_SUBMISSION, "上报规定的字段",     "本次上报统一规定的值不能改",                       "各校通知") \
    X("graduation-month",   graduation_month,  REJECT, false, RULE_SUBMISSION, "BYSJ",               "毕业时间在本次上报规定的月份内",                   "各校通知") \
    X("area-known",         area_known,        REJECT, false, RULE_SUBMISSION, "地区字段",           "是 1981 年以来存在过的行政区划代码",               "GB/T 2260") \
    X("area-in-force",      area_in_force,     REJECT, true,  RULE_SUBMISSION, "SYSZDDM",            "生源所在地是现行的行政区划，撤销的给出现行代码",   "GB/T 2260") \
    X("area-leaf",          area_leaf,         REJECT, true,  RULE_SUBMISSION, "SYSZDDM",            "生源所在地选到区县；不设区县的地级市除外",         "各省通知：最低可选一级") \
    X("household-level",    household_level,   REJECT, true,  RULE_SUBMISSION, "YHKSZDDM",           "原户口所在地选到市或区县",                         "各校确认页") \
    X("dxhwpdw-required",   unit_required,     REJECT, true,  RULE_SUBMISSION, "DXHWPDW PYFSDM",     "定向、委培生要填写定向或委培单位",                 "各校通知") \
    X("dxhwpdw-forbidden",  unit_forbidden,    REJECT, true,  RULE_SUBMISSION, "DXHWPDW PYFSDM",     "非定向、委培生不填定向或委培单位",                 "各校通知") \
    X("phone",              phone,             REJECT, false, RULE_SUBMISSION, "SJHM ZJLX",          "11 位大陆手机号；港澳台学生可填 +852、+853、+886", "号码规划") \
    X("phone-verified",     phone_verified,    REJECT, true,  RULE_SUBMISSION, "SJHM",               "与绑定时验证的手机号一致",                         "学籍绑定的规定") \
    X("email",              email,             REJECT, true,  RULE_SUBMISSION, "DZYX",               "电子邮箱格式",                                     "RFC 5321 的常用部分") \
    X("postcode",           postcode,          REJECT, true,  RULE_SUBMISSION, "JTYB",               "6 位数字",                                         "邮政编码") \
    X("telephone",          telephone,         REJECT, true,  RULE_SUBMISSION, "JTDH",               "区号-号码，或手机号",                              "各省导入说明") \
    X("qq",                 qq,                REJECT, true,  RULE_SUBMISSION, "QQHM",               "5 至 11 位数字",                                   "惯例") \
    X("age",                age,               WARN,   true,  RULE_BOTH,       "CSRQ BYSJ",          "毕业时 17 至 45 岁",                               "推算") \
    X("name-characters",    name_characters,   WARN,   true,  RULE_BOTH,       "XM",                 "姓名由汉字组成，间隔号用“·”；有境外证件的可用字母", "户籍管理的惯例") \
    X("ksh",                ksh,               WARN,   true,  RULE_BOTH,       "KSH XLDM",           "考生号本专科 14 位、研究生 15 位数字",             "各省考生号说明；以学信网为准") \
    X("ksh-year",           ksh_year,          WARN,   true,  RULE_BOTH,       "KSH RXSJ",           "考生号的年份与入学年份相同",                       "各省考生号说明") \
    X("ksh-province",       ksh_province,      WARN,   true,  RULE_SUBMISSION, "KSH SYSZDDM",        "考生号的省份与生源所在地相同",                     "各校通知：高考移民") \
    X("study-longer",       study_longer,      WARN,   true,  RULE_BOTH,       "RXSJ XZ BYSJ",       "毕业时间不晚于入学时间加学制",                     "延期毕业需确认") \
    X("study-shorter",      study_shorter,     WARN,   true,  RULE_BOTH,       "RXSJ XZ BYSJ",       "毕业时间不早于入学时间加学制半年以上",             "提前毕业需确认") \
    X("area-mainland",      area_mainland,     WARN,   true,  RULE_SUBMISSION, "SYSZDDM ZJLX",       "持居民身份证的学生，生源所在地在内地",             "生源所在地的定义") \
    X("name-rare",          name_rare,         NOTE,   true,  RULE_BOTH,       "XM",                 "姓名中的生僻字可能无法在部分系统中显示",           "GBK 以外的字") \
    X("major-code",         major_code,        NOTE,   true,  RULE_ROSTER,     "ZYDM",               "专业代码为 6 位数字，可以 T、K、TK 结尾",          "本科专业目录") \
    X("politics-mainland",  politics_mainland, NOTE,   true,  RULE_SUBMISSION, "ZZMMDM ZJLX",        "港澳台和境外学生一般不填政治面貌",                 "GB/T 4762 的适用范围") \
    X("teacher-school",     teacher_school,    OFF,    true,  RULE_SUBMISSION, "SFSLBDM",            "只有师范院校或师范、教育类专业的学生选师范生",     "各校通知") \
    X("hardship-proof",     hardship_proof,    OFF,    true,  RULE_SUBMISSION, "KNSLBDM",            "困难生要有证明；开启后结论会透露该生是困难生",     "各校通知")
/* clang-format on */

/* What several rules look at, read once a record. */
struct record_facts {
    enum id_type id_type; /* ID_TYPE_COUNT_: cannot be told */
    enum id_fault id_fault;
    bool mainland; /* or cannot be told */
    enum study_level level;
    uint32_t birth;      /* YYYYMMDD; 0: none or no date */
    uint32_t enrolled;   /* the same */
    unsigned begins;     /* months since the year 0; 0: unknown */
    unsigned graduates;  /* the same */
    unsigned half_years; /* of study; 0: unknown */
};

struct rule_report { /* where a rule's predicate leaves its findings */
    const struct rule *rule;
    enum rule_severity severity;
    unsigned stage;
    struct arena *arena;
    struct findings *findings;
    struct record_facts facts;
};

void rule_report(struct rule_report *report, enum field_id field, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* A roster row has no student's fields yet; a submission is asked about all. */
static inline bool
rule_in_stage(const struct rule_report *report, enum field_id id)
{
    return report->stage == RULE_SUBMISSION || fields[id].owner == FIELD_OWNER_ROSTER;
}

static inline struct str
rule_value(const struct rule_input *input, enum field_id id)
{
    return input->values->value[id];
}

#define X(id, predicate, ...)                                                                      \
    void rule_check_##predicate(const struct rule_input *input, struct rule_report *r);
RULE_TABLE(X)
#undef X
