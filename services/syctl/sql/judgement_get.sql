-- A submission and the newest judgements of its student, newest first.
SELECT j.submission_id, j.student_id, j.campaign_id, j.revision, j.outcome, j.idempotency_key,
       to_char(j.received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
       to_char(j.judged_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
       j.roster_version, j.campaign_version, coalesce(j.rules_edition, ''),
       coalesce(j.findings::text, '[]'),
       coalesce(j.traceparent, ''), j.origin_partition, j.origin_offset,
       coalesce(l.accepted_submission_id = j.submission_id, false),
       s.sfzh_masked, s.xh, s.yxmc, s.szyx,
       jsonb_strip_nulls(to_jsonb(j) - '{submission_id,student_id,campaign_id,revision,outcome,
           idempotency_key,body_index,received_at,judged_at,roster_version,campaign_version,
           rules_edition,
           findings,traceparent,origin_partition,origin_offset}'::text[])::text
  FROM record.judgement asked
  JOIN record.judgement j USING (student_id, campaign_id)
  LEFT JOIN record.latest l USING (student_id, campaign_id)
  LEFT JOIN roster.student s USING (student_id)
 WHERE asked.submission_id = $1::uuid
 ORDER BY j.revision DESC
 LIMIT 50
