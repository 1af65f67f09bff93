INSERT INTO identity.evidence (evidence_id, appeal_id, media_type, bytes, content_index, key_sealed,
                               content)
VALUES ($1::uuid, $2::uuid, 'image/jpeg', $3::integer, $4, $5, decode($6, 'base64'))
