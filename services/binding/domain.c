#include "services/binding/domain.h"

#include <string.h>

const struct limit limit_account_codes = {20, 3600, "account-codes"};
const struct limit limit_phone_cool_down = {1, 60, "phone-cool-down"};
const struct limit limit_phone_hour = {5, 3600, "phone-hour"};
const struct limit limit_phone_day = {10, 86400, "phone-day"};
const struct limit limit_code_tries = {5, 3600, "code-tries"};
/* NIST SP 800-63B allows 100; a new session, phone or code does not begin anew. */
const struct limit limit_account_tries = {100, 30 * 86400, "account-tries"};
const struct limit limit_account_failures = {50, 3600, "account-failures"};
const struct limit limit_match_failures = {10, 3600, "match-failures"};
const struct limit limit_verifications = {10, 3600, "verifications"};
const struct limit limit_appeals = {10, 86400, "appeals"};
const struct limit limit_appeal_target = {5, 86400, "appeal-target"};
const struct limit limit_evidence = {20, 86400, "evidence"};

bool
category_parse(struct str text, enum category *ret_category)
{
    static const char *const names[CATEGORY_COUNT_] = {"mainland", "hmt"};
    for (unsigned i = 0; i < CATEGORY_COUNT_; i++) {
        if (!str_eq_text(text, names[i]))
            continue;
        *ret_category = (enum category)i;
        return true;
    }
    return false;
}

bool
category_takes(enum category category, enum id_type type)
{
    static const bool takes[CATEGORY_COUNT_][ID_TYPE_COUNT_] = {
        [CATEGORY_MAINLAND] = {[ID_IDENTITY_CARD] = true},
        [CATEGORY_HMT] = {[ID_HMT_RESIDENCE_PERMIT] = true,
                          [ID_HM_TRAVEL_PERMIT] = true,
                          [ID_TW_TRAVEL_PERMIT] = true},
    };
    return takes[category][type];
}

struct errors {
    size_t count;
    struct problem_field *rows;
};

static void
add(struct errors *errors, const char *field, const char *rule, const char *message)
{
    if (errors->count < BINDING_ERRORS_MAX)
        errors->rows[errors->count++] = (struct problem_field){field, rule, str_of(message)};
}

/* Category, document type and number together: a pairing that is not allowed is one error. A
 * foreigner's card is for the mainland path, and only where the school confirms. */
static void
check_document(struct errors *errors, struct str category_text, struct str type_text,
               struct str number, bool by_school, uint32_t today)
{
    enum category category = CATEGORY_COUNT_;
    enum id_type type = ID_TYPE_COUNT_;
    if (!category_parse(category_text, &category))
        add(errors, "category", "code", "身份类别只能是 mainland（中国内地）或 hmt（港澳台）");
    if (!id_type_parse(type_text, &type))
        add(errors, "id_type", "code", "证件类型不在可用的范围内");
    if (category == CATEGORY_COUNT_ || type == ID_TYPE_COUNT_)
        return;
    bool foreign = category == CATEGORY_MAINLAND && type == ID_FOREIGN_PR;
    if (foreign && !by_school) {
        add(errors, "id_type", "confirmation",
            "外国人永久居留身份证不能人脸核验，请选择由学校确认身份");
        return;
    }
    if (!foreign && !category_takes(category, type)) {
        add(errors, "id_type", "category",
            "所选身份类别不能使用这种证件，请核对身份类别和证件类型");
        return;
    }
    enum id_fault fault = id_number_check(type, number, today);
    if (fault)
        add(errors, "id_number", "document", id_fault_message(fault));
}

static void
check_name(struct errors *errors, struct str name)
{
    size_t length = utf8_length(name);
    bool plain = length > 0 && !str_starts(name, STR("\xE3\x80\x80")) &&
                 !str_ends(name, STR("\xE3\x80\x80")) && name.ptr[0] != ' ' &&
                 name.ptr[name.len - 1] != ' ';
    for (size_t i = 0; i < name.len; i++)
        plain = plain && (unsigned char)name.ptr[i] >= 0x20 && name.ptr[i] != 0x7F;
    if (!plain || length > 40)
        add(errors, "name", "length", "请填写 1 至 40 个字的姓名，首尾不要有空格");
}

size_t
verification_check(const struct verification_request *request, const char *consent_in_force,
                   uint32_t today, struct arena *arena,
                   struct problem_field ret_errors[BINDING_ERRORS_MAX])
{
    struct errors errors = {0, ret_errors};
    enum category category = CATEGORY_COUNT_;
    if (category_parse(request->category, &category) && category != CATEGORY_MAINLAND)
        add(&errors, "category", "face", "港澳台学生不需要实名认证，请直接进行学籍绑定");
    else
        check_document(&errors, request->category, request->id_type, request->id_number, false,
                       today);
    check_name(&errors, request->name);
    if (!str_eq_text(request->consent_version, consent_in_force)) {
        struct str message =
            arena_printf(arena, "请先阅读并同意人脸核验告知书（版本 %s）", consent_in_force);
        add(&errors, "consent_version", "in-force", message.ptr);
    }
    return errors.count;
}

