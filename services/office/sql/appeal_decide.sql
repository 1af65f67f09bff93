-- The first decision of an application that is still open, its news and its row of the audit, in one step; no row when
-- somebody was quicker or it is not open any more.
WITH made AS (
    INSERT INTO review.appeal_decision (appeal_id, decision, reason_sealed, decided_by, by_level,
                                        session_id, traceparent)
    SELECT a.appeal_id, $2, $3, $4, $5, $6, $7
      FROM identity.appeal a
     WHERE a.appeal_id = $1::uuid AND a.state = 'filed'
        ON CONFLICT (appeal_id) DO NOTHING
    RETURNING appeal_id
), news AS (
    INSERT INTO review.outbox (topic, message_key, event_id, event_type, value, traceparent)
    SELECT $8, $9, $10::uuid, $11, $12, $7 FROM made
), told AS (
    SELECT appeal_id, audit.append($4, 'appeal.' || $2, appeal_id::text,
                                   jsonb_build_object('by_level', $5, 'session_id', $6)::text, $7)
                      AS place
      FROM made
)
SELECT appeal_id FROM told WHERE place > 0
