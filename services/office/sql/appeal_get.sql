-- One application with the student it is about as the roll has them; scope as in review_facts.sql.
SELECT a.account_id, a.student_id, a.kind, a.state, a.claims_sealed, a.message_sealed,
       (extract(epoch FROM a.created_at) * 1000)::bigint, a.school_code, a.outcome, a.history::text,
       d.decision, d.reason_sealed, (extract(epoch FROM d.decided_at) * 1000)::bigint, d.decided_by,
       coalesce(d.by_level, ''), s.xm, s.xh, coalesce(s.szyx, ''), coalesce(s.szbj, ''),
       coalesce(s.zymc, ''), coalesce(s.zydm, '')
  FROM identity.appeal a
  LEFT JOIN review.appeal_decision d ON d.appeal_id = a.appeal_id
  LEFT JOIN roster.student s ON s.student_id = a.student_id
 WHERE a.appeal_id = $1::uuid AND ($2 = '' OR a.school_code = $2) AND ($3 = '' OR s.szyx = $3)
