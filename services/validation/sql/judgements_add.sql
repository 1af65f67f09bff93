-- One batch of judgements; a second one of the same submission is refused by the primary key.
INSERT INTO record.judgement (
       submission_id, student_id, campaign_id, revision, outcome, idempotency_key, body_index,
       received_at, judged_at, roster_version, campaign_version, findings, traceparent,
       origin_partition, origin_offset,
       zzmmdm, dxhwpdw, syszddm, cxsy, sfslbdm, knslbdm, rxqdaszdw, dasfzrxx, rxqhkszdpcs, hksfzrxx,
       sjhm, dzyx, qqhm, jtdz, jtdh, jtyb, jtlxr, yhkszddm)
SELECT r.submission_id::uuid, r.student_id::uuid, r.campaign_id, r.revision::integer, r.outcome,
       r.idempotency_key, r.body_index, r.received_at::timestamptz, r.judged_at::timestamptz,
       r.roster_version::integer, r.campaign_version::integer, r.findings::jsonb, r.traceparent,
       r.origin_partition::integer, r.origin_offset::bigint,
       r.zzmmdm, r.dxhwpdw, r.syszddm, r.cxsy, r.sfslbdm, r.knslbdm, r.rxqdaszdw, r.dasfzrxx,
       r.rxqhkszdpcs, r.hksfzrxx, r.sjhm, r.dzyx, r.qqhm, r.jtdz, r.jtdh, r.jtyb, r.jtlxr,
       r.yhkszddm
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
              $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
              $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[],
              $20::text[], $21::text[], $22::text[], $23::text[], $24::text[], $25::text[],
              $26::text[], $27::text[], $28::text[], $29::text[], $30::text[], $31::text[],
              $32::text[], $33::text[])
       AS r (submission_id, student_id, campaign_id, revision, outcome, idempotency_key, body_index,
             received_at, judged_at, roster_version, campaign_version, findings, traceparent,
             origin_partition, origin_offset,
             zzmmdm, dxhwpdw, syszddm, cxsy, sfslbdm, knslbdm, rxqdaszdw, dasfzrxx, rxqhkszdpcs,
             hksfzrxx, sjhm, dzyx, qqhm, jtdz, jtdh, jtyb, jtlxr, yhkszddm)
