-- Only in the place of the verifier that was checked: of two changes at once one is the second.
UPDATE staff.account
   SET password_sealed = $3, password_changed_at = now()
 WHERE staff_id = $1::uuid AND password_sealed = $2 AND state = 'active'
