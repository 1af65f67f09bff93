/*
 * The fields of 毕业生生源信息: one table, from which come the form, the decoding and checks, the
 * columns, the import headings and the reference. Names are the ministry's standard names, the
 * order is that of the data structure in use since 2016; lengths are code points.
 */
#pragma once

#include "base/buf.h"

enum field_part { FIELD_PART_SCHOOL, FIELD_PART_PERSON, FIELD_PART_OTHER };
enum field_type {
    FIELD_TEXT,
    FIELD_CODE,  /* a row of `code_table` */
    FIELD_DATE,  /* YYYYMMDD */
    FIELD_MONTH, /* YYYYMM */
    FIELD_AREA,  /* six-digit division code */
    FIELD_PHONE, /* mainland mobile number */
    FIELD_EMAIL,
    FIELD_DIGITS,
    FIELD_FLAG, /* "1" or "0" */
};
enum field_owner {
    FIELD_OWNER_ROSTER, /* from the school roll: the student cannot change it */
    FIELD_OWNER_STUDENT,
    FIELD_OWNER_ADMIN, /* filled in by the school */
};

/* clang-format off */
/*        name         label                    part    type    max owner    required sealed  code table    required when                        default  help */
#define FIELD_TABLE(X) \
    X(YXDM,        "院校代码",               SCHOOL, DIGITS,  5, ROSTER,  true,  false, NULL,         NULL,                                NULL, "学校标识码的后五位") \
    X(YXMC,        "院校名称",               SCHOOL, TEXT,   40, ROSTER,  true,  false, NULL,         NULL,                                NULL, NULL) \
    X(FXMC,        "分校名称",               SCHOOL, TEXT,   40, ROSTER,  false, false, NULL,         NULL,                                NULL, "仅分校、校区填写") \
    X(XM,          "姓名",                   PERSON, TEXT,   40, ROSTER,  true,  false, NULL,         NULL,                                NULL, NULL) \
    X(KSH,         "考生号",                 PERSON, TEXT,   18, ROSTER,  false, true,  NULL,         NULL,                                NULL, "以学籍为准，不能自编") \
    X(YKSH,        "原考生号",               PERSON, TEXT,   18, ROSTER,  false, true,  NULL,         NULL,                                NULL, "专升本等填写") \
    X(ZJLX,        "证件类型",               PERSON, CODE,   24, ROSTER,  true,  false, "ZJLX",       NULL,                                NULL, NULL) \
    X(SFZH,        "身份证件号码",           PERSON, TEXT,   18, ROSTER,  true,  true,  NULL,         NULL,                                NULL, NULL) \
    X(XBDM,        "性别",                   PERSON, CODE,    1, ROSTER,  true,  false, "XBDM",       NULL,                                NULL, NULL) \
    X(CSRQ,        "出生日期",               PERSON, DATE,    8, ROSTER,  true,  false, NULL,         NULL,                                NULL, NULL) \
    X(MZDM,        "民族",                   PERSON, CODE,    2, ROSTER,  true,  false, "MZDM",       NULL,                                NULL, "两位代码，01 不写作 1") \
    X(ZZMMDM,      "政治面貌",               PERSON, CODE,    2, STUDENT, true,  false, "ZZMMDM",     NULL,                                NULL, "两位代码，01 不写作 1") \
    X(XLDM,        "学历",                   SCHOOL, CODE,    3, ROSTER,  true,  false, "XLDM",       NULL,                                NULL, NULL) \
    X(ZYDM,        "专业代码",               SCHOOL, TEXT,    8, ROSTER,  true,  false, NULL,         NULL,                                NULL, NULL) \
    X(ZYMC,        "专业名称",               SCHOOL, TEXT,   50, ROSTER,  true,  false, NULL,         NULL,                                NULL, "与专业代码成对，列表中没有自己的专业时请告知学院") \
    X(ZYFX,        "专业方向",               SCHOOL, TEXT,   50, ROSTER,  false, false, NULL,         NULL,                                NULL, NULL) \
    X(PYFSDM,      "培养方式",               SCHOOL, CODE,    1, ROSTER,  true,  false, "PYFSDM",     NULL,                                NULL, "以学信网学籍为准") \
    X(DXHWPDW,     "定向或委培单位",         SCHOOL, TEXT,   60, STUDENT, false, false, NULL,         "培养方式为定向或委培时必填，其他不填", NULL, "只有定向、委培生填写") \
    X(SYSZDDM,     "生源所在地",             PERSON, AREA,    6, STUDENT, true,  false, NULL,         NULL,                                NULL, "高考时的户籍所在地，选到区县；东莞、中山等不设区县的选到市") \
    X(CXSY,        "城乡生源",               PERSON, CODE,    4, STUDENT, true,  false, "CXSY",       NULL,                                NULL, NULL) \
    X(XZ,          "学制",                   SCHOOL, CODE,    3, ROSTER,  true,  false, "XZ",         NULL,                                NULL, "年") \
    X(RXSJ,        "入学时间",               SCHOOL, DATE,    8, ROSTER,  true,  false, NULL,         NULL,                                NULL, NULL) \
    X(BYSJ,        "毕业时间",               SCHOOL, MONTH,   6, ROSTER,  true,  false, NULL,         NULL,                                NULL, "由本届上报统一规定") \
    X(XJBDDM,      "学籍变动",               SCHOOL, TEXT,    2, ROSTER,  false, false, NULL,         NULL,                                NULL, NULL) \
    X(SFSLBDM,     "师范生类别",             SCHOOL, CODE,    2, STUDENT, true,  false, "SFSLBDM",    NULL,                                NULL, "学校可统一规定") \
    X(KNSLBDM,     "困难生类别",             PERSON, CODE,    1, STUDENT, true,  true,  "KNSLBDM",    NULL,                                "0",  "没有困难的选非困难生；选了困难类别的请把证明交给学院；属敏感信息，加密保存") \
    X(SZYX,        "所在院系",               SCHOOL, TEXT,   40, ROSTER,  true,  false, NULL,         NULL,                                NULL, NULL) \
    X(SZBJ,        "班级",                   SCHOOL, TEXT,   24, ROSTER,  false, false, NULL,         NULL,                                NULL, NULL) \
    X(XH,          "学号",                   SCHOOL, TEXT,   15, ROSTER,  true,  false, NULL,         NULL,                                NULL, NULL) \
    X(RXQDASZDW,   "入学前档案所在单位",     OTHER,  TEXT,   60, STUDENT, false, false, NULL,         NULL,                                NULL, "一般是毕业的高中或当地教育局、人才中心") \
    X(DASFZRXX,    "档案是否转入学校",       OTHER,  FLAG,    1, STUDENT, true,  false, "DASFZRXX",   NULL,                                NULL, NULL) \
    X(RXQHKSZDPCS, "入学前户口所在地派出所", OTHER,  TEXT,   60, STUDENT, false, true,  NULL,         NULL,                                NULL, NULL) \
    X(HKSFZRXX,    "户口是否转入学校",       OTHER,  FLAG,    1, STUDENT, true,  false, "HKSFZRXX",   NULL,                                NULL, NULL) \
    X(SJHM,        "手机号码",               PERSON, PHONE,  20, STUDENT, true,  true,  NULL,         NULL,                                NULL, "与绑定时验证的手机号一致；换号请先在个人信息里更换") \
    X(DZYX,        "电子邮箱",               PERSON, EMAIL,  60, STUDENT, true,  true,  NULL,         NULL,                                NULL, NULL) \
    X(QQHM,        "QQ号码",                 PERSON, DIGITS, 15, STUDENT, false, true,  NULL,         NULL,                                NULL, "5 至 11 位数字") \
    X(JTDZ,        "家庭地址",               OTHER,  TEXT,  120, STUDENT, true,  true,  NULL,         NULL,                                NULL, "写到门牌号") \
    X(JTDH,        "家庭电话",               OTHER,  TEXT,   20, STUDENT, false, true,  NULL,         NULL,                                NULL, "区号-号码，或手机号") \
    X(JTYB,        "家庭邮编",               OTHER,  DIGITS,  6, STUDENT, true,  true,  NULL,         NULL,                                NULL, "6 位数字") \
    X(JTLXR,       "家庭联系人",             OTHER,  TEXT,   20, STUDENT, false, true,  NULL,         NULL,                                NULL, NULL) \
    X(YHKSZDDM,    "原户口所在地",           OTHER,  AREA,    6, STUDENT, true,  false, NULL,         NULL,                                NULL, "入学前户口所在的市或区县，可以是已经更名的") \
    X(BZ,          "备注",                   OTHER,  TEXT,   60, ADMIN,   false, false, NULL,         NULL,                                NULL, "由学校填写")
/* clang-format on */

enum field_id {
#define X(name, ...) FIELD_##name,
    FIELD_TABLE(X)
#undef X
        FIELD_COUNT_
};

struct field {
    enum field_id id;
    struct str name_str; /* the name with its length, to be compared and written */
    const char *name;
    const char *label;
    enum field_part part;
    enum field_type type;
    unsigned length_max;
    enum field_owner owner;
    bool required;
    bool sensitive; /* sealed before Kafka, Redis, PostgreSQL and log */
    const char *code_table;
    const char *required_when;
    const char *default_value;
    const char *help;
};
extern const struct field fields[FIELD_COUNT_];

/* Exact and case-sensitive; NULL when there is none. */
const struct field *field_find(struct str name);
void field_write_docs(struct buf *out);
