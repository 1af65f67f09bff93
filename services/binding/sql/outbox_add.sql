INSERT INTO identity.outbox (topic, message_key, event_id, event_type, value, traceparent)
VALUES ($1, $2, $3::uuid, $4, $5, $6)
RETURNING sequence
