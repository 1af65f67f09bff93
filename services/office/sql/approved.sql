-- What a school has approved and not yet reported: at most 500.
SELECT p.student_id, p.submission_id
  FROM review.progress p
  JOIN roster.student s ON s.student_id = p.student_id
 WHERE s.yxdm = $1 AND p.campaign_id = $2 AND p.state = 'school_approved'
 ORDER BY p.student_id
 LIMIT 500
