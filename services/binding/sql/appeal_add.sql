INSERT INTO identity.appeal (appeal_id, account_id, student_id, school_code, kind, subject,
                             claims_sealed, message_sealed, traceparent, history)
VALUES ($1::uuid, $2, $3::uuid, $4, $5, $6, $7, $8, $9,
        jsonb_build_array(jsonb_build_object(
            'at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'from', NULL, 'to', 'filed', 'by', 'student')))
