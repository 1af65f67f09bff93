-- Begins or resumes the import of a file; no row while another process is at it (its session holds the
-- lock until it ends).
INSERT INTO roster.import AS i (file_index)
SELECT $1 WHERE pg_try_advisory_lock(hashtextextended($1, 0))
    ON CONFLICT (file_index) WHERE finished_at IS NULL DO UPDATE SET resumed = i.resumed + 1
RETURNING import_id, rows_done, added, changed, unchanged
