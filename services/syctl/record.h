/* A student's judgements as the monitor role reads them: shared by record show and why. */
#pragma once

#include "base/jsonw.h"
#include "io/pg.h"
#include "services/syctl/command.h"

/* Columns of sql/judgement_get.sql. */
enum {
    J_SUBMISSION_ID,
    J_STUDENT_ID,
    J_CAMPAIGN_ID,
    J_REVISION,
    J_OUTCOME,
    J_IDEMPOTENCY_KEY,
    J_RECEIVED_AT,
    J_JUDGED_AT,
    J_ROSTER_VERSION,
    J_CAMPAIGN_VERSION,
    J_RULES_EDITION,
    J_FINDINGS,
    J_TRACEPARENT,
    J_PARTITION,
    J_OFFSET,
    J_IS_RECORD,
    J_SFZH_MASKED,
    J_XH,
    J_YXMC,
    J_SZYX,
    J_FIELDS,
};

/* All judgements of the student whose submission args[0] is, newest first; none is no error. */
enum err_code judgements_get(const struct syctl *ctl, struct pg **ret_pg,
                             struct pg_result **ret_result, struct err *err) MUST_CHECK;
void judgement_print(const struct pg_result *result, size_t row);
void judgement_json(const struct pg_result *result, size_t row, struct jsonw *w);
