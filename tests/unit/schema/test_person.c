#include "tests/unit/test.h"

#include "schema/person.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

enum { TODAY = 20261123 };

/* Numbers are made here, none is a person's: a '?' at the end becomes the check digit and a '!' a
 * digit that is not it. */
static struct str
number_make(const char *pattern, char out[64])
{
    size_t length = strlen(pattern);
    assert_true(length < 64);
    memcpy(out, pattern, length + 1);
    if (length == 18 && pattern[17] == '?')
        out[17] = id_check_digit(pattern);
    if (length == 18 && pattern[17] == '!')
        out[17] = id_check_digit(pattern) == '4' ? '5' : '4';
    return (struct str){out, length};
}

static void
computes_check_digits_of_published_examples(void **state)
{
    static const struct {
        const char *number;
        char digit;
    } rows[] = {
        {"11010519491231002X", 'X'}, {"440524188001010014", '4'}, {"371001198010082394", '4'},
        {"360426199101010071", '1'}, {"34595519870612224X", 'X'}, /* printed with 5 where it fails
                                                                   */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (id_check_digit(rows[i].number) != rows[i].digit)
            fail_msg("%s: %c", rows[i].number, id_check_digit(rows[i].number));
}

static void
every_check_digit_can_occur_and_one_changed_digit_is_noticed(void **state)
{
    bool seen[256] = {false};
    (void)state;
    for (unsigned serial = 0; serial < 100; serial++) {
        char number[64];
        char text[] = "440103200402290000";
        text[15] = (char)('0' + serial / 10);
        text[16] = (char)('0' + serial % 10);
        text[17] = '?';
        struct str good = number_make(text, number);
        seen[(unsigned char)number[17]] = true;
        assert_int_equal(id_number_check(ID_IDENTITY_CARD, good, TODAY), ID_OK);
        for (size_t i = 0; i < 17; i++) {
            char kept = number[i];
            number[i] = (char)('0' + (kept - '0' + 1) % 10);
            assert_int_not_equal(id_number_check(ID_IDENTITY_CARD, good, TODAY), ID_OK);
            number[i] = kept;
        }
    }
    for (const char *c = "0123456789X"; *c; c++)
        assert_true(seen[(unsigned char)*c]);
}

struct number_row {
    enum id_type type;
    const char *number;
    enum id_fault fault;
};

static void
assert_numbers(const struct number_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char number[64];
        struct str text = number_make(rows[i].number, number);
        enum id_fault fault = id_number_check(rows[i].type, text, TODAY);
        if (fault != rows[i].fault)
            fail_msg("%s '%s': %d, not %d", id_type_name(rows[i].type), rows[i].number, (int)fault,
                     (int)rows[i].fault);
    }
}

