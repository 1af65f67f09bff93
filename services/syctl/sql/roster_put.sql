-- Rows of a school roll: new ones are added, changed ones replace theirs and leave the old row in
-- roster.student_version. Rows of one statement have different documents, and no other import runs
-- (the caller sees to both).
WITH given AS (
    SELECT *
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                  $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
                  $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[],
                  $20::text[], $21::text[], $22::text[], $23::text[], $24::text[])
           AS g (yxdm, yxmc, fxmc, xm, ksh_sealed, zjlx, sfzh_sealed, xbdm, csrq, mzdm, xldm, zydm,
                 zymc, zyfx, pyfsdm, xz, rxsj, bysj, szyx, szbj, xh, document_index, sfzh_masked,
                 content_index)
), met AS MATERIALIZED (
    SELECT g.*, s.student_id, s.content_index IS DISTINCT FROM g.content_index AS differs
      FROM given g LEFT JOIN roster.student s USING (document_index, yxdm)
), kept AS (
    INSERT INTO roster.student_version (student_id, version, old_row)
    SELECT s.student_id, s.version, to_jsonb(s)
      FROM met JOIN roster.student s USING (student_id) WHERE met.differs
), changed AS (
    UPDATE roster.student s
       SET (yxmc, fxmc, xm, ksh_sealed, xbdm, csrq, mzdm, xldm, zydm, zymc, zyfx, pyfsdm, xz, rxsj,
            bysj, szyx, szbj, xh, content_index, version, changed_at)
         = (met.yxmc, met.fxmc, met.xm, met.ksh_sealed, met.xbdm, met.csrq, met.mzdm, met.xldm,
            met.zydm, met.zymc, met.zyfx, met.pyfsdm, met.xz, met.rxsj, met.bysj, met.szyx,
            met.szbj, met.xh, met.content_index, s.version + 1, now())
      FROM met WHERE s.student_id = met.student_id AND met.differs
    RETURNING 1
), added AS (
    INSERT INTO roster.student
           (yxdm, yxmc, fxmc, xm, ksh_sealed, zjlx, sfzh_sealed, xbdm, csrq, mzdm, xldm, zydm, zymc,
            zyfx, pyfsdm, xz, rxsj, bysj, szyx, szbj, xh, document_index, sfzh_masked, content_index)
    SELECT yxdm, yxmc, fxmc, xm, ksh_sealed, zjlx, sfzh_sealed, xbdm, csrq, mzdm, xldm, zydm, zymc,
           zyfx, pyfsdm, xz, rxsj, bysj, szyx, szbj, xh, document_index, sfzh_masked, content_index
      FROM met WHERE student_id IS NULL
    RETURNING 1
)
SELECT (SELECT count(*) FROM added), (SELECT count(*) FROM changed)
