SELECT count(*), coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at < now())), 0)::bigint
  FROM notification.notice
 WHERE state = 'waiting'
