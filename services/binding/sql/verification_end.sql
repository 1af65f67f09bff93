-- A result is final.
UPDATE identity.verification
   SET state = $2, reason = $3, completed_at = now()
 WHERE verification_id = $1::uuid AND state = 'pending'
