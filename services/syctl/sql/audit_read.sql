-- The rows of a chain behind one, each with the text that its hash is of.
SELECT e.sequence, audit.text(e), e.previous_hash, e.hash
  FROM audit.event e
 WHERE e.chain = $1 AND e.sequence > $2::bigint
 ORDER BY e.sequence
 LIMIT 1000
