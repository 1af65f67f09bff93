-- What happened to a student's record, oldest first: judgements and decisions.
SELECT at_ms, kind, submission_id, revision, from_state, to_state, by_level, reason_code,
       reason_sealed
  FROM (SELECT (extract(epoch FROM changed_at) * 1000)::bigint AS at_ms, action AS kind,
               submission_id, revision, from_state::text, to_state::text, by_level, reason_code,
               reason_sealed
          FROM review.transition WHERE student_id = $1::uuid AND campaign_id = $2
         UNION ALL
        SELECT (extract(epoch FROM judged_at) * 1000)::bigint, outcome, submission_id, revision,
               NULL, NULL, 'student', NULL, NULL
          FROM record.judgement WHERE student_id = $1::uuid AND campaign_id = $2) h
 ORDER BY at_ms DESC, revision DESC
 LIMIT 200
