/* The card of a bound student: what the success page shows. Kept sealed with the session. */
#pragma once

#include "runtime/api.h"

struct card {
    struct str name;
    struct str id_number; /* masked */
    struct str student_number;
    struct str school;
    struct str phone; /* masked */
    char phone_masked[32];
};

void card_set_phone(struct card *card, struct str phone);
/* Sealed for the account. */
struct str card_seal(struct sealer *sealer, struct str account_id, const struct card *card,
                     struct arena *arena);
/* The card of the call's session. */
enum err_code card_open(struct api_call *call, struct card *ret_card, struct err *err) MUST_CHECK;
/* {"student": {…}} and, when there is one, the new token with its end. */
void card_answer(struct api_call *call, unsigned status, const char *token);
/* A copy of a session that lives as long as the call. */
const struct session *session_hold(struct api_call *call, const struct session *session);
