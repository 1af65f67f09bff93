INSERT INTO identity.consent (account_id, purpose, version, traceparent)
VALUES ($1, $2, $3, $4)
