SELECT document_index, student_id, school_code, phone_index, phone_sealed, card_sealed, sequence
  FROM auth.identity
 WHERE account_id = $1
