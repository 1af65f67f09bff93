-- Notices of a state, the newest first; without one, those that did not reach anybody for sure.
SELECT notice_id, kind, recipient, transition, coalesce(campaign_id, ''), state, coalesce(channel, ''), tries,
       coalesce(outcome, ''), to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       to_char(coalesce(ended_at, due_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
  FROM notification.notice
 WHERE CASE WHEN $1 = '' THEN state IN ('failed', 'undeliverable', 'unknown') ELSE state = $1 END
 ORDER BY coalesce(ended_at, due_at) DESC
 LIMIT $2::bigint
