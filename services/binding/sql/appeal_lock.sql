SELECT account_id, student_id, school_code, kind, state, outcome, sequence, claims_sealed
  FROM identity.appeal
 WHERE appeal_id = $1::uuid
   FOR UPDATE
