-- Fingerprints of judged submissions in id order, to fill Redis again after it was lost.
SELECT submission_id, body_index
  FROM record.judgement
 WHERE submission_id > $1::uuid
 ORDER BY submission_id
 LIMIT 5000
