/* Decisions of authorization, pure: is a log-in request one, and what a platform's answer means. */
#pragma once

#include "io/platform_wechat.h"
#include "runtime/problem.h"

enum login_channel { LOGIN_MINI_PROGRAM, LOGIN_H5, LOGIN_CHANNEL_COUNT_ };
bool login_channel_parse(struct str text, enum login_channel *ret_channel);

/* Fills `ret_errors` (at most 3) with what is wrong with the values; 0: nothing. `in_force` is the
 * consent version; the message names it. */
size_t login_check(struct str channel, struct str code, struct str consent, const char *in_force,
                   struct arena *arena, struct problem_field ret_errors[3]);

/* What a refused exchange is answered with; false when it is a failure of ours or theirs (503). */
bool login_refusal(enum wechat_outcome outcome, enum problem_id *ret_problem);

/* The same for a log-in of staff: whether these could be an account, a password, a one-time code.
 * Whether they are somebody's is another question, with one answer. */
size_t staff_login_check(struct str account, struct str password, struct str code,
                         struct problem_field ret_errors[3]);
