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
), old AS (
    SELECT s.*
      FROM roster.student s JOIN given g USING (yxdm, document_index)
     WHERE s.content_index <> g.content_index
), kept AS (
    INSERT INTO roster.student_version (student_id, version, old_row)
    SELECT student_id, version, to_jsonb(old) FROM old
), put AS (
    INSERT INTO roster.student AS s
           (yxdm, yxmc, fxmc, xm, ksh_sealed, zjlx, sfzh_sealed, xbdm, csrq, mzdm, xldm, zydm, zymc,
            zyfx, pyfsdm, xz, rxsj, bysj, szyx, szbj, xh, document_index, sfzh_masked, content_index)
    SELECT * FROM given
        ON CONFLICT (yxdm, document_index) DO UPDATE
       SET (yxmc, fxmc, xm, ksh_sealed, xbdm, csrq, mzdm, xldm, zydm, zymc, zyfx, pyfsdm, xz, rxsj,
            bysj, szyx, szbj, xh, content_index, version, changed_at)
         = (EXCLUDED.yxmc, EXCLUDED.fxmc, EXCLUDED.xm, EXCLUDED.ksh_sealed, EXCLUDED.xbdm,
            EXCLUDED.csrq, EXCLUDED.mzdm, EXCLUDED.xldm, EXCLUDED.zydm, EXCLUDED.zymc,
            EXCLUDED.zyfx, EXCLUDED.pyfsdm, EXCLUDED.xz, EXCLUDED.rxsj, EXCLUDED.bysj,
            EXCLUDED.szyx, EXCLUDED.szbj, EXCLUDED.xh, EXCLUDED.content_index, s.version + 1, now())
     WHERE s.content_index <> EXCLUDED.content_index
    RETURNING version
)
SELECT count(*) FILTER (WHERE version = 1), count(*) FILTER (WHERE version > 1) FROM put
