-- The account and PostgreSQL's time: one clock for one-time codes, whatever the services' say.
SELECT staff_id, name, role, school_code, college, password_sealed, totp_sealed, totp_step, state,
       extract(epoch FROM clock_timestamp())::bigint
  FROM staff.account
 WHERE account = $1
