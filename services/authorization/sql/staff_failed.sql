-- Of an account that does not exist no row is changed, and that is all the difference.
UPDATE staff.account SET failed_count = failed_count + 1, failed_at = now() WHERE account = $1
