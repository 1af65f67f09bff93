-- Which of these submissions have their judgement.
SELECT submission_id FROM record.judgement WHERE submission_id = ANY ($1::text[]::uuid[])
