-- News of an account; older news than what is known is ignored. A face check ("verified") says
-- nothing about a binding: what is known of it stays.
INSERT INTO auth.identity AS i (account_id, sequence, document_index, student_id, school_code,
                                phone_index, phone_sealed, card_sealed)
VALUES ($1, $2::bigint, $3, $4::uuid, $5, $6, $7, $8)
    ON CONFLICT (account_id) DO UPDATE
   SET sequence = excluded.sequence,
       document_index = CASE WHEN $9 = 'verified' AND i.student_id IS NOT NULL
                             THEN i.document_index ELSE excluded.document_index END,
       (student_id, school_code, phone_index, phone_sealed, card_sealed)
     = (SELECT CASE WHEN $9 = 'verified' THEN i.student_id ELSE excluded.student_id END,
               CASE WHEN $9 = 'verified' THEN i.school_code ELSE excluded.school_code END,
               CASE WHEN $9 = 'verified' THEN i.phone_index ELSE excluded.phone_index END,
               CASE WHEN $9 = 'verified' THEN i.phone_sealed ELSE excluded.phone_sealed END,
               CASE WHEN $9 = 'verified' THEN i.card_sealed ELSE excluded.card_sealed END),
       changed_at = now()
 WHERE i.sequence < excluded.sequence
