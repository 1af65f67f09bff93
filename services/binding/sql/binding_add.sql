-- One account, one student: both keys are unique, so a second binding is refused here.
INSERT INTO identity.binding (student_id, account_id, bound_by, document_index, name_differs,
                              phone_index, phone_sealed, traceparent)
VALUES ($1::uuid, $2, $3, $4, $5::boolean, $6, $7, $8)
