#include "tests/unit/test.h"

#include <stdio.h>

#include "schema/json.h"
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
    {FIELD_KSH, "23440103150001"},
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

#include "tests/unit/schema/rule_rows.h"

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

static bool
says(const struct findings *findings, const char *part)
{
    for (size_t i = 0; i < findings->count; i++)
        if (contains(findings->rows[i].message, str_of(part)))
            return true;
    return false;
}

/* A message is for the student. It never shows what is sealed; of the rest only two rules show a
 * code on purpose, because the message is about it. Short values occur in any sentence. */
static void
assert_message(const struct row *row, const struct finding *finding,
               const struct record_values *values)
{
    bool shows = finding->field == FIELD_BYSJ || finding->field == FIELD_SYSZDDM;
    assert_true(finding->message.len > 0 && utf8_valid(finding->message));
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        struct str value = values->value[i];
        bool told = shows && i == finding->field && !fields[i].sensitive;
        if (value.len >= 4 && !told && contains(finding->message, value))
            fail_msg("%s, %s: the message shows %s", row->rule, row->title, fields[i].name);
    }
}

static void
campaign_of_row(const struct row *row, struct campaign *ret)
{
    campaign_make(ret);
    if (row->turn == NULL)
        return;
    ret->fixed_value[FIELD_SFSLBDM] = STR_NONE;
    if (strcmp(row->turn, "fixed") == 0)
        ret->fixed_value[FIELD_SFSLBDM] = STR(HAN120 HAN120);
    else
        assert_int_equal(campaign_set_severities(ret, str_of(row->turn)), 0);
}

static bool
expects_refusal(const struct row *row, const struct campaign *campaign)
{
    for (size_t i = 0; i < rule_count; i++) {
        char mark[40];
        (void)snprintf(mark, sizeof mark, "%s:", rules[i].id);
        const char *at = strstr(row->expected, mark);
        if (at && (at == row->expected || at[-1] == ' ') && campaign->severity[i] == RULE_REJECT)
            return true;
    }
    return false;
}

static void
judges_every_row_as_expected(void **state)
{
    struct arena *arena = arena_new(1024 * 1024);
    struct campaign campaign;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct record_values values;
        struct findings findings;
        struct buf text;
        campaign_of_row(&rows[i], &campaign);
        buf_init(&text, 4096);
        record_make(rows[i].change, CHANGES_MAX, &values);
        judge(&values, &campaign, rows[i].stage, arena, &findings);
        findings_print(&findings, &text);
        if (!str_eq_text(buf_str(&text), rows[i].expected))
            fail_msg("%s, %s: '%.*s', not '%s'", rows[i].rule, rows[i].title,
                     STR_ARG(buf_str(&text)), rows[i].expected);
        assert_int_equal(findings_reject(&findings), expects_refusal(&rows[i], &campaign));
        for (size_t k = 0; k < findings.count; k++)
            assert_message(&rows[i], &findings.rows[k], &values);
        if (rows[i].says && !says(&findings, rows[i].says))
            fail_msg("%s, %s: no message says '%s'", rows[i].rule, rows[i].title, rows[i].says);
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
    assert_int_equal(rule_count, 35);
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
    } days[] = {{20040228, 2}, {20040229, 0}, {20040301, 0}};
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
    static const struct {
        enum rule_severity found[3];
        bool rejects;
    } lists[] = {{{RULE_OFF}, false},
                 {{RULE_WARN, RULE_OFF}, false},
                 {{RULE_NOTE, RULE_WARN, RULE_OFF}, false},
                 {{RULE_REJECT, RULE_OFF}, true},
                 {{RULE_WARN, RULE_NOTE, RULE_REJECT}, true}};
    (void)state;
    for (size_t i = 0; i < COUNT(lists); i++) {
        struct findings findings = {.count = 0};
        while (findings.count < 3 && lists[i].found[findings.count] != RULE_OFF) {
            findings.rows[findings.count].severity = lists[i].found[findings.count];
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
without_a_campaign_the_tables_are_asked(void **state)
{
    struct arena *arena = arena_new(1024 * 1024);
    struct record_values values;
    struct findings findings;
    (void)state;
    record_make((const struct value[]){{FIELD_BYSJ, "202712"}, {FIELD_SFSLBDM, "1"}}, 2, &values);
    const struct rule_input input = {.values = &values, .today = TODAY};
    rules_judge(&input, arena, &findings);
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.rows[0].rule->id, "study-longer");
    assert_int_equal(findings.rows[0].severity, RULE_WARN);
    arena_free(arena);
}

static void
the_table_is_written_for_later_readers(void **state)
{
    struct json_doc *doc = NULL;
    struct buf out;
    size_t count = 0;
    (void)state;
    buf_init(&out, 65536);
    rule_write_json(&out);
    assert_int_equal(json_parse(buf_str(&out), &doc, NULL), ERR_OK);
    for (const struct json *row = json_first(json_root(doc)); row; row = json_next(row)) {
        assert_str(json_str(json_get(row, "id")), rules[count].id);
        assert_str(json_str(json_get(row, "severity")), rule_severity_word(rules[count].severity));
        count++;
    }
    assert_int_equal(count, rule_count);
    assert_int_equal(strlen(rules_edition), 12);
    json_doc_free(doc);
    buf_done(&out);
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
        strstr(out.ptr, "| `document-birth-sex` | 拒绝 |  | 学籍导入  | SFZH CSRQ XBDM |"));
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
        cmocka_unit_test(without_a_campaign_the_tables_are_asked),
        cmocka_unit_test(the_table_is_written_for_later_readers),
        cmocka_unit_test(the_reference_has_a_line_for_every_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
