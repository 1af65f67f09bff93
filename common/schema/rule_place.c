/* Rules about places: 生源所在地 and 原户口所在地. */
#include "schema/area.h"
#include "schema/rule_table.h"

enum { SUCCESSORS_SHOWN_MAX = 4, AREA_TEXT_MAX = 512 };

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
        rule_report(r, field, "%06u %s已撤销或更名，现为 %s，请重新选择", (unsigned)area->code,
                    area->name, text.ptr);
    else
        rule_report(r, field, "%06u %s已撤销，请按现行区划重新选择", (unsigned)area->code,
                    area->name);
    buf_done(&text);
}

void
rule_check_area_known(const struct rule_input *input, struct rule_report *r)
{
    static const enum field_id ids[] = {FIELD_SYSZDDM, FIELD_YHKSZDDM};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct str value = rule_value(input, ids[i]);
        if (value.len && area_latest(area_code_parse(value)) == NULL)
            rule_report(r, ids[i], "%s不是有效的六位行政区划代码，请从列表中选择",
                        fields[ids[i]].label);
    }
}

void
rule_check_area_in_force(const struct rule_input *input, struct rule_report *r)
{
    uint32_t code = area_code_parse(rule_value(input, FIELD_SYSZDDM));
    const struct area *area = area_latest(code);
    if (area && area->until_year != 0)
        report_abolished(r, FIELD_SYSZDDM, area);
}

void
rule_check_area_leaf(const struct rule_input *input, struct rule_report *r)
{
    const struct area *area = area_current(area_code_parse(rule_value(input, FIELD_SYSZDDM)));
    if (area && !area_is_leaf(area->code))
        rule_report(r, FIELD_SYSZDDM, "生源所在地只选到了%s，请继续选择到所属的区县", area->name);
}

void
rule_check_household_level(const struct rule_input *input, struct rule_report *r)
{
    uint32_t code = area_code_parse(rule_value(input, FIELD_YHKSZDDM));
    const struct area *area = area_latest(code);
    if (area && area->level == AREA_PROVINCE && !area_is_leaf(code))
        rule_report(r, FIELD_YHKSZDDM, "原户口所在地只选到了%s，请选择到市或区县", area->name);
}

void
rule_check_area_mainland(const struct rule_input *input, struct rule_report *r)
{
    uint32_t province = area_code_parse(rule_value(input, FIELD_SYSZDDM)) / 10000;
    bool outside = province == 71 || province == 81 || province == 82;
    if (outside && r->facts.id_type == ID_IDENTITY_CARD)
        rule_report(r, FIELD_SYSZDDM,
                    "持居民身份证的学生，生源所在地一般不在港澳台，请核对高考时的户籍所在地");
}
