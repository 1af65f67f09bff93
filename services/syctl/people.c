/*
 * Synthetic people: a school roll of the demo school whose document numbers have right dates and
 * check digits. The same count and seed give the same people; two people of one seed never share a
 * document number, because index and number correspond one to one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/jsonw.h"
#include "schema/area.h"
#include "schema/csv.h"
#include "schema/person.h"
#include "services/syctl/command.h"

enum {
    PEOPLE_MAX = 2000000,
    PERSON_TEXT_MAX = 1024,
    AREAS_MAX = 4096,
    BIRTH_DAYS = 700,   /* 2004-01-01 and later: graduates of 2027 */
    SEQUENCES = 998,    /* 001 to 998 */
    PRIME_STEP = 999983 /* shares no factor with areas * days * sequences: checked at start */
};

static const char *const surnames[] = {
    "陈", "林", "黄", "李", "王", "张", "刘", "梁", "吴", "何",   "杨",   "罗", "郑", "谢", "周",
    "许", "邓", "冯", "曾", "蔡", "赵", "彭", "潘", "叶", "欧阳", "司徒", "钟", "余", "卢", "苏",
};
static const char *const given[] = {
    "晓", "明", "嘉", "怡", "志", "强", "雅", "婷", "俊", "杰", "思", "琪", "子", "轩", "雨",
    "桐", "浩", "然", "诗", "涵", "文", "博", "佳", "慧", "泽", "宇", "欣", "妍", "国", "栋",
};
struct major {
    const char *zydm, *zymc, *szyx, *szbj;
};
static const struct major majors[] = {
    {"080901", "计算机科学与技术", "信息工程学院", "计科2301"},
    {"080902", "软件工程", "信息工程学院", "软工2302"},
    {"120203", "会计学", "经济管理学院", "会计2301"},
    {"050101", "汉语言文学", "文学院", "汉文2303"},
    {"070101", "数学与应用数学", "数学学院", "数学2301"},
    {"100201", "临床医学", "医学院", "临床2302"},
    {"130502", "视觉传达设计", "艺术学院", "视觉2301"},
};
#define LENGTH(table) (sizeof(table) / sizeof(table)[0])

/* splitmix64: a well-mixed number from a counter. */
static uint64_t
mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static uint64_t
common_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The counties in force since the people's births. */
static size_t
birth_areas(uint32_t codes[AREAS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < area_count && count < AREAS_MAX; i++)
        if (area_rows[i].level == AREA_COUNTY && area_rows[i].until_year == 0 &&
            area_rows[i].from_year <= 2004)
            codes[count++] = area_rows[i].code;
    return count;
}

/* The n-th day since 2004-01-01 as YYYYMMDD. */
static uint32_t
birth_date(uint64_t day)
{
    uint32_t date = 20040101;
    while (day--) {
        date++;
        if (!date_valid(date))
            date = date / 100 % 100 == 12 ? (date / 10000 + 1) * 10000 + 101
                                          : (date / 100 + 1) * 100 + 1;
    }
    return date;
}

struct person {
    char sfzh[ID_NUMBER_SIZE];
    uint32_t birth;
    bool male;
};

static void
person_number(const uint32_t *areas, size_t areas_count, uint64_t index, uint64_t seed,
              struct person *ret_person)
{
    uint64_t space = (uint64_t)areas_count * BIRTH_DAYS * SEQUENCES;
    uint64_t place = (mix(seed) % space + index % space * PRIME_STEP) % space;
    unsigned sequence = (unsigned)(place % SEQUENCES) + 1;
    ret_person->birth = birth_date(place / SEQUENCES % BIRTH_DAYS);
    ret_person->male = sequence % 2 == 1;
    (void)snprintf(ret_person->sfzh, sizeof ret_person->sfzh, "%06" PRIu32 "%08" PRIu32 "%03u",
                   areas[place / SEQUENCES / BIRTH_DAYS], ret_person->birth, sequence);
    ret_person->sfzh[17] = id_check_digit(ret_person->sfzh);
    ret_person->sfzh[18] = '\0';
}

#define PEOPLE_HEAD                                                                                \
    "YXDM,YXMC,FXMC,XM,KSH,ZJLX,SFZH,XBDM,CSRQ,MZDM,XLDM,ZYDM,ZYMC,ZYFX,PYFSDM,XZ,RXSJ,BYSJ,"      \
    "SZYX,SZBJ,XH"

/* A line as an object: no value of ours has a comma or a quote. */
static void
line_print_json(struct str line)
{
    struct buf out;
    struct str names = STR(PEOPLE_HEAD);
    buf_init(&out, PERSON_TEXT_MAX);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    while (names.len) {
        jsonw_key_str(&w, str_cut(&names, ','));
        jsonw_str(&w, str_cut(&line, ','));
    }
    jsonw_object_close(&w);
    printf("%.*s", STR_ARG(buf_str(&out)));
    buf_done(&out);
}

static void
person_print(const struct person *person, uint64_t index, uint64_t seed, bool json)
{
    char line[PERSON_TEXT_MAX];
    uint64_t dice = mix(seed * 1000003 + index);
    const struct major *major = &majors[dice % LENGTH(majors)];
    const char *way = index % 20 == 3 ? "2" : index % 20 == 11 ? "4" : "1";
    const char *second = dice >> 40 & 3 ? given[(dice >> 24) % LENGTH(given)] : "";
    int length = snprintf(
        line, sizeof line,
        "99901,生源示范大学,,%s%s%s,2344%04" PRIu64 "%06" PRIu64 ",IDENTITY_CARD,%s,%s,%" PRIu32
        ",%02" PRIu64 ",31,%s,%s,,%s,4,20230901,202706,%s,%s,23%06" PRIu64 "%06" PRIu64,
        surnames[(dice >> 8) % LENGTH(surnames)], given[(dice >> 16) % LENGTH(given)], second,
        seed % 10000, index, person->sfzh, person->male ? "1" : "2", person->birth,
        index % 25 == 7 ? 8 : UINT64_C(1), major->zydm, major->zymc, way, major->szyx, major->szbj,
        seed % 1000000, index);
    if (json && index)
        (void)putchar(',');
    if (json)
        line_print_json((struct str){line, (size_t)length});
    else
        printf("%s\n", line);
}

int
people_run(struct syctl *ctl)
{
    static uint32_t areas[AREAS_MAX];
    uint64_t count;
    uint64_t seed;
    size_t areas_count = birth_areas(areas);
    if (!syctl_number(ctl, "count", 10, PEOPLE_MAX, &count) ||
        !syctl_number(ctl, "seed", 1, UINT32_MAX, &seed))
        return 2;
    if (areas_count == 0 ||
        common_divisor((uint64_t)areas_count * BIRTH_DAYS * SEQUENCES, PRIME_STEP) != 1) {
        return syctl_problem(ctl, ERR_INTERNAL, NULL,
                             "people: the area table does not fit the step");
    }
    printf(ctl->json ? "{\"people\":[" : PEOPLE_HEAD "\n");
    for (uint64_t i = 0; i < count; i++) {
        struct person person;
        person_number(areas, areas_count, i, seed, &person);
        person_print(&person, i, seed, ctl->json);
    }
    if (ctl->json)
        printf("]}\n");
    return 0;
}
