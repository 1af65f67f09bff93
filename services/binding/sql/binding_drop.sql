-- Whoever holds the student; with $2 only if it is that account.
DELETE FROM identity.binding
 WHERE student_id = $1::uuid AND ($2::text IS NULL OR account_id = $2)
RETURNING account_id
