-- What the roster says about one student, for the form.
SELECT yxdm, yxmc, fxmc, xm, ksh_sealed, zjlx, document_index, sfzh_masked, xbdm, csrq, mzdm, xldm,
       zydm, zymc, zyfx, pyfsdm, xz, rxsj, bysj, szyx, szbj, xh, version
  FROM roster.student
 WHERE student_id = $1
