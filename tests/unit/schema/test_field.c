#include "tests/unit/test.h"

#include "schema/campaign.h"
#include "schema/code.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static void
has_the_42_fields_of_the_standard_in_order(void **state)
{
    /* The order of the data structure in use since 2016; the number is that of the confirmation. */
    static const char *const names[] = {
        "YXDM", "YXMC",      "FXMC",     "XM",          "KSH",      "YKSH",     "ZJLX",
        "SFZH", "XBDM",      "CSRQ",     "MZDM",        "ZZMMDM",   "XLDM",     "ZYDM",
        "ZYMC", "ZYFX",      "PYFSDM",   "DXHWPDW",     "SYSZDDM",  "CXSY",     "XZ",
        "RXSJ", "BYSJ",      "XJBDDM",   "SFSLBDM",     "KNSLBDM",  "SZYX",     "SZBJ",
        "XH",   "RXQDASZDW", "DASFZRXX", "RXQHKSZDPCS", "HKSFZRXX", "SJHM",     "DZYX",
        "QQHM", "JTDZ",      "JTDH",     "JTYB",        "JTLXR",    "YHKSZDDM", "BZ",
    };
    (void)state;
    assert_int_equal(FIELD_COUNT_, 42);
    assert_int_equal(COUNT(names), FIELD_COUNT_);
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        assert_string_equal(fields[i].name, names[i]);
        assert_int_equal(fields[i].id, i);
    }
}

static void
finds_every_field_by_its_exact_name_only(void **state)
{
    static const char *const wrong[] = {"", "sfzh", "SFZ", "SFZHX", " SFZH", "SFZH ", "姓名"};
    (void)state;
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        assert_ptr_equal(field_find(str_of(fields[i].name)), &fields[i]);
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (field_find(str_of(wrong[i])))
            fail_msg("found '%s'", wrong[i]);
    assert_null(field_find(STR_NONE));
}

static void
names_and_labels_are_unique(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        for (unsigned k = i + 1; k < FIELD_COUNT_; k++) {
            assert_string_not_equal(fields[i].name, fields[k].name);
            assert_string_not_equal(fields[i].label, fields[k].label);
        }
}

/* Bytes of every text a person sees. */
static void
assert_text(const struct field *field, const char *text)
{
    if (text == NULL)
        return;
    if (text[0] == '\0' || !utf8_valid(str_of(text)))
        fail_msg("%s: empty or not UTF-8", field->name);
}

static void
every_row_is_complete(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        const struct field *field = &fields[i];
        for (const char *c = field->name; *c; c++)
            if (*c < 'A' || *c > 'Z')
                fail_msg("%s: a standard name is upper case letters", field->name);
        assert_non_null(field->label);
        assert_text(field, field->label);
        assert_text(field, field->help);
        assert_text(field, field->required_when);
        if (field->length_max < 1 || field->length_max > 120)
            fail_msg("%s: length %u", field->name, field->length_max);
        if (field->required && field->required_when)
            fail_msg("%s: required always and sometimes", field->name);
    }
}

static void
a_type_fixes_the_length(void **state)
{
    static const struct {
        enum field_type type;
        unsigned least;
        unsigned most;
    } rows[] = {
        {FIELD_DATE, 8, 8}, {FIELD_MONTH, 6, 6},   {FIELD_AREA, 6, 6},
        {FIELD_FLAG, 1, 1}, {FIELD_PHONE, 11, 20}, {FIELD_EMAIL, 60, 60},
    };
    (void)state;
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        for (size_t k = 0; k < COUNT(rows); k++)
            if (fields[i].type == rows[k].type &&
                (fields[i].length_max < rows[k].least || fields[i].length_max > rows[k].most))
                fail_msg("%s: length %u", fields[i].name, fields[i].length_max);
}

static void
code_tables_exist_and_their_codes_fit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        const struct field *field = &fields[i];
        bool coded = field->type == FIELD_CODE || field->type == FIELD_FLAG;
        if (coded != (field->code_table != NULL))
            fail_msg("%s: codes and flags name a table, others do not", field->name);
        if (field->code_table == NULL)
            continue;
        const struct code_table *table = code_table_find(str_of(field->code_table), NULL);
        if (table == NULL)
            fail_msg("%s: no table '%s'", field->name, field->code_table);
        for (size_t k = 0; k < table->count; k++)
            if (utf8_length(str_of(table->rows[k].code)) > field->length_max)
                fail_msg("%s: code '%s' is too long", field->name, table->rows[k].code);
    }
}

static void
defaults_are_codes_of_fields_a_student_owns(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        if (fields[i].default_value == NULL)
            continue;
        assert_int_equal(fields[i].owner, FIELD_OWNER_STUDENT);
        const struct code_table *table = code_table_find(str_of(fields[i].code_table), NULL);
        assert_non_null(code_find(table, str_of(fields[i].default_value)));
    }
    assert_string_equal(fields[FIELD_KNSLBDM].default_value, "0");
}

