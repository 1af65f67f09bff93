UPDATE staff.account
   SET password_sealed = $2, totp_sealed = $3, totp_step = 0, state = 'active', failed_count = 0,
       password_changed_at = now()
 WHERE staff_id = $1::uuid
