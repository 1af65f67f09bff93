SELECT name, key_id, many FROM seal.tally($1, $2, $3)
