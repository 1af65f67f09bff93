DELETE FROM review.outbox WHERE published_at < now() - interval '1 day'
