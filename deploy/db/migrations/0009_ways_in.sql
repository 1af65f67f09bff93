-- Ways into the school roll beside the face check: applications with evidence, the school's confirmation, unbinding,
-- consents that can be withdrawn, and what is held about a person. All of it is binding's; office reads applications
-- and answers them on a topic.

CREATE TABLE identity.appeal (
    appeal_id      uuid PRIMARY KEY,
    account_id     text NOT NULL,
    student_id     uuid,                            -- whom it is about as far as the roll knows; not told to who files
    school_code    text NOT NULL,                   -- who decides
    kind           text NOT NULL CHECK (kind IN ('roster_mismatch', 'major_missing', 'field_correction', 'unbind',
                                                 'lost_account', 'erasure', 'identity_confirmation')),
    subject        text NOT NULL DEFAULT '',        -- of several of a kind: the field
    claims_sealed  text NOT NULL,                   -- JSON, context appeal/<appeal id>/claims
    message_sealed text NOT NULL,                   -- context appeal/<appeal id>/message
    state          text NOT NULL DEFAULT 'filed' CHECK (state IN ('filed', 'accepted', 'refused', 'cancelled')),
    created_at     timestamptz NOT NULL DEFAULT now(),
    decided_at     timestamptz,
    reason_sealed  text,                            -- as told to the student, context appeal/<appeal id>/reason
    outcome        text,                            -- what became of it where it was accepted: bound, unbound, …
    sequence       bigint,                          -- of the news that told it
    history        jsonb NOT NULL DEFAULT '[]',     -- [{at, from, to, by}], by: student or school
    traceparent    text
);
CREATE INDEX appeal_account ON identity.appeal (account_id, created_at DESC);
CREATE INDEX appeal_school ON identity.appeal (school_code, state, created_at);
-- One open application of an account for each thing there is to ask.
CREATE UNIQUE INDEX appeal_open ON identity.appeal (account_id, kind, subject) WHERE state = 'filed';

-- An image under a key of its own; that key is what is sealed (common/io/blob.h), so that exchanging keys leaves
-- images alone.
CREATE TABLE identity.evidence (
    evidence_id   uuid PRIMARY KEY,
    appeal_id     uuid NOT NULL REFERENCES identity.appeal,
    media_type    text NOT NULL CHECK (media_type = 'image/jpeg'),
    bytes         integer NOT NULL,                 -- of the image
    content_index text NOT NULL,                    -- keyed hash of what was sent: the same again is the same
    key_sealed    text NOT NULL,                    -- context evidence/<evidence id>
    content       bytea NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (appeal_id, content_index)
);
ALTER TABLE identity.evidence ALTER COLUMN content SET STORAGE EXTERNAL; -- does not compress
-- What a binding needs that waits for the school's confirmation.
CREATE TABLE identity.confirmation (
    appeal_id      uuid PRIMARY KEY REFERENCES identity.appeal,
    bound_by       text NOT NULL CHECK (bound_by IN ('name', 'student_number')),
    document_index text NOT NULL,
    phone_index    text NOT NULL,
    phone_sealed   text NOT NULL,                   -- context phone/<phone index>
    created_at     timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE identity.binding ADD COLUMN appeal_id uuid; -- of the confirmation it came from
-- A student who was freed for one account: no other may bind before it has.
CREATE TABLE identity.reserved (
    student_id uuid PRIMARY KEY,
    account_id text NOT NULL,
    appeal_id  uuid NOT NULL REFERENCES identity.appeal,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- What an account has to know and did not do itself.
CREATE TABLE identity.notice (
    notice_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('release_asked', 'unbound', 'bound')),
    appeal_id  uuid NOT NULL REFERENCES identity.appeal,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, kind, appeal_id)
);

-- Consents are a ledger: the newest row of a purpose counts. Log-in's are authorization's own.
ALTER TABLE identity.consent ADD COLUMN withdrawn boolean NOT NULL DEFAULT false;
CREATE INDEX consent_account ON identity.consent (account_id, purpose, consent_id DESC);
ALTER TABLE auth.consent ADD COLUMN given_again_at timestamptz; -- at the last log-in

