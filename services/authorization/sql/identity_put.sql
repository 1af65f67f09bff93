-- News of an account; older news than what is known is ignored.
INSERT INTO auth.identity AS i (account_id, sequence, document_index, student_id, school_code,
                                phone_index, phone_sealed, card_sealed)
VALUES ($1, $2::bigint, $3, $4::uuid, $5, $6, $7, $8)
    ON CONFLICT (account_id) DO UPDATE
   SET sequence = excluded.sequence, document_index = excluded.document_index,
       student_id = excluded.student_id, school_code = excluded.school_code,
       phone_index = excluded.phone_index, phone_sealed = excluded.phone_sealed,
       card_sealed = excluded.card_sealed, changed_at = now()
 WHERE i.sequence < excluded.sequence
