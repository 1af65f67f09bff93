DELETE FROM identity.confirmation WHERE appeal_id = $1::uuid
