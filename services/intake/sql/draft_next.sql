-- Compare-and-set on the version the client has seen.
UPDATE intake.draft SET version = version + 1, fields_sealed = $4, changed_at = now()
 WHERE student_id = $1 AND campaign_id = $2 AND version = $3::integer
RETURNING version
