UPDATE roster.import
   SET rows_done = $2::bigint, added = $3::bigint, changed = $4::bigint, unchanged = $5::bigint,
       finished_at = CASE WHEN $6::boolean THEN now() END
 WHERE import_id = $1::bigint
