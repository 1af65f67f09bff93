#include "schema/appeal.h"

/* clang-format off */
const struct appeal_kind_row appeal_kinds[APPEAL_KIND_COUNT_] = {
    [APPEAL_ROSTER_MISMATCH] = {"roster_mismatch", "学籍信息不一致", APPEAL_BY_ANYBODY, {
        {"name",           "姓名",     40, true},
        {"id_type",        "证件类型", 30, true},
        {"id_number",      "证件号码", 18, true},
        {"student_number", "学号",     15, false},
        {"college",        "学院",     40, false},
        {"major_name",     "专业",     60, false}}},
    [APPEAL_MAJOR_MISSING] = {"major_missing", "没有我的专业", APPEAL_BY_ANYBODY, {
        {"major_name",     "专业名称", 60, true},
        {"major_code",     "专业代码", 10, false},
        {"level",          "学历",     20, false},
        {"college",        "学院",     40, false},
        {"student_number", "学号",     15, false}}},
    [APPEAL_FIELD_CORRECTION] = {"field_correction", "更正学籍信息", APPEAL_BY_BOUND, {
        {"field",          "要更正的项目", 20, true},
        {"wanted",         "正确内容",    200, true}}},
    [APPEAL_UNBIND] = {"unbind", "解除绑定", APPEAL_BY_BOUND, {{0}}},
    [APPEAL_LOST_ACCOUNT] = {"lost_account", "原账号无法使用，或学籍被他人绑定", APPEAL_BY_UNBOUND, {
        {"name",           "姓名",     40, true},
        {"id_type",        "证件类型", 30, true},
        {"id_number",      "证件号码", 18, true},
        {"student_number", "学号",     15, false}}},
    [APPEAL_ERASURE] = {"erasure", "删除个人信息", APPEAL_BY_BOUND, {
        {"what",           "要删除的内容", 200, true}}},
    [APPEAL_IDENTITY_CONFIRMATION] = {"identity_confirmation", "由学校确认身份", APPEAL_BY_ITSELF, {
        {"name",           "姓名",     40, true},
        {"id_type",        "证件类型", 30, true},
        {"id_number",      "证件号码", 18, true},
        {"student_number", "学号",     15, false},
        {"phone",          "手机号码", 20, true}}},
};

static const char *const state_names[APPEAL_STATE_COUNT_] = {
    [APPEAL_FILED]     = "filed",
    [APPEAL_ACCEPTED]  = "accepted",
    [APPEAL_REFUSED]   = "refused",
    [APPEAL_CANCELLED] = "cancelled",
};

static const char *const told[APPEAL_KIND_COUNT_][APPEAL_STATE_COUNT_] = {
    [APPEAL_ROSTER_MISMATCH] = {
        "已提交，等待学校核对学籍；可以补充证明材料",
        "学校已核对并更正学籍，请重新绑定",
        "学校没有同意，请看原因；如仍有疑问请联系辅导员",
        "已撤回"},
    [APPEAL_MAJOR_MISSING] = {
        "已提交，等待学校增加专业",
        "专业已增加，请回到表单继续填写",
        "学校没有同意，请看原因；如仍有疑问请联系辅导员",
        "已撤回"},
    [APPEAL_FIELD_CORRECTION] = {
        "已提交，等待学校核对；可以补充证明材料",
        "学校已更正，请回到表单核对后提交",
        "学校没有同意，请看原因；如仍有疑问请联系辅导员",
        "已撤回"},
    [APPEAL_UNBIND] = {
        "已提交，等待学校同意；同意之前账号仍可使用",
        "已解除绑定；本人可以用新的账号重新绑定",
        "学校没有同意解除绑定，请看原因",
        "已撤回，账号仍然绑定"},
    [APPEAL_LOST_ACCOUNT] = {
        "已提交，等待学校核实身份；请补充证件和学生证照片",
        "学校已核实，请用本账号重新进行学籍绑定",
        "学校没有同意，请看原因；请带证件到学校就业部门办理",
        "已撤回"},
    [APPEAL_ERASURE] = {
        "已提交，等待学校处理；依法必须保存的内容不能删除",
        "学校已处理",
        "学校没有同意，请看原因",
        "已撤回"},
    [APPEAL_IDENTITY_CONFIRMATION] = {
        "已提交，等待学校确认身份；确认后自动完成绑定，不需要人脸核验",
        "学校已确认，绑定结果见首页",
        "学校没有确认，请看原因；可以改用人脸核验，或带证件到学校办理",
        "已撤回，可以改用人脸核验或重新提交"},
};
/* clang-format on */

bool
appeal_kind_parse(struct str text, enum appeal_kind *ret_kind)
{
    for (unsigned i = 0; i < APPEAL_KIND_COUNT_; i++) {
        if (!str_eq_text(text, appeal_kinds[i].name))
            continue;
        *ret_kind = (enum appeal_kind)i;
        return true;
    }
    return false;
}

bool
appeal_state_parse(struct str text, enum appeal_state *ret_state)
{
    for (unsigned i = 0; i < APPEAL_STATE_COUNT_; i++) {
        if (!str_eq_text(text, state_names[i]))
            continue;
        *ret_state = (enum appeal_state)i;
        return true;
    }
    return false;
}

const char *
appeal_state_name(enum appeal_state state)
{
    return state_names[state];
}

const struct appeal_claim *
appeal_claim_find(enum appeal_kind kind, struct str name)
{
    const struct appeal_claim *claims = appeal_kinds[kind].claims;
    for (size_t i = 0; i < APPEAL_CLAIMS_MAX && claims[i].name; i++)
        if (str_eq_text(name, claims[i].name))
            return &claims[i];
    return NULL;
}

const char *
appeal_told(enum appeal_kind kind, enum appeal_state state)
{
    return told[kind][state];
}

static bool
blank(uint32_t point)
{
    return point == ' ' || point == '\n' || point == 0x3000;
}

bool
appeal_text_valid(struct str text, unsigned max, bool lines)
{
    size_t count = 0;
    uint32_t point = 0;
    for (size_t at = 0; at < text.len; count++) {
        bool first = at == 0;
        point = utf8_next(text, &at);
        if ((point < 0x20 && !(lines && point == '\n')) || point == 0x7F || (first && blank(point)))
            return false;
    }
    return count >= 1 && count <= max && !blank(point);
}
