/*
 * What an account of staff may be called and what its password has to be; the same for who makes
 * accounts and for who changes a password. Pure.
 */
#pragma once

#include "base/str.h"

enum { STAFF_ACCOUNT_MAX = 32, STAFF_PASSWORD_MAX = 128, STAFF_PASSWORD_MIN = 12 };

/* 3 to 32 of a-z, 0-9, '.', '_', '-', the first one a letter or digit. */
bool staff_account_valid(struct str account);
/* NULL when it will do; otherwise what is wrong with it and what to do, in Chinese. Visible ASCII
 * only: what a keyboard makes of other characters differs from one to the next. */
const char *staff_password_refusal(struct str password, struct str account);
