-- A student's newest record: of the newest campaign that there is anything in.
SELECT l.campaign_id, s.yxdm, l.accepted_submission_id, l.accepted_revision, p.submission_id,
       p.revision, p.state, p.version, p.changed_by, p.by_level,
       (extract(epoch FROM p.changed_at) * 1000)::bigint, p.reason_code, p.reason_sealed,
       l.revision, n.outcome, c.name,
       (extract(epoch FROM c.opens_at) * 1000)::bigint,
       (extract(epoch FROM greatest(c.closes_at, x.closes_at)) * 1000)::bigint
  FROM record.latest l
  JOIN roster.student s ON s.student_id = l.student_id
  JOIN campaign.campaign c ON c.campaign_id = l.campaign_id
  LEFT JOIN record.judgement n ON n.student_id = l.student_id
        AND n.campaign_id = l.campaign_id AND n.revision = l.revision
  LEFT JOIN review.progress p ON p.student_id = l.student_id AND p.campaign_id = l.campaign_id
  LEFT JOIN LATERAL (
       SELECT max(e.closes_at) AS closes_at
         FROM (SELECT p.campaign_id, p.closes_at FROM campaign.extension p
                WHERE p.scope = 'person' AND p.student_id = s.student_id
                UNION ALL
               SELECT c.campaign_id, c.closes_at FROM campaign.extension c
                WHERE c.scope = 'college' AND c.school_code = s.yxdm AND c.college = s.szyx) e
        WHERE e.campaign_id = l.campaign_id) x ON true
 WHERE l.student_id = $1::uuid
 ORDER BY c.edition DESC, c.closes_at DESC
 LIMIT 1
