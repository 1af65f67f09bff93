SELECT audit.append('operator', $1, $2, $3, NULL)
