DELETE FROM notification.budget WHERE day < $1::date - 7
