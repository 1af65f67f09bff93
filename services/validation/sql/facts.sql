-- All that is known about a batch, in the order it was asked: the roster row, the verified phone,
-- the student's newest revision, how far its review is, and the judgement of this very submission if it was made before.
SELECT s.version, b.phone_index, b.phone_sealed, l.revision,
       j.revision, j.outcome, coalesce(j.findings::text, '[]'),
       (extract(epoch FROM j.judged_at) * 1000)::bigint, j.origin_partition, j.origin_offset,
       j.body_index, s.document_index, l.accepted_submission_id, p.submission_id, p.state,
       s.yxdm, s.yxmc, s.fxmc, s.xm, s.ksh_sealed, s.zjlx, s.sfzh_sealed, s.xbdm, s.csrq, s.mzdm,
       s.xldm, s.zydm, s.zymc, s.zyfx, s.pyfsdm, s.xz, s.rxsj, s.bysj, s.szyx, s.szbj, s.xh
  FROM unnest($1::uuid[], $2::text[], $3::uuid[]) WITH ORDINALITY
       AS asked (student_id, campaign_id, submission_id, place)
  LEFT JOIN roster.student s ON s.student_id = asked.student_id
  LEFT JOIN identity.binding b ON b.student_id = asked.student_id
  LEFT JOIN record.latest l
         ON l.student_id = asked.student_id AND l.campaign_id = asked.campaign_id
  LEFT JOIN review.progress p
         ON p.student_id = asked.student_id AND p.campaign_id = asked.campaign_id
  LEFT JOIN record.judgement j ON j.submission_id = asked.submission_id
 ORDER BY asked.place
