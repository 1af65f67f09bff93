-- No row: the account is not bound any more.
UPDATE identity.binding
   SET phone_index = $2, phone_sealed = $3, changed_at = now()
 WHERE account_id = $1 AND student_id = $4::uuid
RETURNING student_id
