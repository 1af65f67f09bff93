UPDATE identity.appeal
   SET state = $2, decided_at = now(), reason_sealed = $3, outcome = $4, sequence = $5::bigint,
       history = history || jsonb_build_object('at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                                               'from', state, 'to', $2::text, 'by', 'school')
 WHERE appeal_id = $1::uuid
