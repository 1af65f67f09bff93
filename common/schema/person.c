#include "schema/person.h"

#include <string.h>

#include "schema/area.h"

static const char *const id_names[ID_TYPE_COUNT_] = {
    [ID_IDENTITY_CARD] = "IDENTITY_CARD",
    [ID_HMT_RESIDENCE_PERMIT] = "HMT_RESIDENCE_PERMIT",
    [ID_HM_TRAVEL_PERMIT] = "HM_TRAVEL_PERMIT",
    [ID_TW_TRAVEL_PERMIT] = "TW_TRAVEL_PERMIT",
    [ID_FOREIGN_PR] = "FOREIGN_PR",
    [ID_PASSPORT] = "PASSPORT",
};

bool
id_type_parse(struct str text, enum id_type *ret_type)
{
    for (unsigned i = 0; i < ID_TYPE_COUNT_; i++) {
        if (!str_eq_text(text, id_names[i]))
            continue;
        *ret_type = (enum id_type)i;
        return true;
    }
    return false;
}

const char *
id_type_name(enum id_type type)
{
    return id_names[type];
}

bool
id_type_has_birth(enum id_type type)
{
    return type == ID_IDENTITY_CARD || type == ID_HMT_RESIDENCE_PERMIT;
}

bool
date_valid(uint32_t date)
{
    static const uint32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t year = date / 10000;
    uint32_t month = date / 100 % 100;
    uint32_t day = date % 100;
    if (year < 1900 || year > 2099 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] + (month == 2 && leap);
}

uint32_t
date_parse(struct str text)
{
    uint64_t date = 0;
    if (text.len != 8 || !str_to_u64(text, 99999999, &date) || !date_valid((uint32_t)date))
        return 0;
    return (uint32_t)date;
}

char
id_check_digit(const char first17[17])
{
    static const int weights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    int sum = 0;
    for (int i = 0; i < 17; i++)
        sum += (first17[i] - '0') * weights[i];
    return "10X98765432"[sum % 11];
}

/* 18 characters: digits and a check digit that may be X. */
static enum id_fault
check_18(struct str number)
{
    for (size_t i = 0; i < number.len; i++)
        if ((unsigned char)number.ptr[i] >= 0x80)
            return ID_CHARACTERS; /* full-width digits: what is wrong is not the length */
    if (number.len != 18)
        return ID_LENGTH;
    if (!str_is_digits((struct str){number.ptr, 17}))
        return ID_CHARACTERS;
    char last = number.ptr[17];
    if (!(last >= '0' && last <= '9') && last != 'X')
        return ID_CHARACTERS;
    return ID_OK;
}

static enum id_fault
check_birth(struct str number, uint32_t today)
{
    uint32_t birth = date_parse((struct str){number.ptr + 6, 8});
    if (birth == 0)
        return ID_DATE;
    return birth > today ? ID_DATE_FUTURE : ID_OK;
}

static bool
residence_permit_area(uint32_t code)
{
    return code == 810000 || code == 820000 || code == 830000;
}

static enum id_fault
check_card(enum id_type type, struct str number, uint32_t today)
{
    if (number.len == 15 && str_is_digits(number))
        return ID_OBSOLETE;
    enum id_fault fault = check_18(number);
    if (fault)
        return fault;
    uint32_t area = area_code_parse((struct str){number.ptr, 6});
    bool area_known =
        type == ID_HMT_RESIDENCE_PERMIT ? residence_permit_area(area) : area_prefix_known(area);
    if (!area_known)
        return ID_AREA;
    fault = check_birth(number, today);
    if (fault)
        return fault;
    return number.ptr[17] == id_check_digit(number.ptr) ? ID_OK : ID_CHECK_DIGIT;
}