static void
checks_identity_cards(void **state)
{
    /* clang-format off */
    static const struct number_row rows[] = {
        {ID_IDENTITY_CARD, "44010320040229001?", ID_OK},          /* a leap day */
        {ID_IDENTITY_CARD, "44010320000229001?", ID_OK},          /* 2000 was a leap year */
        {ID_IDENTITY_CARD, "11010519491231002X", ID_OK},
        {ID_IDENTITY_CARD, "44068119990101001?", ID_OK},          /* 顺德市, abolished 2002 */
        {ID_IDENTITY_CARD, "44010719990101001?", ID_OK},          /* 芳村区, abolished 2005 */
        {ID_IDENTITY_CARD, "44190020040101001?", ID_OK},          /* 东莞 */
        {ID_IDENTITY_CARD, "44200020040101001?", ID_OK},          /* 中山 */
        {ID_IDENTITY_CARD, "65901220240101001?", ID_OK},          /* 白杨市, since 2023 */
        {ID_IDENTITY_CARD, "44010319000101001?", ID_OK},          /* the first year */
        {ID_IDENTITY_CARD, "44010320261123001?", ID_OK},          /* born today */
        {ID_IDENTITY_CARD, "44010320261124001?", ID_DATE_FUTURE}, /* born tomorrow */
        {ID_IDENTITY_CARD, "44010320991231001?", ID_DATE_FUTURE},
        {ID_IDENTITY_CARD, "44010320030229001?", ID_DATE},        /* no leap year */
        {ID_IDENTITY_CARD, "44010319000229001?", ID_DATE},        /* 1900 was none */
        {ID_IDENTITY_CARD, "44010319990230001?", ID_DATE},
        {ID_IDENTITY_CARD, "44010320040431001?", ID_DATE},
        {ID_IDENTITY_CARD, "44010320041301001?", ID_DATE},
        {ID_IDENTITY_CARD, "44010320040001001?", ID_DATE},
        {ID_IDENTITY_CARD, "44010320040100001?", ID_DATE},
        {ID_IDENTITY_CARD, "44010318991231001?", ID_DATE},
        {ID_IDENTITY_CARD, "44052418800101001?", ID_DATE},
        {ID_IDENTITY_CARD, "44010321000101001?", ID_DATE},
        {ID_IDENTITY_CARD, "44010120040101001?", ID_AREA},        /* never given */
        {ID_IDENTITY_CARD, "99010120040101001?", ID_AREA},
        {ID_IDENTITY_CARD, "00000020040101001?", ID_AREA},
        {ID_IDENTITY_CARD, "44000020040101001?", ID_AREA},        /* a province */
        {ID_IDENTITY_CARD, "81000020040101001?", ID_AREA},        /* a residence permit's */
        {ID_IDENTITY_CARD, "83000020040101001?", ID_AREA},
        {ID_IDENTITY_CARD, "44010320040229001!", ID_CHECK_DIGIT},
        {ID_IDENTITY_CARD, "440103199012218963", ID_CHECK_DIGIT}, /* a published non-example */
        {ID_IDENTITY_CARD, "11010519491231002x", ID_CHARACTERS},  /* normalise first */
        {ID_IDENTITY_CARD, "11010519491231002Y", ID_CHARACTERS},
        {ID_IDENTITY_CARD, "1101051949123100X2", ID_CHARACTERS},
        {ID_IDENTITY_CARD, "X1010519491231002X", ID_CHARACTERS},
        {ID_IDENTITY_CARD, "11010519491231 02X", ID_CHARACTERS},
        {ID_IDENTITY_CARD, "11010519491231002 ", ID_CHARACTERS},
        {ID_IDENTITY_CARD, "１１０１０５",           ID_CHARACTERS}, /* 18 bytes, full width */
        {ID_IDENTITY_CARD, "440103900101001",    ID_OBSOLETE},    /* the first generation's 15 */
        {ID_IDENTITY_CARD, "44010390010100X",    ID_LENGTH},      /* 15, but no digits */
        {ID_IDENTITY_CARD, "４４０１０３２００４０２２９００１６", ID_CHARACTERS}, /* 54 bytes, full width */
        {ID_IDENTITY_CARD, "44010319990230001?", ID_DATE},        /* a popular library takes it */
        {ID_IDENTITY_CARD, "4401032004022900",   ID_LENGTH},
        {ID_IDENTITY_CARD, "44010320040229001",  ID_LENGTH},
        {ID_IDENTITY_CARD, "4401032004022900123", ID_LENGTH},
        {ID_IDENTITY_CARD, "",                   ID_LENGTH},
    };
    /* clang-format on */
    (void)state;
    assert_numbers(rows, COUNT(rows));
}

