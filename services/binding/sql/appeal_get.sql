-- Only the account's own.
SELECT appeal_id, kind, state, school_code, (extract(epoch FROM created_at) * 1000)::bigint,
       (extract(epoch FROM decided_at) * 1000)::bigint, claims_sealed, message_sealed,
       reason_sealed, outcome, history::text,
       (SELECT count(*) FROM identity.evidence e WHERE e.appeal_id = appeal.appeal_id)
  FROM identity.appeal
 WHERE appeal_id = $1::uuid AND account_id = $2
