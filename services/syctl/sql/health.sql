-- What doctor wants to know of the database.
SELECT (SELECT count(*) FROM migration.applied), (SELECT max(name) FROM migration.applied),
       (SELECT count(*) FROM identity.outbox WHERE published_at IS NULL),
       (SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::bigint
          FROM identity.outbox WHERE published_at IS NULL),
       (SELECT count(*) FROM campaign.campaign WHERE now() BETWEEN opens_at AND closes_at)
