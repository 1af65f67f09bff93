UPDATE review.outbox SET published_at = now()
 WHERE sequence = ANY ($1::text[]::bigint[])
