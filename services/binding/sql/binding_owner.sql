SELECT account_id FROM identity.binding WHERE student_id = $1::uuid
