SELECT version, fields_sealed FROM intake.draft WHERE student_id = $1 AND campaign_id = $2
