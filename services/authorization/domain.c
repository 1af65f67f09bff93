#include "services/authorization/domain.h"

#include "schema/staff_account.h"

enum { LOGIN_CODE_MAX = 512, ONE_TIME_CODE_DIGITS = 6 };

bool
login_channel_parse(struct str text, enum login_channel *ret_channel)
{
    static const char *const names[LOGIN_CHANNEL_COUNT_] = {"mini_program", "h5"};
    for (unsigned i = 0; i < LOGIN_CHANNEL_COUNT_; i++) {
        if (!str_eq_text(text, names[i]))
            continue;
        *ret_channel = (enum login_channel)i;
        return true;
    }
    return false;
}

static bool
code_plausible(struct str code)
{
    for (size_t i = 0; i < code.len; i++)
        if (code.ptr[i] < 0x21 || code.ptr[i] > 0x7E)
            return false;
    return code.len > 0 && code.len <= LOGIN_CODE_MAX;
}

size_t
login_check(struct str channel, struct str code, struct str consent, const char *in_force,
            struct arena *arena, struct problem_field ret_errors[3])
{
    enum login_channel parsed;
    size_t count = 0;
    if (!login_channel_parse(channel, &parsed))
        ret_errors[count++] =
            (struct problem_field){"channel", "code", STR("登录渠道只能是 mini_program 或 h5")};
    if (!code_plausible(code))
        ret_errors[count++] =
            (struct problem_field){"code", "characters", STR("登录凭证格式不对，请重新授权")};
    if (!str_eq_text(consent, in_force))
        ret_errors[count++] = (struct problem_field){
            "consent_version", "in-force",
            arena_printf(arena, "请先阅读并同意现行的用户告知书（版本 %s）", in_force)};
    return count;
}

bool
login_refusal(enum wechat_outcome outcome, enum problem_id *ret_problem)
{
    switch (outcome) {
    case WECHAT_CODE_INVALID:
        *ret_problem = PROBLEM_LOGIN_CODE_INVALID;
        return true;
    case WECHAT_USER_REFUSED:
        *ret_problem = PROBLEM_LOGIN_REFUSED;
        return true;
    case WECHAT_OK:
    case WECHAT_TOKEN_STALE:
    case WECHAT_BUSY:
    case WECHAT_REQUEST:
    case WECHAT_MISCONFIGURED:
        break;
    }
    return false;
}

static bool
one_time_code_plausible(struct str code)
{
    for (size_t i = 0; i < code.len; i++)
        if (code.ptr[i] < '0' || code.ptr[i] > '9')
            return false;
    return code.len == ONE_TIME_CODE_DIGITS;
}

size_t
staff_login_check(struct str account, struct str password, struct str code,
                  struct problem_field ret_errors[3])
{
    size_t count = 0;
    if (!staff_account_valid(account))
        ret_errors[count++] = (struct problem_field){
            "account", "characters", STR("账号由 3 至 32 个小写字母、数字或 . _ - 组成，请核对")};
    if (password.len == 0 || password.len > STAFF_PASSWORD_MAX)
        ret_errors[count++] =
            (struct problem_field){"password", "length", STR("请填写密码，不超过 128 个字符")};
    if (!one_time_code_plausible(code))
        ret_errors[count++] = (struct problem_field){"one_time_code", "digits",
                                                     STR("动态口令是 6 位数字，请看验证器应用")};
    return count;
}
