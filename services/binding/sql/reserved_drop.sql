DELETE FROM identity.reserved WHERE student_id = $1::uuid
