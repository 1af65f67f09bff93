SELECT student_id, yxdm, yxmc, xm, xh, sfzh_masked
  FROM roster.student
 WHERE document_index = $1 AND yxdm = $2 AND xh = $3
 LIMIT 10
