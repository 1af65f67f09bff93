SELECT state = 'active' FROM staff.account WHERE staff_id = $1::uuid
