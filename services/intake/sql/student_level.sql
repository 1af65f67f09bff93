-- What a student studies for, asked only where a school has campaigns by level.
SELECT coalesce(xldm, '') FROM roster.student WHERE student_id = $1
