-- The spine: one schema per owner. A table is written by its owner only; what others may read is
-- granted column by column at the end. Values ending in _sealed are authenticated ciphertext,
-- values ending in _index are keyed hashes for equality search (see common/io/keyring.h).

CREATE SCHEMA auth;
CREATE SCHEMA identity;
CREATE SCHEMA roster;
CREATE SCHEMA campaign;
CREATE SCHEMA intake;
CREATE SCHEMA record;

-- authorization ------------------------------------------------------------------------------
CREATE TABLE auth.account (
    account_id    text PRIMARY KEY,                 -- keyed hash of channel and openid
    channel       text NOT NULL CHECK (channel IN ('mini_program', 'h5')),
    openid_sealed text NOT NULL,
    first_seen    timestamptz NOT NULL DEFAULT now(),
    last_seen     timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE auth.consent (
    consent_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id  text NOT NULL REFERENCES auth.account,
    purpose     text NOT NULL,                      -- login, face, phone, reporting
    version     text NOT NULL,
    given_at    timestamptz NOT NULL DEFAULT now(),
    traceparent text,
    UNIQUE (account_id, purpose, version)
);
-- What identity.changed said last about an account, for new sessions.
CREATE TABLE auth.identity (
    account_id      text PRIMARY KEY,
    sequence        bigint NOT NULL,                -- of the outbox row: older news is ignored
    document_index  text,                           -- passed the face check
    student_id      uuid,
    school_code     text,
    phone_index     text,
    phone_sealed    text,
    card_sealed     text,
    changed_at      timestamptz NOT NULL DEFAULT now()
);

-- binding ------------------------------------------------------------------------------------
CREATE TABLE identity.verification (
    verification_id       uuid PRIMARY KEY,
    account_id            text NOT NULL,
    out_seq_no            text NOT NULL UNIQUE,
    verify_id             text NOT NULL,
    document_index        text NOT NULL,
    name_sealed           text NOT NULL,
    id_number_sealed      text NOT NULL,
    state                 text NOT NULL CHECK (state IN ('pending', 'passed', 'failed')),
    reason                text,
    created_at            timestamptz NOT NULL DEFAULT now(),
    expires_at            timestamptz NOT NULL,
    completed_at          timestamptz
);
CREATE INDEX verification_account ON identity.verification (account_id, created_at DESC);
CREATE TABLE identity.consent (
    consent_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id  text NOT NULL,
    purpose     text NOT NULL,
    version     text NOT NULL,
    given_at    timestamptz NOT NULL DEFAULT now(),
    traceparent text
);
CREATE TABLE identity.binding (
    student_id     uuid PRIMARY KEY,
    account_id     text NOT NULL UNIQUE,
    bound_by       text NOT NULL CHECK (bound_by IN ('name', 'student_number')),
    document_index text NOT NULL,
    name_differs   boolean NOT NULL DEFAULT false,  -- noted for the school
    phone_index    text NOT NULL,
    phone_sealed   text NOT NULL,
    bound_at       timestamptz NOT NULL DEFAULT now(),
    changed_at     timestamptz NOT NULL DEFAULT now(),
    traceparent    text
);
-- News to be published, written in the transaction that makes them true.
CREATE TABLE identity.outbox (
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
CREATE INDEX outbox_unpublished ON identity.outbox (sequence) WHERE published_at IS NULL;

-- office: roster and campaigns -----------------------------------------------------------------
CREATE TABLE roster.student (
    student_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    yxdm           text NOT NULL,
    yxmc           text NOT NULL,
    fxmc           text,
    xm             text NOT NULL,
    ksh_sealed     text,
    zjlx           text NOT NULL,
    document_index text NOT NULL,                   -- of ZJLX and SFZH
    sfzh_sealed    text NOT NULL,
    sfzh_masked    text NOT NULL,
    xbdm           text,
    csrq           text,
    mzdm           text,
    xldm           text,
    zydm           text,
    zymc           text,
    zyfx           text,
    pyfsdm         text,
    xz             text,
    rxsj           text,
    bysj           text,
    szyx           text,
    szbj           text,
    xh             text NOT NULL,
    content_index  text NOT NULL,                   -- keyed hash of all columns: tells "unchanged"
    version        integer NOT NULL DEFAULT 1,
    changed_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (yxdm, document_index)
);
CREATE INDEX student_number ON roster.student (yxdm, xh);
CREATE INDEX student_document ON roster.student (document_index);
-- What a row said before it was changed by a later import.
CREATE TABLE roster.student_version (
    student_id  uuid NOT NULL,
    version     integer NOT NULL,
    old_row     jsonb NOT NULL,
    replaced_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (student_id, version)
);
CREATE TABLE campaign.campaign (
    campaign_id       text PRIMARY KEY,
    school_code       text NOT NULL,                -- '*': every school without its own
    name              text NOT NULL,
    edition           text NOT NULL,                -- 届
    opens_at          timestamptz NOT NULL,
    closes_at         timestamptz NOT NULL,
    graduation_months text[] NOT NULL,              -- allowed BYSJ, YYYYMM
    required_fields   text[] NOT NULL DEFAULT '{}', -- beyond what the field table requires
    fixed_values      jsonb NOT NULL DEFAULT '{}',  -- field name to code
    version           integer NOT NULL DEFAULT 1,
    CHECK (opens_at < closes_at)
);
CREATE UNIQUE INDEX campaign_school ON campaign.campaign (school_code, edition);

-- intake ---------------------------------------------------------------------------------------
CREATE TABLE intake.draft (
    student_id    uuid NOT NULL,
    campaign_id   text NOT NULL,
    version       integer NOT NULL,
    fields_sealed text NOT NULL,
    changed_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (student_id, campaign_id)
);

-- validation -----------------------------------------------------------------------------------
-- One row per judgement, never changed: the history. The student's own fields are kept as judged,
-- the sealed ones as they were sealed before Kafka; what the roster owns is (student_id,
-- roster_version).
CREATE TABLE record.judgement (
    submission_id    uuid PRIMARY KEY,
    student_id       uuid NOT NULL,
    campaign_id      text NOT NULL,
    revision         integer NOT NULL CHECK (revision > 0),
    outcome          text NOT NULL CHECK (outcome IN ('accepted', 'rejected')),
    idempotency_key  text NOT NULL,
    body_index       text NOT NULL,                 -- keyed hash of the fields as sent
    received_at      timestamptz NOT NULL,
    judged_at        timestamptz NOT NULL DEFAULT now(),
    roster_version   integer NOT NULL,
    campaign_version integer NOT NULL,
    findings         jsonb,
    traceparent      text,
    origin_partition integer NOT NULL,
    origin_offset    bigint NOT NULL,
    zzmmdm text, dxhwpdw text, syszddm text, cxsy text, sfslbdm text, knslbdm text, rxqdaszdw text,
    dasfzrxx text, rxqhkszdpcs text, hksfzrxx text, sjhm text, dzyx text, qqhm text, jtdz text,
    jtdh text, jtyb text, jtlxr text, yhkszddm text,
    UNIQUE (student_id, campaign_id, revision)
);
-- One row per student and campaign: how many judgements there were, and which one is the record.
CREATE TABLE record.latest (
    student_id             uuid NOT NULL,
    campaign_id            text NOT NULL,
    revision               integer NOT NULL,        -- of the newest judgement
    accepted_submission_id uuid,                    -- the record
    accepted_revision      integer,
    PRIMARY KEY (student_id, campaign_id)
);
CREATE VIEW record.submission AS
    SELECT submission_id, student_id, idempotency_key, revision, outcome, received_at, judged_at
      FROM record.judgement;

-- rights ---------------------------------------------------------------------------------------
GRANT USAGE ON SCHEMA auth TO sy_authorization;
GRANT SELECT, INSERT, UPDATE ON auth.account, auth.identity TO sy_authorization;
GRANT SELECT, INSERT ON auth.consent TO sy_authorization;

GRANT USAGE ON SCHEMA identity, roster TO sy_binding;
GRANT SELECT, INSERT, UPDATE ON identity.verification, identity.binding, identity.outbox
   TO sy_binding;
GRANT DELETE ON identity.outbox TO sy_binding;
GRANT SELECT, INSERT ON identity.consent TO sy_binding;
GRANT SELECT (student_id, yxdm, yxmc, xm, xh, zjlx, document_index, sfzh_masked)
   ON roster.student TO sy_binding;

GRANT USAGE ON SCHEMA intake, roster, campaign, record TO sy_intake;
GRANT SELECT, INSERT, UPDATE ON intake.draft TO sy_intake;
GRANT SELECT ON roster.student, campaign.campaign, record.judgement, record.latest TO sy_intake;

GRANT USAGE ON SCHEMA record, roster, campaign, identity TO sy_validation;
GRANT SELECT, INSERT ON record.judgement TO sy_validation;
GRANT SELECT, INSERT, UPDATE ON record.latest TO sy_validation;
GRANT SELECT ON roster.student, campaign.campaign TO sy_validation;
GRANT SELECT (student_id, phone_index, phone_sealed) ON identity.binding TO sy_validation;

GRANT USAGE ON SCHEMA roster, campaign TO sy_office;
GRANT SELECT, INSERT, UPDATE ON roster.student, campaign.campaign TO sy_office;
GRANT SELECT, INSERT ON roster.student_version TO sy_office;

GRANT USAGE ON SCHEMA record TO sy_reader;
GRANT SELECT ON record.submission TO sy_reader;

GRANT USAGE ON SCHEMA record, roster, campaign, identity, intake TO sy_monitor;
GRANT SELECT ON record.judgement, record.latest, record.submission, campaign.campaign TO sy_monitor;
GRANT SELECT (student_id, yxdm, yxmc, xm, xh, zydm, zymc, szyx, szbj, xldm, xz, pyfsdm, bysj, rxsj,
              sfzh_masked, version, changed_at) ON roster.student TO sy_monitor;
GRANT SELECT (student_id, bound_by, bound_at, changed_at) ON identity.binding TO sy_monitor;
GRANT SELECT (sequence, topic, event_type, created_at, published_at) ON identity.outbox
   TO sy_monitor;
GRANT SELECT (student_id, campaign_id, version, changed_at) ON intake.draft TO sy_monitor;
