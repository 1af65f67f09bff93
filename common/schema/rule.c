/* The engine: what several rules look at is read once, each rule's predicate reports what it finds.
 */
#include "schema/rule.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "schema/rule_table.h"

enum { MESSAGE_USUAL = 512 };

const struct rule rules[] = {
#define X(id, predicate, severity, adjustable, stages, fields, summary, basis)                     \
    {id, RULE_##severity, adjustable, stages, fields, summary, basis, rule_check_##predicate},
    RULE_TABLE(X)
#undef X
};
const size_t rule_count = sizeof rules / sizeof rules[0];
_Static_assert(sizeof rules / sizeof rules[0] <= RULES_MAX, "a campaign has no room for all rules");

size_t
rule_find(struct str id)
{
    size_t i = 0;
    while (i < rule_count && !str_eq_text(id, rules[i].id))
        i++;
    return i;
}

void
rule_report(struct rule_report *r, enum field_id field, const char *format, ...)
{
    char text[MESSAGE_USUAL];
    va_list args;
    if (r->findings->count == FINDINGS_MAX)
        return;
    va_start(args, format);
    size_t length = (size_t)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct str message = {text, length};
    if (length < sizeof text) {
        message = arena_copy(r->arena, message);
    } else { /* what a campaign fixes may be long */
        char *room = arena_alloc(r->arena, length + 1);
        va_start(args, format);
        (void)vsnprintf(room, length + 1, format, args);
        va_end(args);
        message.ptr = room;
    }
    r->findings->rows[r->findings->count++] =
        (struct finding){r->rule, r->severity, field, message};
}

static unsigned
month_number(uint32_t yyyymm)
{
    return yyyymm / 100 * 12 + yyyymm % 100 - 1;
}

/* "4" is 8, "2.5" is 5; 0 when it is no such number. */
static unsigned
half_years_of(struct str text)
{
    uint64_t years = 0;
    struct str half = text;
    bool read = str_to_u64(str_cut(&half, '.'), 9, &years);
    bool halved = str_eq(half, STR("5"));
    return read && (halved || half.ptr == NULL) ? (unsigned)years * 2 + halved : 0;
}

static struct record_facts
facts_of(const struct rule_input *input)
{
    const struct str *value = input->values->value;
    struct record_facts facts = {.id_type = ID_TYPE_COUNT_, .mainland = true};
    if (id_type_parse(value[FIELD_ZJLX], &facts.id_type)) {
        facts.mainland = facts.id_type == ID_IDENTITY_CARD;
        if (value[FIELD_SFZH].len)
            facts.id_fault = id_number_check(facts.id_type, value[FIELD_SFZH], input->today);
    }
    facts.level = study_level_of(value[FIELD_XLDM]);
    facts.birth = date_parse(value[FIELD_CSRQ]);
    facts.enrolled = date_parse(value[FIELD_RXSJ]);
    if (facts.enrolled)
        facts.begins = month_number(facts.enrolled / 100);
    uint32_t month = month_parse(value[FIELD_BYSJ]);
    if (month)
        facts.graduates = month_number(month);
    facts.half_years = half_years_of(value[FIELD_XZ]);
    return facts;
}

static void
judge(const struct rule_input *input, unsigned stage, struct arena *arena, struct findings *ret)
{
    struct rule_report r = {
        .stage = stage, .arena = arena, .findings = ret, .facts = facts_of(input)};
    ret->count = 0;
    for (size_t i = 0; i < rule_count; i++) {
        r.rule = &rules[i];
        r.severity =
            input->campaign ? (enum rule_severity)input->campaign->severity[i] : rules[i].severity;
        if ((rules[i].stages & stage) && r.severity != RULE_OFF)
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
        if (findings->rows[i].severity == RULE_REJECT)
            return true;
    return false;
}

bool
record_requires(const struct campaign *campaign, const struct record_values *values,
                enum field_id field)
{
    enum id_type type;
    bool required = campaign ? campaign->required[field] : fields[field].required;
    if (!required || (field != FIELD_MZDM && field != FIELD_ZZMMDM))
        return required;
    return !id_type_parse(values->value[FIELD_ZJLX], &type) || type == ID_IDENTITY_CARD;
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
    static const char *const severities[] = {"拒绝", "警告", "提示", "关闭"};
    buf_add_text(out, "| 规则 | 级别 | 可调 | 用于 | 字段 | 内容 | 依据 |\n"
                      "|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < rule_count; i++)
        buf_printf(out, "| `%s` | %s | %s | %s%s | %s | %s | %s |\n", rules[i].id,
                   severities[rules[i].severity], rules[i].adjustable ? "是" : "",
                   rules[i].stages & RULE_ROSTER ? "学籍导入 " : "",
                   rules[i].stages & RULE_SUBMISSION ? "提交" : "", rules[i].fields,
                   rules[i].summary, rules[i].basis);
}

void
rule_write_json(struct buf *out)
{
    struct jsonw w = jsonw_on(out);
    jsonw_array_open(&w);
    for (size_t i = 0; i < rule_count; i++) {
        jsonw_object_open(&w);
        jsonw_member_text(&w, "id", rules[i].id);
        jsonw_member_text(&w, "severity", rule_severity_word(rules[i].severity));
        jsonw_member_bool(&w, "adjustable", rules[i].adjustable);
        jsonw_member_text(&w, "fields", rules[i].fields);
        jsonw_member_text(&w, "summary", rules[i].summary);
        jsonw_member_text(&w, "basis", rules[i].basis);
        jsonw_object_close(&w);
    }
    jsonw_array_close(&w);
}
