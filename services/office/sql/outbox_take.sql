-- The oldest news not yet published; other copies take other rows. The row's number becomes the
-- event's sequence.
SELECT sequence, topic, message_key, event_id, event_type,
       (value::jsonb || jsonb_build_object('sequence', sequence))::text, traceparent,
       extract(epoch FROM now() - created_at)::bigint
  FROM review.outbox
 WHERE published_at IS NULL
 ORDER BY sequence
 LIMIT 200
   FOR UPDATE SKIP LOCKED
