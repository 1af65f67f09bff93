-- A school's students by college: how far they are in a campaign.
SELECT coalesce(s.szyx, ''), count(*), count(b.student_id),
       count(*) FILTER (WHERE l.student_id IS NOT NULL OR d.student_id IS NOT NULL),
       count(*) FILTER (WHERE v.state = 'submitted'), count(*) FILTER (WHERE v.state = 'returned'),
       count(*) FILTER (WHERE v.state = 'withdrawn'),
       count(*) FILTER (WHERE v.state = 'college_approved'),
       count(*) FILTER (WHERE v.state = 'school_approved'),
       count(*) FILTER (WHERE v.state = 'reported'), count(*) FILTER (WHERE v.state = 'none')
  FROM roster.student s
  LEFT JOIN identity.binding b ON b.student_id = s.student_id
  LEFT JOIN intake.draft d ON d.student_id = s.student_id AND d.campaign_id = $3
  LEFT JOIN record.latest l ON l.student_id = s.student_id AND l.campaign_id = $3
  LEFT JOIN review.progress p ON p.student_id = s.student_id AND p.campaign_id = $3
 CROSS JOIN LATERAL (
       SELECT review.visible(l.accepted_submission_id, p.submission_id, p.state) AS state) v
 WHERE s.yxdm = $1 AND ($2 = '' OR s.szyx = $2)
 GROUP BY 1
 ORDER BY 1
