INSERT INTO identity.reserved (student_id, account_id, appeal_id) VALUES ($1::uuid, $2, $3::uuid)
    ON CONFLICT (student_id) DO UPDATE
   SET account_id = excluded.account_id, appeal_id = excluded.appeal_id, created_at = now()
