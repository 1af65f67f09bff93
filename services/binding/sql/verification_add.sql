INSERT INTO identity.verification (verification_id, account_id, out_seq_no, verify_id,
       document_index, name_sealed, id_number_sealed, state, expires_at)
VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, 'pending', now() + $8::integer * interval '1 second')
