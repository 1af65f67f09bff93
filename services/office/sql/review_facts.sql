-- All that is known about what is to be decided, in the order it was asked. What is not in the scope
-- ($3 school, $4 college; empty: any) is not there.
SELECT asked.place, j.campaign_id, s.yxdm, l.accepted_submission_id, l.accepted_revision,
       p.submission_id, p.revision, p.state, p.version, p.changed_by, p.by_level,
       (extract(epoch FROM p.changed_at) * 1000)::bigint
  FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS asked (student_id, submission_id, place)
  JOIN record.judgement j
    ON j.submission_id = asked.submission_id AND j.student_id = asked.student_id
  JOIN record.latest l ON l.student_id = j.student_id AND l.campaign_id = j.campaign_id
  JOIN roster.student s ON s.student_id = j.student_id
  LEFT JOIN review.progress p ON p.student_id = j.student_id AND p.campaign_id = j.campaign_id
 WHERE ($3 = '' OR s.yxdm = $3) AND ($4 = '' OR s.szyx = $4)
 ORDER BY asked.place
