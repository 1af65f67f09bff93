/* Applications: what their calls share. */
#pragma once

#include "services/binding/service.h"
#include "services/binding/store_appeal.h"

/* Context of a sealed part of an application: "claims", "message", "reason". */
struct str appeal_context(struct arena *arena, struct str appeal_id, const char *part);
/* Claims by the rows of their kind; absent ones are empty. */
struct appeal_claims {
    struct str value[APPEAL_CLAIMS_MAX];
};
struct str appeal_claim(const struct appeal_claims *claims, enum appeal_kind kind,
                        const char *name);
struct str appeal_claims_seal(struct sealer *sealer, struct str appeal_id, enum appeal_kind kind,
                              const struct appeal_claims *claims, struct arena *arena);
/* Whose claims they are is what they were sealed for. */
enum err_code appeal_claims_open(struct sealer *sealer, struct str appeal_id, enum appeal_kind kind,
                                 struct str sealed, struct arena *arena,
                                 struct appeal_claims *ret_claims, struct err *err) MUST_CHECK;
/* The student of this document at this school; ERR_NOT_FOUND. */
enum err_code appeal_student(struct pg *pg, const struct binding *binding, struct str school_code,
                             struct str id_type, struct str id_number, struct arena *arena,
                             struct roster_match *ret_student, struct err *err) MUST_CHECK;

/* Within the limits of filing; answers and returns false otherwise. `target` empty: of nobody in
 * particular. */
bool appeal_allowed(struct api_call *call, struct str target);
/* Whether the school takes part; answers and returns false otherwise. */
bool appeal_school_known(struct api_call *call, struct str school_code);
/* The application as it is shown to who filed it. */
void appeal_answer(struct api_call *call, unsigned status, struct str appeal_id);
