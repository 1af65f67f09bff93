UPDATE notification.notice
   SET state = 'waiting', channel = coalesce($2, channel), outcome = $3, due_at = to_timestamp($4::bigint / 1000.0)
 WHERE notice_id = $1::uuid AND state IN ('waiting', 'sending')
