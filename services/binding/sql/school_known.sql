SELECT yxdm FROM roster.student WHERE yxdm = $1 LIMIT 1
