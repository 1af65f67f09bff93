-- What the compiled rules are, for whoever reads a judgement of them later.
INSERT INTO record.rules_edition (edition, build, rules)
VALUES ($1, $2, $3::jsonb)
ON CONFLICT (edition) DO NOTHING
