-- One batch of judgements; a second one of the same submission is refused by the primary key.
INSERT INTO record.judgement (
       submission_id, student_id, campaign_id, revision, outcome, idempotency_key, body_index,
       received_at, judged_at, roster_version, campaign_version, findings, traceparent,
       origin_partition, origin_offset, fields_sealed, rules_edition,
       zzmmdm, dxhwpdw, syszddm, cxsy, sfslbdm, rxqdaszdw, dasfzrxx, hksfzrxx, yhkszddm)
SELECT r.submission_id, r.student_id, r.campaign_id, r.revision, r.outcome, r.idempotency_key,
       r.body_index, r.received_at, r.judged_at, r.roster_version, r.campaign_version,
       r.findings::jsonb, r.traceparent, r.origin_partition, r.origin_offset, r.fields_sealed,
       $26::text,
       r.zzmmdm, r.dxhwpdw, r.syszddm, r.cxsy, r.sfslbdm, r.rxqdaszdw, r.dasfzrxx, r.hksfzrxx,
       r.yhkszddm
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::integer[], $5::text[], $6::text[],
              $7::text[], $8::timestamptz[], $9::timestamptz[], $10::integer[], $11::integer[],
              $12::text[], $13::text[], $14::integer[], $15::bigint[], $16::text[], $17::text[],
              $18::text[], $19::text[], $20::text[], $21::text[], $22::text[], $23::text[],
              $24::text[], $25::text[])
       AS r (submission_id, student_id, campaign_id, revision, outcome, idempotency_key, body_index,
             received_at, judged_at, roster_version, campaign_version, findings, traceparent,
             origin_partition, origin_offset, fields_sealed,
             zzmmdm, dxhwpdw, syszddm, cxsy, sfslbdm, rxqdaszdw, dasfzrxx, hksfzrxx, yhkszddm)