-- What is held about an account and its student: a row a table, with which of its rows are theirs ($1 account id,
-- $2 student id or NULL) and which columns are left out. Sealed values come with their contexts (seal.place).
CREATE TABLE identity.held_place (
    relation text PRIMARY KEY,
    theirs   text NOT NULL,
    without  text[] NOT NULL DEFAULT '{}'
);
INSERT INTO identity.held_place VALUES
('auth.account', 't.account_id = $1', '{}'),
('auth.consent', 't.account_id = $1', '{}'),
('identity.verification', 't.account_id = $1', '{}'),
('identity.consent', 't.account_id = $1', '{}'),
('identity.binding', 't.account_id = $1', '{}'),
('identity.appeal', 't.account_id = $1', '{student_id,sequence}'),
('identity.evidence', 't.appeal_id IN (SELECT a.appeal_id FROM identity.appeal a WHERE a.account_id = $1)', '{content,key_sealed}'),
('identity.notice', 't.account_id = $1', '{}'),
('roster.student', 't.student_id = $2', '{}'),
('intake.draft', 't.student_id = $2', '{}'),
('record.judgement', 't.student_id = $2', '{origin_partition,origin_offset}');
CREATE FUNCTION identity.held(of_account text, of_student uuid)
    RETURNS TABLE (relation text, held jsonb, sealed jsonb, contexts jsonb)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    h identity.held_place;
    p seal.place;
BEGIN
    FOR h IN SELECT * FROM identity.held_place ORDER BY 1 LOOP
        SELECT * INTO p FROM seal.place s WHERE s.relation = h.relation;
        RETURN QUERY EXECUTE format(
            'SELECT %L::text, (SELECT coalesce(jsonb_object_agg(c.key, c.value), ''{}'')
                                 FROM jsonb_each(to_jsonb(t) - $3) c
                                WHERE c.key !~ ''(_sealed|_index)$'' AND c.key <> ''traceparent''
                                  AND c.value <> ''null''
                                  AND NOT seal.is_sealed(coalesce(c.value #>> ''{}'', ''''))),
                    jsonb_strip_nulls(%s) - $3, %s
               FROM %s t WHERE %s LIMIT 1000',
            h.relation, coalesce(p.holds, '''{}''::jsonb'), coalesce(p.contexts, '''{}''::jsonb'), h.relation, h.theirs)
            USING of_account, of_student, h.without;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION identity.held(text, uuid) FROM PUBLIC;

INSERT INTO seal.place VALUES
('identity.appeal',
 $$jsonb_build_object('claims_sealed', t.claims_sealed, 'message_sealed', t.message_sealed,
                      'reason_sealed', t.reason_sealed)$$,
 $$jsonb_build_object('claims_sealed', 'appeal/' || t.appeal_id || '/claims',
                      'message_sealed', 'appeal/' || t.appeal_id || '/message',
                      'reason_sealed', 'appeal/' || t.appeal_id || '/reason')$$,
 $$claims_sealed = coalesce(n.fresh->>'claims_sealed', t.claims_sealed),
   message_sealed = coalesce(n.fresh->>'message_sealed', t.message_sealed),
   reason_sealed = coalesce(n.fresh->>'reason_sealed', t.reason_sealed)$$),
('identity.evidence',
 $$jsonb_build_object('key_sealed', t.key_sealed)$$,
 $$jsonb_build_object('key_sealed', 'evidence/' || t.evidence_id)$$,
 $$key_sealed = n.fresh->>'key_sealed'$$),
('identity.confirmation',
 $$jsonb_build_object('phone_sealed', t.phone_sealed)$$,
 $$jsonb_build_object('phone_sealed', 'phone/' || t.phone_index)$$,
 $$phone_sealed = n.fresh->>'phone_sealed'$$);

-- rights ---------------------------------------------------------------------------------------
GRANT SELECT, INSERT, UPDATE ON identity.appeal TO sy_binding;
GRANT SELECT, INSERT, DELETE ON identity.evidence, identity.confirmation TO sy_binding;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.reserved TO sy_binding;
GRANT SELECT, INSERT ON identity.notice TO sy_binding;
GRANT DELETE ON identity.binding TO sy_binding;
GRANT EXECUTE ON FUNCTION identity.held(text, uuid) TO sy_binding;
GRANT UPDATE (given_again_at) ON auth.consent TO sy_authorization;
GRANT USAGE ON SCHEMA auth TO sy_binding;
GRANT SELECT (account_id, purpose, version, given_at, given_again_at) ON auth.consent TO sy_binding;
GRANT USAGE ON SCHEMA identity TO sy_office;
GRANT SELECT ON identity.appeal, identity.evidence TO sy_office;
GRANT SELECT (appeal_id, student_id, school_code, kind, state, created_at, decided_at, outcome) ON identity.appeal
   TO sy_monitor;
