-- One more of today, if there is one left: otherwise no row is touched.
INSERT INTO notification.budget AS b (day, scope, used) VALUES ($1::date, $2, 1)
    ON CONFLICT (day, scope) DO UPDATE SET used = b.used + 1 WHERE b.used < $3::bigint