static void
checks_permits_and_passports(void **state)
{
    /* clang-format off */
    static const struct number_row rows[] = {
        /* residence permits of Hong Kong, Macao and Taiwan residents: 81, 82 and 83 */
        {ID_HMT_RESIDENCE_PERMIT, "81000020040229001?", ID_OK},
        {ID_HMT_RESIDENCE_PERMIT, "82000020040101002?", ID_OK},
        {ID_HMT_RESIDENCE_PERMIT, "83000020040101003?", ID_OK},
        {ID_HMT_RESIDENCE_PERMIT, "71000020040101003?", ID_AREA},
        {ID_HMT_RESIDENCE_PERMIT, "84000020040101003?", ID_AREA},
        {ID_HMT_RESIDENCE_PERMIT, "81000120040101003?", ID_AREA},
        {ID_HMT_RESIDENCE_PERMIT, "44010320040101003?", ID_AREA},
        {ID_HMT_RESIDENCE_PERMIT, "81000020030229001?", ID_DATE},
        {ID_HMT_RESIDENCE_PERMIT, "81000020261124001?", ID_DATE_FUTURE},
        {ID_HMT_RESIDENCE_PERMIT, "81000020040229001!", ID_CHECK_DIGIT},
        {ID_HMT_RESIDENCE_PERMIT, "8100002004022900A?", ID_CHARACTERS},
        {ID_HMT_RESIDENCE_PERMIT, "81000020040229001",  ID_LENGTH},
        /* travel permits of Hong Kong and Macao residents */
        {ID_HM_TRAVEL_PERMIT, "H12345678",   ID_OK},
        {ID_HM_TRAVEL_PERMIT, "M00000000",   ID_OK},
        {ID_HM_TRAVEL_PERMIT, "HA1234567",   ID_OK},     /* not of Chinese nationality */
        {ID_HM_TRAVEL_PERMIT, "MA1234567",   ID_OK},
        {ID_HM_TRAVEL_PERMIT, "HB1234567",   ID_FORMAT},
        {ID_HM_TRAVEL_PERMIT, "HAA234567",   ID_FORMAT},
        {ID_HM_TRAVEL_PERMIT, "A12345678",   ID_FORMAT},
        {ID_HM_TRAVEL_PERMIT, "h12345678",   ID_FORMAT},
        {ID_HM_TRAVEL_PERMIT, "112345678",   ID_FORMAT},
        {ID_HM_TRAVEL_PERMIT, "H1234567X",   ID_FORMAT},
        {ID_HM_TRAVEL_PERMIT, "H1234567",    ID_LENGTH},
        {ID_HM_TRAVEL_PERMIT, "H1234567801", ID_LENGTH}, /* the issue count is not part of it */
        {ID_HM_TRAVEL_PERMIT, "",            ID_LENGTH},
        /* travel permits of Taiwan residents */
        {ID_TW_TRAVEL_PERMIT, "00000000",    ID_OK},
        {ID_TW_TRAVEL_PERMIT, "12345678",    ID_OK},
        {ID_TW_TRAVEL_PERMIT, "1234567",     ID_LENGTH},
        {ID_TW_TRAVEL_PERMIT, "123456789",   ID_LENGTH},
        {ID_TW_TRAVEL_PERMIT, "T1234567",    ID_FORMAT},
        {ID_TW_TRAVEL_PERMIT, "1234567X",    ID_FORMAT},
        {ID_TW_TRAVEL_PERMIT, "",            ID_LENGTH},
        /* permanent resident cards of foreigners: new and old */
        {ID_FOREIGN_PR, "91108419900101001?", ID_OK},
        {ID_FOREIGN_PR, "91108419900101001!", ID_CHECK_DIGIT},
        {ID_FOREIGN_PR, "81108419900101001?", ID_FORMAT},
        {ID_FOREIGN_PR, "9110841990010100A?", ID_CHARACTERS},
        {ID_FOREIGN_PR, "CAN110101000010",    ID_OK},
        {ID_FOREIGN_PR, "CA1110101000010",    ID_FORMAT},
        {ID_FOREIGN_PR, "C1N110101000010",    ID_FORMAT},
        {ID_FOREIGN_PR, "can110101000010",    ID_FORMAT},
        {ID_FOREIGN_PR, "CAN11010100001X",    ID_FORMAT},
        {ID_FOREIGN_PR, "CANN11010100001",    ID_FORMAT},
        {ID_FOREIGN_PR, "CAN11010100001",     ID_LENGTH},
        {ID_FOREIGN_PR, "CAN1101010000100",   ID_LENGTH},
        {ID_FOREIGN_PR, "",                   ID_LENGTH},
        /* passports, as printed */
        {ID_PASSPORT, "E12345678",           ID_OK},
        {ID_PASSPORT, "12345",               ID_OK},
        {ID_PASSPORT, "ABCDEFGHIJKLMNOPQR",  ID_OK},
        {ID_PASSPORT, "1234",                ID_LENGTH},
        {ID_PASSPORT, "ABCDEFGHIJKLMNOPQRS", ID_LENGTH},
        {ID_PASSPORT, "e12345678",           ID_CHARACTERS},
        {ID_PASSPORT, "E1234-678",           ID_CHARACTERS},
        {ID_PASSPORT, "E1234 678",           ID_CHARACTERS},
        {ID_PASSPORT, "护照号",               ID_CHARACTERS},
        {ID_PASSPORT, "",                    ID_LENGTH},
    };
    /* clang-format on */
    (void)state;
    assert_numbers(rows, COUNT(rows));
    assert_int_equal(id_number_check(ID_TYPE_COUNT_, STR("12345678"), TODAY), ID_FORMAT);
    assert_int_equal(id_number_check((enum id_type)99, STR("12345678"), TODAY), ID_FORMAT);
}

