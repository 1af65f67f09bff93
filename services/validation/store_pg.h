/* What validation reads and writes in PostgreSQL: facts in one query, judgements and newest
 * revisions in two statements of one transaction. */
#pragma once

#include "io/pg.h"
#include "io/seal.h"
#include "services/validation/domain.h"

extern const struct pg_statement *const store_campaigns_statement;

/* Of one connection; both are borrowed. */
struct store;
struct store *store_new(struct pg *pg, struct sealer *sealer);
void store_free(struct store *store);

/* Fills the facts of every ITEM_DECODED; items whose sealed values cannot be opened are buried.
 * Runs in the transaction that the judgements will be stored in. */
enum err_code store_facts(struct store *store, struct item *items, size_t count,
                          struct arena *arena, struct err *err) MUST_CHECK;
/* Stores every ITEM_JUDGED. */
enum err_code store_judgements(struct store *store, const struct item *items, size_t count,
                               struct arena *arena, struct err *err) MUST_CHECK;
/* Keeps what the rules of this build are, under their edition. */
enum err_code store_rules(struct store *store, struct err *err) MUST_CHECK;
