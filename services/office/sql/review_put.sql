-- Decisions, each with its history, its row of the audit and its news, in one step. Who has seen an older decision than the
-- newest writes nothing: the rows returned are those that were written.
WITH wanted AS (
    SELECT w.*
      FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::integer[], $5::text[], $6::text[],
                  $7::text[], $8::integer[], $9::text[], $10::text[], $11::uuid[], $12::text[])
           AS w (student_id, campaign_id, submission_id, revision, action, from_state, to_state,
                 seen, reason_code, reason_sealed, event_id, event)
     ORDER BY w.student_id
), put AS (
    INSERT INTO review.progress AS p (student_id, campaign_id, submission_id, revision, state,
                                      version, reason_code, reason_sealed, changed_at, changed_by,
                                      by_level)
    SELECT student_id, campaign_id, submission_id, revision, to_state, seen + 1, reason_code,
           reason_sealed, now(), $13, $14
      FROM wanted
        ON CONFLICT (student_id, campaign_id) DO UPDATE
       SET submission_id = excluded.submission_id, revision = excluded.revision,
           state = excluded.state, version = excluded.version,
           reason_code = excluded.reason_code, reason_sealed = excluded.reason_sealed,
           changed_at = excluded.changed_at, changed_by = excluded.changed_by,
           by_level = excluded.by_level
     WHERE p.version = excluded.version - 1
    RETURNING p.student_id
), history AS (
    INSERT INTO review.transition (student_id, campaign_id, version, submission_id, revision,
                                   action, from_state, to_state, reason_code, reason_sealed,
                                   changed_by, by_level, session_id, traceparent)
    SELECT student_id, campaign_id, seen + 1, submission_id, revision, action, from_state, to_state,
           reason_code, reason_sealed, $13, $14, $15, $16
      FROM wanted JOIN put USING (student_id)
), news AS (
    INSERT INTO review.outbox (topic, message_key, event_id, event_type, value, traceparent)
    SELECT $17, student_id::text, event_id, $18, event, $16
      FROM wanted JOIN put USING (student_id)
), decided AS (
    -- Sorted, so that all rows are put before the first row of the audit: from there on the audit is
    -- locked until the end, and nobody who holds it may wait for a row of somebody who waits for it.
    SELECT w.* FROM wanted w JOIN put USING (student_id) ORDER BY w.student_id OFFSET 0
), told AS (
    SELECT student_id,
           audit.append($13, 'review.' || action, student_id::text,
                        jsonb_build_object('campaign_id', campaign_id, 'version', seen + 1,
                                           'submission_id', submission_id, 'revision', revision,
                                           'from', from_state, 'to', to_state, 'by_level', $14,
                                           'session_id', $15)::text, $16) AS place
      FROM decided
)
SELECT student_id FROM told WHERE place > 0
