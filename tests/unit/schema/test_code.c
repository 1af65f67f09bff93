#include "tests/unit/test.h"

#include "schema/code.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static void
finds_codes_by_table_edition_and_exact_text(void **state)
{
    static const struct {
        const char *table;
        const char *edition; /* NULL: the newest */
        const char *code;
        const char *name; /* NULL: no such code */
    } rows[] = {
        {"MZDM", NULL, "01", "汉族"},
        {"MZDM", NULL, "98", "外国血统中国籍人士"},
        {"MZDM", NULL, "1", NULL},
        {"MZDM", NULL, "00", NULL},
        {"MZDM", NULL, "57", NULL},
        {"MZDM", NULL, "汉族", NULL},
        {"ZZMMDM", NULL, "03", "共青团员"},
        {"ZZMMDM", NULL, "3", NULL},
        {"ZZMMDM", NULL, "14", NULL},
        {"XBDM", NULL, "2", "女"},
        {"XBDM", NULL, "0", NULL},
        {"XBDM", NULL, "9", NULL},
        {"PYFSDM", NULL, "4", "委培"},
        {"PYFSDM", NULL, "6", NULL},
        {"CXSY", NULL, "农村", "农村"},
        {"CXSY", NULL, "城市", NULL},
        {"XZ", NULL, "2.5", "2.5年"},
        {"XZ", NULL, "4.0", NULL},
        {"XZ", NULL, "6.5", NULL},
        {"KNSLBDM", NULL, "0", "非困难生"},
        {"KNSLBDM", NULL, "8", NULL},
        {"SFSLBDM", NULL, "12", "公费师范生"},
        {"SFSLBDM", NULL, "11", NULL},
        {"ZJLX", NULL, "IDENTITY_CARD", "居民身份证"},
        {"ZJLX", NULL, "identity_card", NULL},
        {"XLDM", NULL, "31", "本科生毕业"},
        {"XLDM", NULL, "33", NULL},
        {"XLDM", NULL, "01", "博士生毕业"},
        {"XLDM", "2014", "32", "本科生结业"},
        {"XLDM", "2010", "33", "本科结业"},
        {"XLDM", "2010", "01", NULL},
        {"XLDM", "2010", "61", "高职"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct code_table *table = code_table_find(str_of(rows[i].table), rows[i].edition);
        assert_non_null(table);
        const struct code_row *row = code_find(table, str_of(rows[i].code));
        if ((row == NULL) != (rows[i].name == NULL))
            fail_msg("%s '%s': %s", rows[i].table, rows[i].code, row ? "found" : "not found");
        if (row && strcmp(row->name, rows[i].name) != 0)
            fail_msg("%s '%s': '%s'", rows[i].table, rows[i].code, row->name);
    }
    assert_null(code_find(code_table_find(STR("XBDM"), NULL), STR_NONE));
}

static void
knows_no_other_table_or_edition(void **state)
{
    static const struct {
        const char *table;
        const char *edition;
    } rows[] = {{"", NULL},       {"xbdm", NULL},   {"XBD", NULL}, {"XBDMX", NULL},
                {"XBDM", "2014"}, {"XLDM", "2012"}, {"XLDM", ""},  {"SYSZDDM", NULL}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (code_table_find(str_of(rows[i].table), rows[i].edition))
            fail_msg("found '%s'", rows[i].table);
}

static void
without_an_edition_the_newest_is_meant(void **state)
{
    (void)state;
    for (size_t i = 0; i < code_table_count; i++) {
        const struct code_table *newest = code_table_find(str_of(code_tables[i].name), NULL);
        assert_true(strcmp(newest->edition, code_tables[i].edition) >= 0);
        assert_ptr_equal(code_table_find(str_of(code_tables[i].name), code_tables[i].edition),
                         &code_tables[i]);
    }
    assert_string_equal(code_table_find(STR("XLDM"), NULL)->edition, "2014");
}

static void
tables_are_complete(void **state)
{
    static const struct {
        const char *table;
        size_t count;
    } rows[] = {{"MZDM", 58}, {"ZZMMDM", 13}, {"KNSLBDM", 8}, {"PYFSDM", 5}, {"XBDM", 2},
                {"ZJLX", 6},  {"XZ", 12},     {"XLDM", 11},   {"CXSY", 2},   {"SFSLBDM", 3}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(code_table_find(str_of(rows[i].table), NULL)->count, rows[i].count);
}

static void
knows_what_is_meant(void **state)
{
    static const struct {
        const char *table, *written, *code; /* NULL: nothing */
    } rows[] = {
        {"MZDM", "1", "01"},     {"MZDM", "9", "09"},      {"MZDM", "汉", "01"},
        {"MZDM", "汉族", "01"},  {"MZDM", "毛难", "36"},   {"MZDM", "毛难族", "36"},
        {"MZDM", "崩龙", "46"},  {"MZDM", "族", NULL},     {"MZDM", "0", NULL},
        {"MZDM", "99", NULL},    {"MZDM", "", NULL},       {"MZDM", "001", NULL},
        {"PYFSDM", "01", "1"},   {"PYFSDM", "05", "5"},    {"PYFSDM", "06", NULL},
        {"PYFSDM", "定向", "2"}, {"XLDM", "33", "32"},     {"XLDM", "231", "31"},
        {"XLDM", "39", NULL},    {"XLDM", "1", NULL},      {"XBDM", "男", "1"},
        {"XBDM", "未知", NULL},  {"XZ", "4.0", "4"},       {"XZ", "4年", "4"},
        {"XZ", "四", NULL},      {"ZZMMDM", "团员", "03"}, {"ZJLX", "护照", "PASSPORT"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct code_table *table = code_table_find(str_of(rows[i].table), NULL);
        const struct code_row *row = code_meant(table, str_of(rows[i].written));
        if ((row == NULL) != (rows[i].code == NULL) ||
            (row && strcmp(row->code, rows[i].code) != 0))
            fail_msg("%s '%s': %s", rows[i].table, rows[i].written, row ? row->code : "nothing");
    }
    for (size_t i = 0; i < code_alias_count; i++)
        assert_non_null(code_meant(code_table_find(str_of(code_aliases[i].table), NULL),
                                   str_of(code_aliases[i].written)));
}

static void
every_field_with_codes_has_its_newest_table(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        assert_ptr_equal(code_of_field[i], fields[i].code_table
                                               ? code_table_find(str_of(fields[i].code_table), NULL)
                                               : NULL);
}

static void
no_code_stands_twice_in_a_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < code_table_count; i++)
        for (size_t k = 0; k < code_tables[i].count; k++) {
            const struct code_row *row = &code_tables[i].rows[k];
            assert_true(row->code[0] != '\0' && row->name[0] != '\0');
            assert_true(utf8_valid(str_of(row->code)) && utf8_valid(str_of(row->name)));
            if (code_find(&code_tables[i], str_of(row->code)) != row)
                fail_msg("%s: '%s' twice", code_tables[i].name, row->code);
        }
}

static void
nation_and_party_codes_have_two_digits(void **state)
{
    static const char *const names[] = {"MZDM", "ZZMMDM"};
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct code_table *table = code_table_find(str_of(names[i]), NULL);
        for (size_t k = 0; k < table->count; k++) {
            struct str code = str_of(table->rows[k].code);
            assert_true(code.len == 2 && str_is_digits(code));
        }
    }
}

static void
the_reference_shows_every_table(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 65536);
    code_write_docs(&out);
    assert_false(out.overflow);
    assert_non_null(strstr(out.ptr, "### XLDM (2014)\n"));
    assert_non_null(strstr(out.ptr, "### XLDM (2010)\n"));
    assert_non_null(strstr(out.ptr, "### XBDM (2003)\n\n`1` 男 · `2` 女\n\n"));
    buf_done(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_codes_by_table_edition_and_exact_text),
        cmocka_unit_test(knows_no_other_table_or_edition),
        cmocka_unit_test(without_an_edition_the_newest_is_meant),
        cmocka_unit_test(tables_are_complete),
        cmocka_unit_test(knows_what_is_meant),
        cmocka_unit_test(every_field_with_codes_has_its_newest_table),
        cmocka_unit_test(no_code_stands_twice_in_a_table),
        cmocka_unit_test(nation_and_party_codes_have_two_digits),
        cmocka_unit_test(the_reference_shows_every_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
