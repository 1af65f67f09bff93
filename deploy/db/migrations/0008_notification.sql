-- The service notification: what is to be told, to whom it was told, what they agreed to. Run
-- deploy/db/roles.sql before this (sy_notification).

CREATE SCHEMA notification;
-- One row a notice, made once for a transition. Whom it is about is said by ids; the openid and the
-- phone are asked for when it is sent.
CREATE TABLE notification.notice (
    notice_id      uuid PRIMARY KEY,
    recipient      text NOT NULL,                   -- student id, or account id for what an account asked for
    kind           text NOT NULL,
    transition     text NOT NULL,                   -- submission, decision, or campaign and days: once each
    template       text NOT NULL,
    student_id     uuid,
    account_id     text,
    campaign_id    text,
    details_sealed text,                            -- what the event said (staff write freely); gone when sent
    urgent         boolean NOT NULL DEFAULT false,  -- also in quiet hours
    state          text NOT NULL DEFAULT 'waiting'
                   CHECK (state IN ('waiting', 'sending', 'sent', 'failed', 'undeliverable', 'unknown', 'skipped')),
    channel        text CHECK (channel IN ('wechat', 'sms')),
    tries          integer NOT NULL DEFAULT 0,
    outcome        text,                            -- a word: why it waits, or how it ended
    due_at         timestamptz NOT NULL,
    deadline_at    timestamptz NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    claimed_at     timestamptz,
    ended_at       timestamptz,
    traceparent    text,
    UNIQUE (recipient, kind, transition)
);
CREATE INDEX notice_due ON notification.notice (due_at) WHERE state = 'waiting';
CREATE INDEX notice_sending ON notification.notice (claimed_at) WHERE state = 'sending';
CREATE INDEX notice_not_sent ON notification.notice (ended_at) WHERE state IN ('failed', 'undeliverable', 'unknown');
-- How many messages of a template an account has agreed to and not had yet.
CREATE TABLE notification.consent (
    account_id text NOT NULL,
    template   text NOT NULL,
    remaining  integer NOT NULL CHECK (remaining >= 0),
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, template)
);
-- What of a day's budget was used: of a channel, of a number (its keyed hash), of a recipient.
CREATE TABLE notification.budget (
    day   date NOT NULL,
    scope text NOT NULL,
    used  bigint NOT NULL,
    PRIMARY KEY (day, scope)
);

INSERT INTO seal.place VALUES
('notification.notice',
 $$jsonb_build_object('details_sealed', t.details_sealed)$$,
 $$jsonb_build_object('details_sealed', 'notice/' || t.notice_id)$$,
 $$details_sealed = n.fresh->>'details_sealed'$$);

GRANT USAGE ON SCHEMA notification, auth, identity, roster, campaign, record TO sy_notification;
GRANT SELECT, INSERT, UPDATE ON notification.notice, notification.consent, notification.budget TO sy_notification;
GRANT DELETE ON notification.budget TO sy_notification;
GRANT SELECT (account_id, channel, openid_sealed) ON auth.account TO sy_notification;
GRANT SELECT (student_id, account_id, phone_index, phone_sealed) ON identity.binding TO sy_notification;
GRANT SELECT (student_id, yxdm) ON roster.student TO sy_notification;
GRANT SELECT ON campaign.campaign TO sy_notification;
GRANT SELECT (student_id, campaign_id, accepted_submission_id) ON record.latest TO sy_notification;

GRANT USAGE ON SCHEMA notification TO sy_monitor;
GRANT SELECT (notice_id, recipient, kind, transition, template, student_id, campaign_id, urgent, state, channel, tries,
              outcome, due_at, deadline_at, created_at, claimed_at, ended_at) ON notification.notice TO sy_monitor;
