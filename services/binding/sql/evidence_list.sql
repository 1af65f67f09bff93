SELECT evidence_id, content_index, bytes, (extract(epoch FROM created_at) * 1000)::bigint
  FROM identity.evidence
 WHERE appeal_id = $1::uuid
 ORDER BY created_at
