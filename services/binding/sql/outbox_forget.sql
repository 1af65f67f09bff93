DELETE FROM identity.outbox WHERE published_at < now() - interval '1 day'