static bool
is_letter(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* [HM] and eight digits; since 2024-07-10 also HA or MA and seven. */
static enum id_fault
check_hm_travel(struct str number)
{
    if (number.len != 9)
        return ID_LENGTH;
    size_t letters = number.ptr[1] == 'A' ? 2 : 1;
    if (number.ptr[0] != 'H' && number.ptr[0] != 'M')
        return ID_FORMAT;
    return str_is_digits((struct str){number.ptr + letters, 9 - letters}) ? ID_OK : ID_FORMAT;
}

/* Since 2023-12-01 18 digits beginning with 9; before, three letters and twelve digits. */
static enum id_fault
check_foreign_pr(struct str number)
{
    if (number.len == 15)
        return is_letter(number.ptr[0]) && is_letter(number.ptr[1]) && is_letter(number.ptr[2]) &&
                       str_is_digits((struct str){number.ptr + 3, 12})
                   ? ID_OK
                   : ID_FORMAT;
    enum id_fault fault = check_18(number);
    if (fault)
        return fault;
    if (number.ptr[0] != '9')
        return ID_FORMAT;
    return number.ptr[17] == id_check_digit(number.ptr) ? ID_OK : ID_CHECK_DIGIT;
}

static enum id_fault
check_passport(struct str number)
{
    if (number.len < 5 || number.len > 18)
        return ID_LENGTH;
    for (size_t i = 0; i < number.len; i++)
        if (!is_letter(number.ptr[i]) && !(number.ptr[i] >= '0' && number.ptr[i] <= '9'))
            return ID_CHARACTERS;
    return ID_OK;
}

enum id_fault
id_number_check(enum id_type type, struct str number, uint32_t today)
{
    switch (type) {
    case ID_IDENTITY_CARD:
    case ID_HMT_RESIDENCE_PERMIT:
        return check_card(type, number, today);
    case ID_HM_TRAVEL_PERMIT:
        return check_hm_travel(number);
    case ID_TW_TRAVEL_PERMIT:
        if (number.len != 8)
            return ID_LENGTH;
        return str_is_digits(number) ? ID_OK : ID_FORMAT;
    case ID_FOREIGN_PR:
        return check_foreign_pr(number);
    case ID_PASSPORT:
        return check_passport(number);
    case ID_TYPE_COUNT_:
        break;
    }
    return ID_FORMAT;
}

const char *
id_fault_message(enum id_fault fault)
{
    static const char *const messages[] = {
        [ID_OK] = "",
        [ID_LENGTH] = "证件号码位数不对，请对照证件逐位核对（居民身份证为 18 位）",
        [ID_CHARACTERS] = "证件号码含有不允许的字符，请用半角数字输入，末位可以是 X",
        [ID_AREA] = "证件号码的前六位不是有效的行政区划代码，请对照证件核对",
        [ID_DATE] = "证件号码中的出生日期不存在，请对照证件核对第 7 至 14 位",
        [ID_DATE_FUTURE] = "证件号码中的出生日期在将来，请对照证件核对第 7 至 14 位",
        [ID_CHECK_DIGIT] = "证件号码的最后一位与前面各位不符，请逐位核对",
        [ID_OBSOLETE] = "15 位的身份证号码已停用，请按现在的证件填写 18 位号码",
        [ID_FORMAT] = "证件号码与所选证件类型的格式不符，请核对证件类型和号码",
    };
    return messages[fault];
}

bool
id_number_normalise(struct str number, char out[ID_NUMBER_SIZE])
{
    if (number.len >= ID_NUMBER_SIZE)
        return false;
    if (number.len)
        memcpy(out, number.ptr, number.len);
    out[number.len] = '\0';
    if (number.len && out[number.len - 1] == 'x')
        out[number.len - 1] = 'X';
    return true;
}

uint32_t
month_parse(struct str text)
{
    uint64_t month = 0;
    bool valid = text.len == 6 && str_to_u64(text, 209912, &month) && month >= 190001 &&
                 month % 100 >= 1 && month % 100 <= 12;
    return valid ? (uint32_t)month : 0;
}

bool
phone_mainland_valid(struct str text)
{
    return text.len == 11 && str_is_digits(text) && text.ptr[0] == '1' && text.ptr[1] >= '3';
}

struct abroad_row {
    const char *prefix;
    size_t digits;     /* behind it */
    const char *first; /* of them: one of these */
};
/* Mobile numbers of Hong Kong, Macao and Taiwan. */
static const struct abroad_row abroad_rows[] = {
    {"+852", 8, "456789"},
    {"+853", 8, "6"},
    {"+886", 9, "9"},
};

bool
phone_abroad_valid(struct str text)
{
    for (size_t i = 0; i < sizeof abroad_rows / sizeof abroad_rows[0]; i++) {
        struct str prefix = str_of(abroad_rows[i].prefix);
        if (!str_starts(text, prefix))
            continue;
        struct str rest = {text.ptr + prefix.len, text.len - prefix.len};
        return rest.len == abroad_rows[i].digits && str_is_digits(rest) &&
               strchr(abroad_rows[i].first, rest.ptr[0]) != NULL;
    }
    return false;
}

bool
phone_mobile_valid(struct str text)
{
    return phone_mainland_valid(text) || phone_abroad_valid(text);
}

bool
telephone_valid(struct str text)
{
    if (phone_mainland_valid(text))
        return true;
    struct str number = text;
    struct str area = str_cut(&number, '-');
    return area.len >= 3 && area.len <= 4 && str_is_digits(area) && area.ptr[0] == '0' &&
           number.len >= 7 && number.len <= 8 && str_is_digits(number);
}

bool
postcode_valid(struct str text)
{
    return text.len == 6 && str_is_digits(text);
}

bool
qq_valid(struct str text)
{
    return text.len >= 5 && text.len <= 11 && str_is_digits(text) && text.ptr[0] != '0';
}

static bool
mail_char(char c, bool domain)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-')
        return true;
    return !domain && c != '\0' && strchr("._%+", c) != NULL;
}

/* Parts between dots: none empty, only allowed characters. */
static bool
mail_part_valid(struct str text, bool domain)
{
    while (text.ptr) {
        struct str label = str_cut(&text, '.');
        if (label.len == 0 || (domain && (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')))
            return false;
        for (size_t i = 0; i < label.len; i++)
            if (!mail_char(label.ptr[i], domain))
                return false;
    }
    return true;
}

bool
email_valid(struct str text)
{
    if (text.len > 60)
        return false;
    struct str domain = text;
    struct str local = str_cut(&domain, '@');
    if (local.len == 0 || domain.len < 3 || memchr(domain.ptr, '.', domain.len) == NULL)
        return false;
    char last = domain.ptr[domain.len - 1];
    return mail_part_valid(local, false) && mail_part_valid(domain, true) && last > '9';
}

void
number_mask(struct str number, char out[ID_NUMBER_SIZE])
{
    size_t length = number.len < ID_NUMBER_SIZE ? number.len : ID_NUMBER_SIZE - 1;
    for (size_t i = 0; i < length; i++)
        out[i] = length >= 8 && (i < 3 || i >= length - 4) ? number.ptr[i] : '*';
    out[length] = '\0';
}
