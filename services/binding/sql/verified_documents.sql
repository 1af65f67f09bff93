-- Documents of the account that passed the face check not long ago, newest first.
SELECT document_index
  FROM identity.verification
 WHERE account_id = $1 AND state = 'passed'
   AND completed_at > now() - $2::integer * interval '1 second'
 ORDER BY completed_at DESC
 LIMIT 10
