-- Marked and never told of since: its sender died, and it may have been sent.
UPDATE notification.notice SET state = 'unknown', outcome = 'sender-died', ended_at = now()
 WHERE state = 'sending' AND claimed_at < now() - $1::integer * interval '1 second'
RETURNING kind
