UPDATE identity.binding
   SET phone_index = $2, phone_sealed = $3, changed_at = now()
 WHERE account_id = $1
