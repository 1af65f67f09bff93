SELECT password_sealed FROM staff.account WHERE staff_id = $1::uuid AND state = 'active'
