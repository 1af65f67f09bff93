-- A page of a school's students by number: $2 college (empty: all), $3 campaign, $4 state (empty:
-- any), after the student $5 (one of theirs, else nothing is behind it), at most $6; of the number $7 (empty: any).
SELECT s.student_id, s.xm, s.xh, coalesce(s.szyx, ''), coalesce(s.szbj, ''), coalesce(s.zymc, ''),
       v.state, CASE WHEN v.vouched THEN p.submission_id ELSE l.accepted_submission_id END,
       CASE WHEN v.vouched THEN p.revision ELSE l.accepted_revision END,
       coalesce(p.by_level, ''), (extract(epoch FROM p.changed_at) * 1000)::bigint
  FROM roster.student s
  LEFT JOIN record.latest l ON l.student_id = s.student_id AND l.campaign_id = $3
  LEFT JOIN review.progress p ON p.student_id = s.student_id AND p.campaign_id = $3
 CROSS JOIN LATERAL (
       SELECT review.visible(l.accepted_submission_id, p.submission_id, p.state) AS state,
              coalesce(p.state IN ('school_approved', 'reported'), false) AS vouched) v
 WHERE s.yxdm = $1 AND ($2 = '' OR s.szyx = $2) AND ($4 = '' OR v.state = $4) AND ($7 = '' OR s.xh = $7)
   AND ($5::uuid IS NULL OR (s.xh, s.student_id) >
        (SELECT a.xh, a.student_id FROM roster.student a
          WHERE a.student_id = $5::uuid AND a.yxdm = $1 AND ($2 = '' OR a.szyx = $2)))
 ORDER BY s.xh, s.student_id
 LIMIT $6::integer
