-- By so much ('-1' one used, '1' one that was not used after all), or to nothing (NULL).
UPDATE notification.consent
   SET remaining = greatest(0, coalesce(remaining + $3::integer, 0)), changed_at = now()
 WHERE account_id = $1 AND template = $2
