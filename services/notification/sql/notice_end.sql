-- One that a sweeper took for lost may still be told by who was only slow. What was sent is not kept.
UPDATE notification.notice
   SET state = $2, outcome = $3, ended_at = now(),
       details_sealed = CASE WHEN $2 = 'sent' THEN NULL ELSE details_sealed END
 WHERE notice_id = $1::uuid AND state IN ('waiting', 'sending', 'unknown')
