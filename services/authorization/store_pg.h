/* What authorization reads and writes in PostgreSQL: accounts, consents, and its own copy of what
 * identity.changed said. */
#pragma once

#include "io/pg.h"
#include "runtime/session.h"
#include "schema/identity_event.h"

/* Account and consent in one transaction. */
enum err_code store_login(struct pg *pg, struct str account_id, struct str channel,
                          struct str openid_sealed, struct str consent_version,
                          struct str traceparent, struct err *err) MUST_CHECK;
/* Fills the identity of a session; leaves it alone when nothing is known. */
enum err_code store_identity_get(struct pg *pg, struct str account_id, struct arena *arena,
                                 struct session *session, struct err *err) MUST_CHECK;
/* Older news is ignored. */
enum err_code store_identity_put(struct pg *pg, const struct identity_changed *news,
                                 struct err *err) MUST_CHECK;
