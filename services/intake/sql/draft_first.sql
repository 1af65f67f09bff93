INSERT INTO intake.draft (student_id, campaign_id, version, fields_sealed)
VALUES ($1, $2, 1, $3)
ON CONFLICT (student_id, campaign_id) DO NOTHING
RETURNING version
