-- One batch of judgements; a second one of the same submission is refused by the primary key.
INSERT INTO record.judgement (
       submission_id, student_id, campaign_id, revision, outcome, idempotency_key, body_index,
       received_at, judged_at, roster_version, campaign_version, findings, traceparent,
       origin_partition, origin_offset,
       zzmmdm, dxhwpdw, syszddm, cxsy, sfslbdm, knslbdm, rxqdaszdw, dasfzrxx, rxqhkszdpcs, hksfzrxx,
       sjhm, dzyx, qqhm, jtdz, jtdh, jtyb, jtlxr, yhkszddm)
SELECT r.submission_id, r.student_id, r.campaign_id, r.revision, r.outcome, r.idempotency_key,
       r.body_index, r.received_at, r.judged_at, r.roster_version, r.campaign_version,
       r.findings::jsonb, r.traceparent, r.origin_partition, r.origin_offset,
       r.zzmmdm, r.dxhwpdw, r.syszddm, r.cxsy, r.sfslbdm, r.knslbdm, r.rxqdaszdw, r.dasfzrxx,
       r.rxqhkszdpcs, r.hksfzrxx, r.sjhm, r.dzyx, r.qqhm, r.jtdz, r.jtdh, r.jtyb, r.jtlxr,
       r.yhkszddm
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::integer[], $5::text[], $6::text[],
              $7::text[], $8::timestamptz[], $9::timestamptz[], $10::integer[], $11::integer[],
              $12::text[], $13::text[], $14::integer[], $15::bigint[], $16::text[], $17::text[],
              $18::text[], $19::text[], $20::text[], $21::text[], $22::text[], $23::text[],
              $24::text[], $25::text[], $26::text[], $27::text[], $28::text[], $29::text[],
              $30::text[], $31::text[], $32::text[], $33::text[])
       AS r (submission_id, student_id, campaign_id, revision, outcome, idempotency_key, body_index,
             received_at, judged_at, roster_version, campaign_version, findings, traceparent,
             origin_partition, origin_offset,
             zzmmdm, dxhwpdw, syszddm, cxsy, sfslbdm, knslbdm, rxqdaszdw, dasfzrxx, rxqhkszdpcs,
             hksfzrxx, sjhm, dzyx, qqhm, jtdz, jtdh, jtyb, jtlxr, yhkszddm)
