/*
 * What judging costs: `judge [RECORDS]` judges a realistic mix (nine in ten good, the rest with one
 * to three mistakes) by the rules alone and tells processor time a record. No I/O. To compare two
 * commits, build it in both (it needs nothing but the library) and run the programs in turns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema/person.h"
#include "schema/rule.h"

enum { RECORDS = 100000, RECORD_ROOM = 256, TODAY = 20261123 };

struct value {
    enum field_id field;
    const char *text;
};
static const struct value good[] = {
    {FIELD_YXDM, "99901"},
    {FIELD_YXMC, "生源示范大学"},
    {FIELD_XM, "陈晓明"},
    {FIELD_KSH, "23440103150001"},
    {FIELD_ZJLX, "IDENTITY_CARD"},
    {FIELD_XBDM, "1"},
    {FIELD_CSRQ, "20040229"},
    {FIELD_MZDM, "01"},
    {FIELD_ZZMMDM, "03"},
    {FIELD_XLDM, "31"},
    {FIELD_ZYDM, "080901"},
    {FIELD_ZYMC, "计算机科学与技术"},
    {FIELD_PYFSDM, "1"},
    {FIELD_SYSZDDM, "440106"},
    {FIELD_CXSY, "城镇"},
    {FIELD_XZ, "4"},
    {FIELD_RXSJ, "20230901"},
    {FIELD_BYSJ, "202706"},
    {FIELD_SFSLBDM, "2"},
    {FIELD_KNSLBDM, "0"},
    {FIELD_SZYX, "信息工程学院"},
    {FIELD_SZBJ, "计科2301"},
    {FIELD_XH, "2023001"},
    {FIELD_RXQDASZDW, "广州市第一中学"},
    {FIELD_DASFZRXX, "1"},
    {FIELD_RXQHKSZDPCS, "广州市公安局天河分局石牌派出所"},
    {FIELD_HKSFZRXX, "0"},
    {FIELD_SJHM, "13800138000"},
    {FIELD_DZYX, "student@example.com"},
    {FIELD_QQHM, "12345678"},
    {FIELD_JTDZ, "广东省广州市天河区示范路1号"},
    {FIELD_JTDH, "020-12345678"},
    {FIELD_JTYB, "510630"},
    {FIELD_JTLXR, "家长"},
    {FIELD_YHKSZDDM, "440106"},
};
static const struct value wrong[] = {
    {FIELD_SYSZDDM, "440100"}, {FIELD_SYSZDDM, "440681"}, {FIELD_SYSZDDM, "441900"},
    {FIELD_ZZMMDM, "3"},       {FIELD_JTYB, "5106"},      {FIELD_DZYX, "nobody"},
    {FIELD_JTDZ, ""},          {FIELD_PYFSDM, "2"},       {FIELD_DXHWPDW, "示范县人民政府"},
    {FIELD_BYSJ, "202612"},    {FIELD_MZDM, "56"},        {FIELD_QQHM, "1234"},
};
enum { GOOD = sizeof good / sizeof good[0], WRONG = sizeof wrong / sizeof wrong[0] };

static uint64_t
mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static void
record_make(uint64_t number, char card[ID_NUMBER_SIZE], struct record_values *ret)
{
    uint64_t dice = mix(number);
    *ret = (struct record_values){0};
    for (size_t i = 0; i < GOOD; i++)
        ret->value[good[i].field] = str_of(good[i].text);
    (void)snprintf(card, ID_NUMBER_SIZE, "44010620040229%03u", (unsigned)(dice % 499) * 2 + 1);
    card[17] = id_check_digit(card);
    card[18] = '\0';
    ret->value[FIELD_SFZH] = str_of(card);
    unsigned mistakes = dice % 10 ? 0 : 1 + (unsigned)(dice >> 8) % 3;
    for (unsigned i = 0; i < mistakes; i++) {
        const struct value *change = &wrong[(dice >> (16 + 8 * i)) % WRONG];
        ret->value[change->field] = str_of(change->text);
    }
}

static double
processor_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    static struct record_values records[RECORD_ROOM];
    static char cards[RECORD_ROOM][ID_NUMBER_SIZE];
    static struct findings findings;
    struct campaign campaign;
    size_t count = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : RECORDS;
    size_t refused = 0;
    struct arena *arena = arena_new(64 * 1024 * 1024);
    campaign_default(&campaign);
    for (uint32_t month = 202701; month <= 202708; month++)
        campaign.graduation_months[campaign.graduation_month_count++] = month;
    for (size_t i = 0; i < RECORD_ROOM; i++)
        record_make(i, cards[i], &records[i]);
    double began = processor_seconds();
    for (size_t i = 0; i < count; i++) {
        const struct rule_input input = {
            .values = &records[i % RECORD_ROOM],
            .campaign = &campaign,
            .verified_phone = STR("13800138000"),
            .today = TODAY,
        };
        rules_judge(&input, arena, &findings);
        refused += findings_reject(&findings);
        if (i % 512 == 0)
            arena_reset(arena);
    }
    double took = processor_seconds() - began;
    printf("%zu records, %zu refused, %.0f ns of processor time each\n", count, refused,
           took * 1e9 / (double)count);
    arena_free(arena);
    return 0;
}
