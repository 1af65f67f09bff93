-- One account, one student: both keys are unique, so a second binding is refused here. A student
-- who was freed for one account is not for another: no row then.
INSERT INTO identity.binding (student_id, account_id, bound_by, document_index, name_differs,
                              phone_index, phone_sealed, traceparent)
SELECT $1::uuid, $2, $3, $4, $5::boolean, $6, $7, $8
 WHERE NOT EXISTS (SELECT FROM identity.reserved
                    WHERE student_id = $1::uuid AND account_id <> $2)
RETURNING student_id
