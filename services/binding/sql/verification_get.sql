-- Only the account's own.
SELECT out_seq_no, verify_id, document_index, name_sealed, id_number_sealed, state, reason,
       expires_at < now()
  FROM identity.verification
 WHERE verification_id = $1::uuid AND account_id = $2
