SELECT kind, (extract(epoch FROM created_at) * 1000)::bigint
  FROM identity.notice
 WHERE account_id = $1
 ORDER BY notice_id DESC
 LIMIT 50