static void
names_every_document_type_and_reads_it_again(void **state)
{
    static const char *const wrong[] = {"", "identity_card", "IDENTITY_CARDS", "IDENTITY", "0"};
    (void)state;
    for (unsigned i = 0; i < ID_TYPE_COUNT_; i++) {
        enum id_type type = ID_TYPE_COUNT_;
        assert_true(id_type_parse(str_of(id_type_name((enum id_type)i)), &type));
        assert_int_equal(type, i);
        assert_int_equal(id_type_has_birth((enum id_type)i),
                         i == ID_IDENTITY_CARD || i == ID_HMT_RESIDENCE_PERMIT);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        enum id_type type = ID_PASSPORT;
        assert_false(id_type_parse(str_of(wrong[i]), &type));
        assert_int_equal(type, ID_PASSPORT);
    }
}

static void
every_fault_has_its_own_message_without_a_number(void **state)
{
    (void)state;
    assert_string_equal(id_fault_message(ID_OK), "");
    for (unsigned i = ID_LENGTH; i <= ID_FORMAT; i++) {
        const char *message = id_fault_message((enum id_fault)i);
        assert_true(utf8_length(str_of(message)) > 10);
        for (unsigned k = i + 1; k <= ID_FORMAT; k++)
            assert_string_not_equal(message, id_fault_message((enum id_fault)k));
    }
}

