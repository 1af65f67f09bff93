-- What schools and colleges decide on applications: one decision each, applied by binding (appeal.decided).
CREATE TABLE review.appeal_decision (
    appeal_id     uuid PRIMARY KEY,
    decision      text NOT NULL CHECK (decision IN ('accepted', 'refused')),
    reason_sealed text,                         -- for the student, context appeal-reason/<appeal_id>
    decided_at    timestamptz NOT NULL DEFAULT now(),
    decided_by    text NOT NULL,
    by_level      text NOT NULL CHECK (by_level IN ('counsellor', 'college', 'school', 'province')),
    session_id    text NOT NULL,
    traceparent   text
);
INSERT INTO seal.place VALUES
('review.appeal_decision',
 $$jsonb_build_object('reason_sealed', t.reason_sealed)$$,
 $$jsonb_build_object('reason_sealed', 'appeal-reason/' || t.appeal_id)$$,
 $$reason_sealed = n.fresh->>'reason_sealed'$$);
GRANT SELECT, INSERT ON review.appeal_decision TO sy_office;
GRANT SELECT (appeal_id, decision, decided_at, by_level) ON review.appeal_decision TO sy_monitor;
