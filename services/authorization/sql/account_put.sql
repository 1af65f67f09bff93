-- A person logs in: the account is known from now on.
INSERT INTO auth.account AS a (account_id, channel, openid_sealed) VALUES ($1, $2, $3)
    ON CONFLICT (account_id) DO UPDATE SET last_seen = now()
