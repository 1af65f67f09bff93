SELECT place, name, context, value FROM seal.take($1, $2, $3, $4)
