#include "schema/staff_account.h"

#include <stddef.h>

enum { ACCOUNT_MIN = 3, PASSPHRASE_MIN = 20, KINDS_MIN = 3, DIFFERENT_MIN = 6 };

bool
staff_account_valid(struct str account)
{
    if (account.len < ACCOUNT_MIN || account.len > STAFF_ACCOUNT_MAX)
        return false;
    for (size_t i = 0; i < account.len; i++) {
        char c = account.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!plain && (i == 0 || (c != '.' && c != '_' && c != '-')))
            return false;
    }
    return true;
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
contains(struct str text, struct str part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        size_t same = 0;
        while (same < part.len && lower(text.ptr[i + same]) == lower(part.ptr[same]))
            same++;
        if (same == part.len)
            return true;
    }
    return false;
}

static unsigned
kinds_of(struct str password)
{
    bool kinds[4] = {false};
    for (size_t i = 0; i < password.len; i++) {
        char c = password.ptr[i];
        unsigned kind = c >= 'a' && c <= 'z'   ? 0
                        : c >= 'A' && c <= 'Z' ? 1
                        : c >= '0' && c <= '9' ? 2
                                               : 3;
        kinds[kind] = true;
    }
    return (unsigned)kinds[0] + kinds[1] + kinds[2] + kinds[3];
}

static unsigned
different_of(struct str password)
{
    bool seen[256] = {false};
    unsigned count = 0;
    for (size_t i = 0; i < password.len; i++) {
        bool *one = &seen[(unsigned char)password.ptr[i]];
        count += !*one;
        *one = true;
    }
    return count;
}

const char *
staff_password_refusal(struct str password, struct str account)
{
    for (size_t i = 0; i < password.len; i++)
        if (password.ptr[i] < 0x20 || password.ptr[i] > 0x7E)
            return "密码只能用英文字母、数字和半角符号，请换一个";
    if (password.len < STAFF_PASSWORD_MIN)
        return "密码太短，请用至少 12 个字符";
    if (password.len > STAFF_PASSWORD_MAX)
        return "密码太长，请用不超过 128 个字符";
    if (password.len < PASSPHRASE_MIN && kinds_of(password) < KINDS_MIN)
        return "密码太简单，请至少用大写字母、小写字母、数字、符号中的三种，或用 20 个以上的字符";
    if (different_of(password) < DIFFERENT_MIN)
        return "密码重复的字符太多，请至少用 6 个不同的字符";
    if (account.len && contains(password, account))
        return "密码里不能有账号，请换一个";
    return NULL;
}
