SELECT template, remaining FROM notification.consent WHERE account_id = $1
