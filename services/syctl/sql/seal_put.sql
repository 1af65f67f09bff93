SELECT seal.put($1, $2::text[], $3::text[], $4::text[], $5::text[])
