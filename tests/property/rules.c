/*
 * The rules, asked line by line: tests/property/test_*.py write a question and read the answer.
 *
 *   I <type number>\t<number>\t<today>       -> the fault's number, 0 when it is good
 *   R\t<today>\tFIELD=value\t…               -> the findings of a roster row, "rule:FIELD:severity
 * …" S\t<today>\t<severities>\tFIELD=value\t… -> those of a submission of a campaign that takes
 * every month of 2027
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/person.h"
#include "schema/rule.h"

static uint32_t
number(struct str text)
{
    uint64_t value = 0;
    (void)str_to_u64(text, UINT32_MAX, &value);
    return (uint32_t)value;
}

static void
values_read(struct str rest, struct record_values *ret)
{
    *ret = (struct record_values){0};
    while (rest.len) {
        struct str value = str_cut(&rest, '\t');
        const struct field *field = field_find(str_cut(&value, '='));
        if (field)
            ret->value[field->id] = value;
    }
}

static void
findings_tell(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        printf("%s%s:%s:%s", i ? " " : "", findings->rows[i].rule->id,
               fields[findings->rows[i].field].name,
               rule_severity_word(findings->rows[i].severity));
    printf("\n");
}

static void
answer(struct str line, struct arena *arena)
{
    static struct findings findings;
    struct campaign campaign;
    struct record_values values;
    struct str kind = str_cut(&line, '\t');
    if (str_starts(kind, STR("I "))) {
        uint32_t type = number((struct str){kind.ptr + 2, kind.len - 2});
        struct str text = str_cut(&line, '\t');
        printf("%d\n", (int)id_number_check((enum id_type)type, text, number(line)));
        return;
    }
    struct rule_input input = {.values = &values, .today = number(str_cut(&line, '\t'))};
    if (str_eq(kind, STR("R"))) {
        values_read(line, &values);
        rules_judge_roster(&input, arena, &findings);
    } else {
        campaign_default(&campaign);
        for (uint32_t month = 202701; month <= 202712; month++)
            campaign.graduation_months[campaign.graduation_month_count++] = month;
        (void)campaign_set_severities(&campaign, str_cut(&line, '\t'));
        input.campaign = &campaign;
        values_read(line, &values);
        rules_judge(&input, arena, &findings);
    }
    findings_tell(&findings);
}

int
main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    struct arena *arena = arena_new(16 * 1024 * 1024);
    while ((length = getline(&line, &size, stdin)) > 0) {
        answer((struct str){line, (size_t)length - 1}, arena);
        (void)fflush(stdout);
        arena_reset(arena);
    }
    free(line);
    arena_free(arena);
    return 0;
}
