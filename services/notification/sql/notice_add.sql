-- At most one of a transition, however often it is read; the first one counts.
INSERT INTO notification.notice (notice_id, recipient, kind, transition, template, student_id,
                                 account_id, campaign_id, details_sealed, due_at, deadline_at,
                                 traceparent)
SELECT r.notice_id, r.recipient, r.kind, r.transition, r.template, r.student_id, r.account_id,
       r.campaign_id, r.details_sealed, r.due_at, r.deadline_at, r.traceparent
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::text[],
              $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[], $12::text[])
       AS r (notice_id, recipient, kind, transition, template, student_id, account_id, campaign_id,
             details_sealed, due_at, deadline_at, traceparent)
    ON CONFLICT (recipient, kind, transition) DO NOTHING
