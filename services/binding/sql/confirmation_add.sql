INSERT INTO identity.confirmation (appeal_id, bound_by, document_index, phone_index, phone_sealed)
VALUES ($1::uuid, $2, $3, $4, $5)