static void
normalises_a_final_x_only(void **state)
{
    static const struct {
        const char *text;
        const char *normal; /* NULL: does not fit */
    } rows[] = {
        {"11010519491231002x", "11010519491231002X"},
        {"11010519491231002X", "11010519491231002X"},
        {"x101051949123100x2", "x101051949123100x2"},
        {"e12345678", "e12345678"},
        {" 123 ", " 123 "},
        {"x", "X"},
        {"", ""},
        {"1234567890123456789012345678901", "1234567890123456789012345678901"},
        {"12345678901234567890123456789012", NULL},
        {"123456789012345678901234567890123456789x", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char out[ID_NUMBER_SIZE] = "untouched";
        bool fits = id_number_normalise(str_of(rows[i].text), out);
        assert_int_equal(fits, rows[i].normal != NULL);
        assert_string_equal(out, fits ? rows[i].normal : "untouched");
    }
}

static void
knows_the_calendar(void **state)
{
    static const struct {
        const char *text;
        bool valid;
    } rows[] = {
        {"20040229", true},  {"20000229", true},   {"20261123", true},  {"19000101", true},
        {"20991231", true},  {"20040131", true},   {"20040430", true},  {"20041231", true},
        {"20240229", true},  {"20230229", false},  {"19000229", false}, {"20040230", false},
        {"20040431", false}, {"20040631", false},  {"20040931", false}, {"20041131", false},
        {"20040132", false}, {"20040100", false},  {"20040001", false}, {"20041301", false},
        {"18991231", false}, {"21000101", false},  {"00000000", false}, {"99999999", false},
        {"2004229", false},  {"200402290", false}, {"2004-2-9", false}, {"2004022x", false},
        {" 2004022", false}, {"+2004022", false},  {"", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str text = str_of(rows[i].text);
        uint64_t number = 0;
        bool digits = str_to_u64(text, 99999999, &number) && text.len == 8;
        if ((date_parse(text) != 0) != rows[i].valid)
            fail_msg("date_parse '%s'", rows[i].text);
        if (digits && date_valid((uint32_t)number) != rows[i].valid)
            fail_msg("date_valid '%s'", rows[i].text);
        if (rows[i].valid)
            assert_int_equal(date_parse(text), number);
    }
    assert_false(date_valid(UINT32_MAX));
    assert_false(date_valid(0));
}

/* What the length of every month is, day by day, over a leap year, a common one and 1900. */
static void
counts_the_days_of_a_year(void **state)
{
    static const struct {
        uint32_t year;
        unsigned days;
    } rows[] = {{1900, 365}, {2000, 366}, {2003, 365}, {2004, 366}, {2099, 365}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned days = 0;
        for (uint32_t rest = 0; rest < 10000; rest++)
            days += date_valid(rows[i].year * 10000 + rest);
        assert_int_equal(days, rows[i].days);
    }
}

struct text_row {
    const char *text;
    bool valid;
};

static void
assert_texts(const char *what, bool (*valid)(struct str), const struct text_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (valid(str_of(rows[i].text)) != rows[i].valid)
            fail_msg("%s '%s': %d", what, rows[i].text, !rows[i].valid);
    assert_false(valid(STR_NONE));
}
#define ASSERT_TEXTS(valid, rows) assert_texts(#valid, valid, rows, COUNT(rows))

static void
checks_mobile_numbers(void **state)
{
    static const struct text_row rows[] = {
        {"13000000000", true},     {"19999999999", true},
        {"13800138000", true},     {"12900000000", false},
        {"10000000000", false},    {"23800138000", false},
        {"1380013800", false},     {"138001380000", false},
        {"1380013800x", false},    {"138 0013800", false},
        {"+8613800138000", false}, {"", false},
        {" 13800138000", false},   {"１３８００１３８０００", false},
    };
    (void)state;
    ASSERT_TEXTS(phone_mainland_valid, rows);
}

static void
checks_mobile_numbers_from_outside_the_mainland(void **state)
{
    static const struct text_row rows[] = {
        {"+85241234567", true},   {"+85291234567", true},    {"+85361234567", true},
        {"+886912345678", true},  {"+85231234567", false},   {"+8525123456", false},
        {"+852512345678", false}, {"+85351234567", false},   {"+886812345678", false},
        {"+88691234567", false},  {"+8613800138000", false}, {"85251234567", false},
        {"+852 51234567", false}, {"+8525123456x", false},   {"+852", false},
        {"+14155550100", false},  {"13800138000", false},    {"", false},
    };
    static const struct text_row either[] = {
        {"+85241234567", true}, {"13800138000", true}, {"+8613800138000", false}, {"", false}};
    (void)state;
    ASSERT_TEXTS(phone_abroad_valid, rows);
    ASSERT_TEXTS(phone_mobile_valid, either);
}

static bool
is_month(struct str text)
{
    uint64_t month = 0;
    uint32_t parsed = month_parse(text);
    assert_true(parsed == 0 || (str_to_u64(text, 999999, &month) && parsed == month));
    return parsed != 0;
}

static void
checks_months(void **state)
{
    static const struct text_row rows[] = {
        {"190001", true},   {"189912", false}, {"209912", true}, {"210001", false},
        {"202700", false},  {"202713", false}, {"202712", true}, {"20270", false},
        {"2027006", false}, {"2027-6", false}, {"", false},
    };
    (void)state;
    ASSERT_TEXTS(is_month, rows);
}

static void
checks_telephones(void **state)
{
    static const struct text_row rows[] = {
        {"020-12345678", true},
        {"020-1234567", true},
        {"0755-12345678", true},
        {"0660-1234567", true},
        {"13800138000", true},
        {"02012345678", false},
        {"020-123456", false},
        {"020-123456789", false},
        {"20-12345678", false},
        {"120-12345678", false},
        {"02-12345678", false},
        {"07555-1234567", false},
        {"020-12345678-801", false},
        {"020--12345678", false},
        {"-12345678", false},
        {"020-", false},
        {"020", false},
        {"-", false},
        {"020-1234567a", false},
        {"02a-12345678", false},
        {"020 12345678", false},
        {"12900000000", false},
        {"", false},
    };
    (void)state;
    ASSERT_TEXTS(telephone_valid, rows);
}

static void
checks_postcodes(void **state)
{
    static const struct text_row rows[] = {
        {"510000", true},   {"010000", true},  {"999077", true},  {"51000", false},
        {"5100000", false}, {"51000a", false}, {"51 000", false}, {"", false},
        {"-10000", false},  {"５１", false},
    };
    (void)state;
    ASSERT_TEXTS(postcode_valid, rows);
}

static void
checks_qq_numbers(void **state)
{
    static const struct text_row rows[] = {
        {"10000", true},         {"12345678901", true}, {"1000", false},  {"123456789012", false},
        {"01234", false},        {"1234a", false},      {"12 34", false}, {"", false},
        {"10000@qq.com", false}, {"-1234", false},
    };
    (void)state;
    ASSERT_TEXTS(qq_valid, rows);
}

#define L10 "abcdefghij"
#define L50 L10 L10 L10 L10 L10

static void
checks_mail_addresses(void **state)
{
    /* clang-format off */
    static const struct text_row rows[] = {
        {"a:b@test.cn", false},
        {"a{b@test.cn", false},
        {"name@example.com",          true},
        {"a@b.cn",                    true},
        {"10000@qq.com",              true},
        {"a.b-c_d%e+f@x-y.edu.cn",    true},
        {"A.B@EXAMPLE.COM",           true},
        {"a@1.example.com",           true},
        {L50 "@test.cnn",             true},  /* 59 */
        {L50 "@test.cnnn",            true},  /* 60 */
        {L50 "@test.cnnnn",           false}, /* 61 */
        {"",                          false},
        {"name",                      false},
        {"@example.com",              false},
        {"name@",                     false},
        {"name@example",              false},
        {"name@.com",                 false},
        {"name@example.",             false},
        {"name@example..com",         false},
        {"name@example.com.",         false},
        {"name@-example.com",         false},
        {"name@example-.com",         false},
        {"name@exa_mple.com",         false},
        {"name@exa+mple.com",         false},
        {"name@192.168.1.1",          false}, /* an address is no domain */
        {".name@example.com",         false},
        {"name.@example.com",         false},
        {"na..me@example.com",        false},
        {"na me@example.com",         false},
        {" name@example.com",         false},
        {"name@example.com ",         false},
        {"name@@example.com",         false},
        {"name@a@example.com",        false},
        {"\"name\"@example.com",      false},
        {"name@example.com\n",        false},
        {"姓名@example.com",          false},
        {"name@例子.com",             false},
        {"name＠example.com",         false},
        {"name@example。com",         false},
        {"name<x>@example.com",       false},
    };
    /* clang-format on */
    (void)state;
    ASSERT_TEXTS(email_valid, rows);
    assert_false(email_valid((struct str){"a\0b@example.com", 15}));
}

static void
masks_all_but_the_ends(void **state)
{
    static const char *const rows[][2] = {
        {"440103200402290016", "440***********0016"},
        {"11010519491231002X", "110***********002X"},
        {"13800138000", "138****8000"},
        {"H12345678", "H12**5678"},
        {"12345678", "123*5678"},
        {"1234567", "*******"},
        {"1", "*"},
        {"", ""},
        {"1234567890123456789012345678901", "123************************8901"},
        /* what is longer than any number is cut, and its end is not shown in full */
        {"12345678901234567890123456789012345", "123************************8901"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char out[ID_NUMBER_SIZE];
        number_mask(str_of(rows[i][0]), out);
        assert_string_equal(out, rows[i][1]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes_check_digits_of_published_examples),
        cmocka_unit_test(every_check_digit_can_occur_and_one_changed_digit_is_noticed),
        cmocka_unit_test(checks_identity_cards),
        cmocka_unit_test(checks_permits_and_passports),
        cmocka_unit_test(names_every_document_type_and_reads_it_again),
        cmocka_unit_test(every_fault_has_its_own_message_without_a_number),
        cmocka_unit_test(normalises_a_final_x_only),
        cmocka_unit_test(knows_the_calendar),
        cmocka_unit_test(counts_the_days_of_a_year),
        cmocka_unit_test(checks_mobile_numbers),
        cmocka_unit_test(checks_mobile_numbers_from_outside_the_mainland),
        cmocka_unit_test(checks_telephones),
        cmocka_unit_test(checks_postcodes),
        cmocka_unit_test(checks_qq_numbers),
        cmocka_unit_test(checks_mail_addresses),
        cmocka_unit_test(checks_months),
        cmocka_unit_test(masks_all_but_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