static bool
text_between(struct str text, size_t least, size_t most)
{
    size_t length = utf8_length(text);
    return length >= least && length <= most;
}

bool
binding_needs_face(const struct binding_request *request)
{
    enum category category = CATEGORY_MAINLAND;
    (void)category_parse(request->category, &category);
    return category == CATEGORY_MAINLAND && request->confirmation.len == 0 &&
           !str_eq_text(request->id_type, id_type_name(ID_FOREIGN_PR));
}

static void
check_confirmation(struct errors *errors, const struct binding_request *request)
{
    enum category category = CATEGORY_MAINLAND;
    (void)category_parse(request->category, &category);
    if (!str_eq(request->confirmation, STR("school")))
        add(errors, "confirmation", "code", "不用人脸核验时只能选择 school（由学校确认）");
    else if (category == CATEGORY_HMT)
        add(errors, "confirmation", "category", "港澳台学生不需要实名认证，请直接进行学籍绑定");
    if (!text_between(request->school_code, 1, 10))
        add(errors, "school_code", "length", "请选择学校");
}

size_t
binding_check(const struct binding_request *request, uint32_t today,
              struct problem_field ret_errors[BINDING_ERRORS_MAX])
{
    struct errors errors = {0, ret_errors};
    bool by_name = str_eq(request->by, STR("name"));
    bool by_number = str_eq(request->by, STR("student_number"));
    if (!by_name && !by_number)
        add(&errors, "by", "code", "绑定方式只能是 name（姓名）或 student_number（学号）");
    bool by_school = request->confirmation.len > 0;
    check_document(&errors, request->category, request->id_type, request->id_number, by_school,
                   today);
    if (by_name || by_school || request->name.len)
        check_name(&errors, request->name);
    if (by_number && !text_between(request->student_number, 1, 15))
        add(&errors, "student_number", "length", "请填写 1 至 15 个字符的学号");
    if (by_number && !by_school && !text_between(request->school_code, 1, 10))
        add(&errors, "school_code", "length", "请选择学校");
    enum category category = CATEGORY_MAINLAND;
    (void)category_parse(request->category, &category);
    if (category == CATEGORY_HMT ? !phone_mobile_valid(request->phone)
                                 : !phone_mainland_valid(request->phone))
        add(&errors, "phone", "phone",
            category == CATEGORY_HMT
                ? "请填写 11 位大陆手机号，或带区号的港澳台手机号，如 +85251234567"
                : "请填写 11 位大陆手机号");
    if (by_school)
        check_confirmation(&errors, request);
    if (request->phone_code.len != PHONE_CODE_DIGITS || !str_is_digits(request->phone_code))
        add(&errors, "phone_code", "digits", "请填写短信中的 6 位数字验证码");
    return errors.count;
}

/* One character of a name; every shape of the middle dot is U+00B7. */
static uint32_t
name_point(struct str name, size_t *offset)
{
    static const uint32_t dots[] = {0x00B7, 0x2022, 0x2027, 0x30FB, 0xFF0E, 0x002E, 0xFF65, 0x2219};
    uint32_t point = utf8_next(name, offset);
    for (size_t i = 0; i < sizeof dots / sizeof dots[0]; i++)
        if (point == dots[i])
            return 0x00B7;
    return point;
}

bool
names_agree(struct str a, struct str b)
{
    size_t at_a = 0;
    size_t at_b = 0;
    while (at_a < a.len && at_b < b.len)
        if (name_point(a, &at_a) != name_point(b, &at_b))
            return false;
    return at_a == a.len && at_b == b.len && a.len > 0;
}

struct verify_row {
    int64_t least;
    int64_t most;
    const char *reason;
};
/* clang-format off */
/* verify_ret of the published list, by ranges. */
static const struct verify_row verify_rows[] = {
    {10001, 10002, "parameter"},
    {10003, 10003, "mismatch"},       /* name and number do not belong together */
    {10004, 10004, "face-mismatch"},
    {10020, 10020, "timeout"},
    {10026, 10026, "no-record"},      /* the register has no such person */
    {10042, 10042, "too-frequent"},
    {90001, 90001, "device"},
    {90002, 90006, "cancelled"},
    {90007, 90007, "network"},
    {90012, 90012, "network"},
    {90008, 90010, "permission"},     /* camera or microphone */
    {90011, 90014, "capture"},
    {90017, 90017, "timeout"},
    {90018, 90199, "system"},
};
/* clang-format on */

enum face_state
face_decide(enum wechat_outcome outcome, int64_t verify_ret, const char **ret_reason)
{
    if (outcome == WECHAT_REQUEST || outcome == WECHAT_CODE_INVALID) {
        *ret_reason = "rejected"; /* identity or openid differs from what was begun */
        return FACE_FAILED;
    }
    if (outcome != WECHAT_OK)
        return FACE_PENDING;
    if (verify_ret == WECHAT_FACE_PASSED)
        return FACE_PASSED;
    for (size_t i = 0; i < sizeof verify_rows / sizeof verify_rows[0]; i++) {
        if (verify_ret < verify_rows[i].least || verify_ret > verify_rows[i].most)
            continue;
        *ret_reason = verify_rows[i].reason;
        return FACE_FAILED;
    }
    return FACE_PENDING;
}
