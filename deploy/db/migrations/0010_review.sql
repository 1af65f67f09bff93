-- The review of records: what colleges, schools and the province decided, written by office alone, also
-- for the student who takes a submission back. A decision is of one revision; what is seen is computed
-- from record.latest and review.progress (common/schema/transition.h).

CREATE SCHEMA review;
CREATE DOMAIN review.state AS text CHECK (VALUE IN
    ('none', 'submitted', 'withdrawn', 'returned', 'college_approved', 'school_approved', 'reported'));

-- The newest decision of a student and campaign.
CREATE TABLE review.progress (
    student_id    uuid NOT NULL,
    campaign_id   text NOT NULL,
    submission_id uuid NOT NULL,                -- the revision that was decided on
    revision      integer NOT NULL,
    state         review.state NOT NULL,
    version       integer NOT NULL,             -- counts decisions: who saw an older one decides nothing
    reason_code   text,
    reason_sealed text,                         -- what staff wrote, for reason/<student_id>/<submission_id>
    changed_at    timestamptz NOT NULL DEFAULT now(),
    changed_by    text NOT NULL,                -- a staff id; student
    by_level      text NOT NULL CHECK (by_level IN ('student', 'counsellor', 'college', 'school', 'province')),
    PRIMARY KEY (student_id, campaign_id)
);
-- All decisions: who, when, from where, and why. Rows are added, never changed.
CREATE TABLE review.transition (
    student_id    uuid NOT NULL,
    campaign_id   text NOT NULL,
    version       integer NOT NULL,
    submission_id uuid NOT NULL,
    revision      integer NOT NULL,
    action        text NOT NULL,
    from_state    review.state NOT NULL,
    to_state      review.state NOT NULL,
    reason_code   text,
    reason_sealed text,
    changed_at    timestamptz NOT NULL DEFAULT now(),
    changed_by    text NOT NULL,
    by_level      text NOT NULL,
    session_id    text NOT NULL,                -- the session it came by
    traceparent   text,
    PRIMARY KEY (student_id, campaign_id, version)
);
CREATE TABLE review.outbox (
    sequence     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic        text NOT NULL,
    message_key  text NOT NULL,
    event_id     uuid NOT NULL,
    event_type   text NOT NULL,
    value        text NOT NULL,
    traceparent  text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz
);
CREATE INDEX outbox_unpublished ON review.outbox (sequence) WHERE published_at IS NULL;

-- review_visible() of common/schema/transition.c, for lists and counts; a test compares the two.
CREATE FUNCTION review.visible(accepted uuid, decided_on uuid, decided text) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$SELECT CASE WHEN accepted IS NULL THEN 'none'
                     WHEN decided_on IS NULL THEN 'submitted'
                     WHEN decided IN ('school_approved', 'reported') OR accepted = decided_on THEN decided
                     ELSE 'submitted' END$$;

-- Time beyond a campaign's own window, for one person or one college.
CREATE TABLE campaign.extension (
    extension_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id  text NOT NULL REFERENCES campaign.campaign,
    scope        text NOT NULL CHECK (scope IN ('person', 'college')),
    student_id   uuid,
    school_code  text NOT NULL,
    college      text NOT NULL DEFAULT '',
    closes_at    timestamptz NOT NULL,
    reason       text NOT NULL,
    made_by      text NOT NULL,
    made_at      timestamptz NOT NULL DEFAULT now(),
    CHECK ((scope = 'person') = (student_id IS NOT NULL)),
    CHECK (scope = 'person' OR college <> '')
);
CREATE INDEX extension_person ON campaign.extension (student_id) WHERE scope = 'person';
CREATE INDEX extension_college ON campaign.extension (school_code, college) WHERE scope = 'college';

INSERT INTO seal.place VALUES
('review.progress',
 $$jsonb_build_object('reason_sealed', t.reason_sealed)$$,
 $$jsonb_build_object('reason_sealed', 'reason/' || t.student_id || '/' || t.submission_id)$$,
 $$reason_sealed = n.fresh->>'reason_sealed'$$),
('review.transition',
 $$jsonb_build_object('reason_sealed', t.reason_sealed)$$,
 $$jsonb_build_object('reason_sealed', 'reason/' || t.student_id || '/' || t.submission_id)$$,
 $$reason_sealed = n.fresh->>'reason_sealed'$$);

-- rights ---------------------------------------------------------------------------------------
GRANT USAGE ON SCHEMA review, record, identity, intake TO sy_office;
GRANT SELECT, INSERT, UPDATE ON review.progress TO sy_office;
GRANT SELECT, INSERT ON review.transition TO sy_office;
GRANT SELECT, INSERT, UPDATE, DELETE ON review.outbox TO sy_office;
GRANT SELECT, INSERT ON campaign.extension TO sy_office;
GRANT SELECT ON record.judgement, record.latest TO sy_office;
GRANT SELECT (student_id, bound_at) ON identity.binding TO sy_office;
GRANT SELECT (student_id, campaign_id, changed_at) ON intake.draft TO sy_office;

-- A submission of a locked record is rejected; the form says that it is.
GRANT USAGE ON SCHEMA review TO sy_validation, sy_intake, sy_monitor;
GRANT SELECT (student_id, campaign_id, submission_id, state) ON review.progress TO sy_validation, sy_intake;
GRANT SELECT ON campaign.extension TO sy_intake;
GRANT SELECT (student_id, campaign_id, submission_id, revision, state, version, reason_code, changed_at, by_level)
   ON review.progress TO sy_monitor;
GRANT SELECT (student_id, campaign_id, version, submission_id, revision, action, from_state, to_state, reason_code,
              changed_at, by_level) ON review.transition TO sy_monitor;
GRANT SELECT (sequence, topic, event_type, created_at, published_at) ON review.outbox TO sy_monitor;
