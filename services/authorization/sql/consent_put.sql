-- Consent is recorded once per purpose and version: the first time, and the last.
INSERT INTO auth.consent (account_id, purpose, version, traceparent)
VALUES ($1, 'login', $2, $3)
    ON CONFLICT (account_id, purpose, version) DO UPDATE SET given_again_at = now()
