-- The account's own, newest first.
SELECT appeal_id, kind, state, school_code, (extract(epoch FROM created_at) * 1000)::bigint,
       (extract(epoch FROM decided_at) * 1000)::bigint, claims_sealed, message_sealed,
       reason_sealed, outcome, history::text,
       (SELECT count(*) FROM identity.evidence e WHERE e.appeal_id = appeal.appeal_id)
  FROM identity.appeal
 WHERE account_id = $1
 ORDER BY created_at DESC
 LIMIT 50
