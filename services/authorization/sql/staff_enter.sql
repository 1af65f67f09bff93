-- A log-in: the one-time code is used up by whoever comes first.
UPDATE staff.account
   SET totp_step = $2::bigint, failed_count = 0, logged_in_at = now()
 WHERE staff_id = $1::uuid AND totp_step < $2::bigint AND state = 'active'
