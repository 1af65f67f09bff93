-- The newest revision of each student of the batch, and the accepted one that is the record.
INSERT INTO record.latest AS l (student_id, campaign_id, revision, accepted_submission_id,
                                accepted_revision)
SELECT r.student_id, r.campaign_id, r.revision, r.accepted_submission_id, r.accepted_revision
  FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::uuid[], $5::integer[])
       AS r (student_id, campaign_id, revision, accepted_submission_id, accepted_revision)
    ON CONFLICT (student_id, campaign_id) DO UPDATE
   SET revision = excluded.revision,
       accepted_submission_id = coalesce(excluded.accepted_submission_id, l.accepted_submission_id),
       accepted_revision = coalesce(excluded.accepted_revision, l.accepted_revision)
