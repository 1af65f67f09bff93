/* What validation reads and writes in PostgreSQL: facts in one query, judgements and newest
 * revisions in two statements of one transaction. */
#pragma once

#include "io/pg.h"
#include "io/seal.h"
#include "services/validation/domain.h"

extern const struct pg_statement *const store_campaigns_statement;

/* Fills the facts of every ITEM_DECODED; items whose sealed values cannot be opened are buried.
 * Runs in the transaction that the judgements will be stored in. */
enum err_code store_facts(struct pg *pg, struct sealer *sealer, struct item *items, size_t count,
                          struct arena *arena, struct err *err) MUST_CHECK;
/* Stores every ITEM_JUDGED. */
enum err_code store_judgements(struct pg *pg, const struct item *items, size_t count,
                               struct sealer *sealer, struct arena *arena,
                               struct err *err) MUST_CHECK;
