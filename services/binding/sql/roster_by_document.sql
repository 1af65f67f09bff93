SELECT student_id, yxdm, yxmc, xm, xh, sfzh_masked
  FROM roster.student
 WHERE document_index = $1
 ORDER BY yxdm
 LIMIT 10
