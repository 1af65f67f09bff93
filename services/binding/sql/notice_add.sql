INSERT INTO identity.notice (account_id, kind, appeal_id) VALUES ($1, $2, $3::uuid)
    ON CONFLICT DO NOTHING
