INSERT INTO staff.account (staff_id, account, name, role, school_code, college, password_sealed, totp_sealed)
VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8)
