/* Carrying out decisions: facts, the pure decision, one write. Shared by staff's calls and the
 * student's own. */
#pragma once

#include "services/office/service.h"

struct decision_result {
    struct decision_facts facts;
    struct decision_verdict verdict;
};

/* Decides `asked` and writes what can be; a decision that somebody else was quicker with becomes
 * DECISION_STALE. */
enum err_code decisions_carry_out(struct api_call *call, const struct decider *decider,
                                  const struct scope *scope, const struct decision *asked,
                                  size_t count, struct decision_result *ret_results,
                                  struct err *err) MUST_CHECK;
/* The same for facts that are known already. */
enum err_code decisions_write(struct api_call *call, const struct decider *decider,
                              const struct decision *asked, size_t count,
                              struct decision_result *results, struct err *err) MUST_CHECK;
struct decider decider_of_staff(const struct api_call *call);
