-- One student's record under review: the roster's columns, the revision that is looked at, the
-- newest decision. $2 campaign; scope as in review_facts.sql.
SELECT s.yxdm, s.yxmc, s.fxmc, s.xm, s.ksh_sealed, s.zjlx, s.document_index, s.sfzh_masked, s.xbdm,
       s.csrq, s.mzdm, s.xldm, s.zydm, s.zymc, s.zyfx, s.pyfsdm, s.xz, s.rxsj, s.bysj, s.szyx,
       s.szbj, s.xh,
       l.accepted_submission_id, p.submission_id, p.state, j.submission_id, j.revision,
       (extract(epoch FROM j.judged_at) * 1000)::bigint, coalesce(j.findings::text, '[]'),
       j.fields_sealed, p.reason_code, p.reason_sealed,
       (extract(epoch FROM p.changed_at) * 1000)::bigint, coalesce(p.by_level, ''), p.version,
       j.zzmmdm, j.dxhwpdw, j.syszddm, j.cxsy, j.sfslbdm, j.rxqdaszdw, j.dasfzrxx, j.hksfzrxx,
       j.yhkszddm
  FROM roster.student s
  LEFT JOIN record.latest l ON l.student_id = s.student_id AND l.campaign_id = $2
  LEFT JOIN review.progress p ON p.student_id = s.student_id AND p.campaign_id = $2
  LEFT JOIN record.judgement j
         ON j.submission_id = CASE WHEN p.state IN ('school_approved', 'reported')
                                   THEN p.submission_id ELSE l.accepted_submission_id END
 WHERE s.student_id = $1::uuid AND ($3 = '' OR s.yxdm = $3) AND ($4 = '' OR s.szyx = $4)
