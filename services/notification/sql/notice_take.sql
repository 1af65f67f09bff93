-- The oldest notice whose time has come and that no other sender holds, with all that sending it
-- needs. Whose openid and phone they are is asked now: who was unbound meanwhile is not written to.
SELECT n.notice_id, n.kind, n.recipient, n.urgent, n.channel, n.tries,
       (extract(epoch FROM n.deadline_at) * 1000)::bigint, n.details_sealed,
       a.account_id, a.channel, a.openid_sealed, b.phone_index, b.phone_sealed, c.name,
       (extract(epoch FROM c.closes_at) * 1000)::bigint,
       coalesce(k.remaining, 0), n.traceparent
  FROM notification.notice n
  LEFT JOIN LATERAL (SELECT account_id, phone_index, phone_sealed FROM identity.binding
                      WHERE n.account_id IS NULL AND student_id = n.student_id
                     UNION ALL
                     SELECT account_id, phone_index, phone_sealed FROM identity.binding
                      WHERE account_id = n.account_id) b ON true
  LEFT JOIN auth.account a ON a.account_id = coalesce(n.account_id, b.account_id)
  LEFT JOIN campaign.campaign c ON c.campaign_id = n.campaign_id
  LEFT JOIN notification.consent k ON k.account_id = a.account_id AND k.template = n.template
 WHERE n.state = 'waiting' AND n.due_at <= now()
 ORDER BY n.due_at
 LIMIT 1
   FOR UPDATE OF n SKIP LOCKED
