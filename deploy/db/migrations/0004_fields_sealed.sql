-- The sensitive fields of a judgement are sealed as one (submission.received, version 2). Judgements
-- of before keep the columns they have; new ones leave those empty. Adding a column that may be empty
-- rewrites nothing: it may be done under load. Upgrade validation before intake.

ALTER TABLE record.judgement ADD COLUMN fields_sealed text;
COMMENT ON COLUMN record.judgement.fields_sealed IS
    'JSON of KNSLBDM, RXQHKSZDPCS, SJHM, DZYX, QQHM, JTDZ, JTDH, JTYB, JTLXR, sealed for <student_id>/submission/<submission_id>';

UPDATE seal.place SET
    holds = $$jsonb_build_object('fields_sealed', t.fields_sealed,
                      'knslbdm', t.knslbdm, 'rxqhkszdpcs', t.rxqhkszdpcs, 'sjhm', t.sjhm, 'dzyx', t.dzyx,
                      'qqhm', t.qqhm, 'jtdz', t.jtdz, 'jtdh', t.jtdh, 'jtyb', t.jtyb, 'jtlxr', t.jtlxr)$$,
    contexts = $$(SELECT jsonb_object_agg(f, t.student_id || '/' || upper(f))
      FROM unnest('{knslbdm,rxqhkszdpcs,sjhm,dzyx,qqhm,jtdz,jtdh,jtyb,jtlxr}'::text[]) f)
      || jsonb_build_object('fields_sealed', t.student_id || '/submission/' || t.submission_id)$$,
    puts = $$fields_sealed = coalesce(n.fresh->>'fields_sealed', t.fields_sealed),
   knslbdm = coalesce(n.fresh->>'knslbdm', t.knslbdm), rxqhkszdpcs = coalesce(n.fresh->>'rxqhkszdpcs', t.rxqhkszdpcs),
   sjhm = coalesce(n.fresh->>'sjhm', t.sjhm), dzyx = coalesce(n.fresh->>'dzyx', t.dzyx),
   qqhm = coalesce(n.fresh->>'qqhm', t.qqhm), jtdz = coalesce(n.fresh->>'jtdz', t.jtdz),
   jtdh = coalesce(n.fresh->>'jtdh', t.jtdh), jtyb = coalesce(n.fresh->>'jtyb', t.jtyb),
   jtlxr = coalesce(n.fresh->>'jtlxr', t.jtlxr)$$
 WHERE relation = 'record.judgement';
