-- State of submissions that were judged. Ids in, rows out in any order.
SELECT submission_id, student_id, revision, outcome, coalesce(findings::text, '[]'),
       (extract(epoch FROM received_at) * 1000)::bigint,
       (extract(epoch FROM judged_at) * 1000)::bigint, body_index
  FROM record.judgement
 WHERE submission_id = ANY ($1::text[]::uuid[])
