SELECT bound_by, document_index, phone_index, phone_sealed
  FROM identity.confirmation
 WHERE appeal_id = $1::uuid
