-- Applications of a school, oldest first: $2 college of the student it is about (empty: all), $3 state
-- (empty: any), $4 kind (empty: any), after the application $5, at most $6. What was decided here and not
-- yet applied by binding counts as decided.
SELECT a.appeal_id, a.kind, coalesce(d.decision, a.state), s.xm, s.xh, coalesce(s.szyx, ''),
       (extract(epoch FROM a.created_at) * 1000)::bigint,
       (extract(epoch FROM coalesce(a.decided_at, d.decided_at)) * 1000)::bigint, a.outcome
  FROM identity.appeal a
  LEFT JOIN review.appeal_decision d ON d.appeal_id = a.appeal_id
  LEFT JOIN roster.student s ON s.student_id = a.student_id
 WHERE a.school_code = $1 AND ($2 = '' OR s.szyx = $2)
   AND ($3 = '' OR coalesce(d.decision, a.state) = $3) AND ($4 = '' OR a.kind = $4)
   AND ($5::uuid IS NULL OR (a.created_at, a.appeal_id) >
        (SELECT b.created_at, b.appeal_id FROM identity.appeal b
          WHERE b.appeal_id = $5::uuid AND b.school_code = $1))
 ORDER BY a.created_at, a.appeal_id
 LIMIT $6::integer
