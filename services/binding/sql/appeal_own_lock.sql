SELECT state FROM identity.appeal WHERE appeal_id = $1::uuid AND account_id = $2 FOR UPDATE
