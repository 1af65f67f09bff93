/* What intake reads and writes in PostgreSQL: drafts (its own), the roster row and judgements (read
 * only). One connection per worker. */
#pragma once

#include "io/pg.h"
#include "schema/campaign.h"

struct draft {
    int64_t version;          /* 0: never saved */
    struct str fields_sealed; /* in the arena */
};

struct judgement {
    struct str submission_id;
    struct str student_id;
    int64_t revision;
    struct str outcome;
    struct str findings; /* JSON array */
    int64_t received_at_ms;
    int64_t judged_at_ms;
    struct str body_index;
};

/* Roster values by field; KSH sealed, SFZH masked. ERR_NOT_FOUND when there is no such student. */
enum err_code store_roster(struct pg *pg, struct str student_id, struct arena *arena,
                           struct str ret_value[FIELD_COUNT_], struct str *ret_document_index,
                           struct err *err) MUST_CHECK;
/* LEVEL_ANY when the roster does not tell. */
enum err_code store_level(struct pg *pg, struct str student_id, enum study_level *ret_level,
                          struct err *err) MUST_CHECK;
enum err_code store_draft_get(struct pg *pg, struct str student_id, struct str campaign_id,
                              struct arena *arena, struct draft *ret_draft,
                              struct err *err) MUST_CHECK;
/* Compare-and-set: ERR_DUPLICATE when `seen_version` is not the newest any more. */
enum err_code store_draft_put(struct pg *pg, struct str student_id, struct str campaign_id,
                              int64_t seen_version, struct str fields_sealed, int64_t *ret_version,
                              struct err *err) MUST_CHECK;
/* Judgements of the ids that have one, in any order. */
enum err_code store_judgements(struct pg *pg, const struct str *ids, size_t count,
                               struct arena *arena, struct judgement *ret_rows, size_t *ret_count,
                               struct err *err) MUST_CHECK;
/* Up to 5,000 fingerprints after an id. */
enum err_code store_fingerprints(struct pg *pg, struct str after_id, struct pg_result **ret_result,
                                 struct err *err) MUST_CHECK;
extern const struct pg_statement *const store_campaigns_statement;
