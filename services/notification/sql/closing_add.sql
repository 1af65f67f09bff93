-- Bound students without a record in a campaign that closes within so many days, and later than the
-- next smaller number says: one notice of each number. The campaign has to be theirs, as
-- campaign_of (common/schema/campaign.c) finds it: nearest school, then level, then newest edition.
INSERT INTO notification.notice (notice_id, recipient, kind, transition, template, student_id,
                                 campaign_id, urgent, due_at, deadline_at)
SELECT gen_random_uuid(), s.student_id::text, 'window_closing', c.campaign_id || '/' || $1::text,
       'closing', s.student_id, c.campaign_id, $3::boolean, to_timestamp($4::bigint / 1000.0), c.closes_at
  FROM campaign.campaign c
  JOIN roster.student s ON c.school_code IN (s.yxdm, '*')
  JOIN identity.binding b ON b.student_id = s.student_id
  LEFT JOIN campaign.school z ON z.school_code = s.yxdm
  LEFT JOIN record.latest l ON l.student_id = s.student_id AND l.campaign_id = c.campaign_id
 WHERE c.opens_at <= now() AND c.closes_at > now() + $2::integer * interval '1 day'
   AND c.closes_at <= now() + $1::text::integer * interval '1 day'
   AND l.accepted_submission_id IS NULL
   AND c.campaign_id = (
       SELECT k.campaign_id FROM campaign.campaign k
        WHERE k.school_code IN (s.yxdm, '*') AND (k.school_code = s.yxdm OR k.province IN ('*', z.province))
          AND k.level IN ('*', CASE WHEN s.xldm ~ '^[01]' THEN 'postgraduate' WHEN s.xldm ~ '^[23]' THEN 'undergraduate'
                                    WHEN s.xldm ~ '^[46]' THEN 'college' END)
        ORDER BY k.school_code <> '*' DESC, k.province <> '*' DESC, k.level <> '*' DESC, k.edition DESC
        LIMIT 1)
   AND NOT EXISTS (SELECT FROM notification.notice n
                    WHERE n.recipient = s.student_id::text AND n.kind = 'window_closing'
                      AND n.transition = c.campaign_id || '/' || $1::text)
 LIMIT 5000
    ON CONFLICT (recipient, kind, transition) DO NOTHING
