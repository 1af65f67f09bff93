SELECT staff_id FROM staff.account WHERE account = $1
