-- Whoever comes first, the student or the school, has it.
UPDATE identity.appeal
   SET state = 'cancelled', decided_at = now(),
       history = history || jsonb_build_object('at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                                               'from', state, 'to', 'cancelled', 'by', 'student')
 WHERE appeal_id = $1::uuid AND account_id = $2 AND state = 'filed'
RETURNING appeal_id
