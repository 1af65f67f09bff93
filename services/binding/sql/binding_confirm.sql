-- As binding_add, for one that the school confirmed. No row: student or account is bound already.
INSERT INTO identity.binding (student_id, account_id, bound_by, document_index, name_differs,
                              phone_index, phone_sealed, traceparent, appeal_id)
SELECT $1::uuid, $2, $3, $4, $5::boolean, $6, $7, $8, $9::uuid
 WHERE NOT EXISTS (SELECT FROM identity.reserved
                    WHERE student_id = $1::uuid AND account_id <> $2)
    ON CONFLICT DO NOTHING
RETURNING student_id
