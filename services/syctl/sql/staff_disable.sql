UPDATE staff.account SET state = 'disabled' WHERE staff_id = $1::uuid