static void
only_the_commissioned_unit_is_required_sometimes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        assert_int_equal(fields[i].required_when != NULL, i == FIELD_DXHWPDW);
    assert_non_null(strstr(fields[FIELD_DXHWPDW].required_when, fields[FIELD_PYFSDM].label));
}

static void
what_identifies_or_reaches_a_person_is_sealed(void **state)
{
    static const enum field_id sealed[] = {
        FIELD_KSH,  FIELD_YKSH, FIELD_SFZH, FIELD_KNSLBDM, FIELD_RXQHKSZDPCS, FIELD_SJHM,
        FIELD_DZYX, FIELD_QQHM, FIELD_JTDZ, FIELD_JTDH,    FIELD_JTYB,        FIELD_JTLXR,
    };
    bool expected[FIELD_COUNT_] = {false};
    (void)state;
    for (size_t i = 0; i < COUNT(sealed); i++)
        expected[sealed[i]] = true;
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        if (fields[i].sensitive != expected[i])
            fail_msg("%s: sealed %d", fields[i].name, fields[i].sensitive);
}

static void
what_the_student_cannot_change_belongs_to_the_roster(void **state)
{
    static const enum field_id roster[] = {
        FIELD_YXDM, FIELD_YXMC, FIELD_XM,   FIELD_KSH,    FIELD_ZJLX, FIELD_SFZH,
        FIELD_XBDM, FIELD_CSRQ, FIELD_MZDM, FIELD_PYFSDM, FIELD_XLDM, FIELD_XZ,
        FIELD_SZYX, FIELD_XH,   FIELD_RXSJ, FIELD_BYSJ,   FIELD_ZYDM, FIELD_ZYMC,
    };
    static const enum field_id student[] = {
        FIELD_SYSZDDM, FIELD_CXSY,   FIELD_SJHM,     FIELD_DZYX,    FIELD_JTDZ,
        FIELD_JTYB,    FIELD_ZZMMDM, FIELD_YHKSZDDM, FIELD_DXHWPDW,
    };
    (void)state;
    for (size_t i = 0; i < COUNT(roster); i++)
        assert_int_equal(fields[roster[i]].owner, FIELD_OWNER_ROSTER);
    for (size_t i = 0; i < COUNT(student); i++)
        assert_int_equal(fields[student[i]].owner, FIELD_OWNER_STUDENT);
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        assert_int_equal(fields[i].owner == FIELD_OWNER_ADMIN, i == FIELD_BZ);
}

static void
a_campaign_begins_with_what_the_table_requires(void **state)
{
    struct campaign campaign;
    (void)state;
    memset(&campaign, 0xFF, sizeof campaign);
    campaign_default(&campaign);
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        assert_int_equal(campaign.required[i], fields[i].required);
        assert_int_equal(campaign.fixed_value[i].len, 0);
    }
    assert_int_equal(campaign.graduation_month_count, 0);
    assert_int_equal(campaign.opens_at_ms, 0);
    assert_int_equal(campaign.closes_at_ms, 0);
    assert_int_equal(campaign.campaign_id.len, 0);
    assert_int_equal(campaign.version, 1);
}

static size_t
lines(struct str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '\n';
    return count;
}

static void
the_reference_has_a_line_for_every_field(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 65536);
    field_write_docs(&out);
    assert_false(out.overflow);
    assert_int_equal(lines(buf_str(&out)), FIELD_COUNT_ + 2);
    assert_non_null(
        strstr(out.ptr, "| `SFZH` | 身份证件号码 | 个人 | 18 | 学籍 | 是 | 是 |  |  |\n"));
    assert_non_null(strstr(out.ptr, "| 60 | 学生 | 培养方式为定向或委培时必填，其他不填 |"));
    buf_done(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_42_fields_of_the_standard_in_order),
        cmocka_unit_test(finds_every_field_by_its_exact_name_only),
        cmocka_unit_test(names_and_labels_are_unique),
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(a_type_fixes_the_length),
        cmocka_unit_test(code_tables_exist_and_their_codes_fit),
        cmocka_unit_test(defaults_are_codes_of_fields_a_student_owns),
        cmocka_unit_test(only_the_commissioned_unit_is_required_sometimes),
        cmocka_unit_test(what_identifies_or_reaches_a_person_is_sealed),
        cmocka_unit_test(what_the_student_cannot_change_belongs_to_the_roster),
        cmocka_unit_test(a_campaign_begins_with_what_the_table_requires),
        cmocka_unit_test(the_reference_has_a_line_for_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
