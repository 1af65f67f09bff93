-- One line that tells two databases apart by what was judged: rows and a sum of their hashes, whatever
-- their order. When a judgement was made is left out: a replay makes it anew.
SELECT 'judgement', count(*), coalesce(sum(('x' || left(md5((to_jsonb(j) - 'judged_at')::text), 15))::bit(60)::bigint), 0)
  FROM record.judgement j
UNION ALL
SELECT 'latest', count(*), coalesce(sum(('x' || left(md5(to_jsonb(l)::text), 15))::bit(60)::bigint), 0)
  FROM record.latest l
