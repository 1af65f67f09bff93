-- Staff accounts (authorization logs them in, syctl staff makes them) and the audit of what staff and
-- operators do. Run deploy/db/roles.sql before this: there is a new role, sy_staffing.

CREATE SCHEMA staff;
CREATE TABLE staff.account (
    staff_id            uuid PRIMARY KEY,
    account             text NOT NULL UNIQUE CHECK (account ~ '^[a-z0-9][a-z0-9._-]{2,31}$'),
    name                text NOT NULL CHECK (name <> '' AND name !~ '[[:cntrl:]]'),
    role                text NOT NULL CHECK (role IN ('counsellor', 'college', 'school', 'province')),
    school_code         text NOT NULL DEFAULT '' CHECK (school_code !~ '[[:cntrl:]]'),
    college             text NOT NULL DEFAULT '' CHECK (college !~ '[[:cntrl:]]'), -- SZYX
    password_sealed     text NOT NULL,             -- a verifier (io/password.h), for staff-password/<staff_id>
    totp_sealed         text NOT NULL,             -- the one-time codes' secret, for staff-totp/<staff_id>
    totp_step           bigint NOT NULL DEFAULT 0, -- of the newest code that was used: none is used twice
    state               text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    failed_count        integer NOT NULL DEFAULT 0, -- since the last log-in
    failed_at           timestamptz,
    logged_in_at        timestamptz,
    password_changed_at timestamptz NOT NULL DEFAULT now(),
    created_at          timestamptz NOT NULL DEFAULT now(),
    CHECK ((role = 'province') = (school_code = '')),
    CHECK ((role IN ('counsellor', 'college')) = (college <> ''))
);

-- What happened, for good: each row holds the hash of the one before it in its chain, a chain for each role
-- that writes, so that services do not wait for each other. Only audit.append writes, and nobody changes.
CREATE SCHEMA audit;
CREATE TABLE audit.event (
    chain         text NOT NULL,        -- the role of PostgreSQL that wrote it
    sequence      bigint NOT NULL,      -- from 1 without gaps
    occurred_at   timestamptz NOT NULL,
    actor         text NOT NULL,        -- a staff id, operator, or empty: nobody known
    action        text NOT NULL,        -- staff.login
    subject       text NOT NULL,        -- what it was done to
    detail        text NOT NULL,        -- a JSON object, without personal values
    traceparent   text,
    previous_hash text NOT NULL,        -- empty: the first
    hash          text NOT NULL,        -- audit.text() of the row
    PRIMARY KEY (chain, sequence)
);

-- One text for each row, whatever is in it. (jsonb_build_array quotes: no value can look like two.)
CREATE FUNCTION audit.text(e audit.event) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS $$SELECT jsonb_build_array(e.chain, e.sequence, (extract(epoch FROM e.occurred_at) * 1000000)::bigint, e.actor,
                                  e.action, e.subject, e.detail, e.traceparent, e.previous_hash)::text$$;

CREATE FUNCTION audit.append(of_actor text, of_action text, of_subject text, of_detail text, of_traceparent text)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    e audit.event;
    last audit.event;
BEGIN
    PERFORM of_detail::jsonb;
    -- Until the transaction ends: rows of one chain come one after the other.
    PERFORM pg_advisory_xact_lock(hashtextextended(session_user::text, 7310578114));
    SELECT * INTO last FROM audit.event WHERE chain = session_user ORDER BY sequence DESC LIMIT 1;
    e := ROW(session_user, coalesce(last.sequence, 0) + 1, clock_timestamp(), coalesce(of_actor, ''), of_action,
             coalesce(of_subject, ''), of_detail, of_traceparent, coalesce(last.hash, ''), '');
    e.hash := encode(sha256(convert_to(audit.text(e), 'UTF8')), 'hex');
    INSERT INTO audit.event SELECT (e).*;
    RETURN e.sequence;
END $$;

CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'the audit is not changed';
END $$;
CREATE TRIGGER event_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.event
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();

INSERT INTO seal.place VALUES
('staff.account',
 $$jsonb_build_object('password_sealed', t.password_sealed, 'totp_sealed', t.totp_sealed)$$,
 $$jsonb_build_object('password_sealed', 'staff-password/' || t.staff_id, 'totp_sealed', 'staff-totp/' || t.staff_id)$$,
 $$password_sealed = coalesce(n.fresh->>'password_sealed', t.password_sealed),
   totp_sealed = coalesce(n.fresh->>'totp_sealed', t.totp_sealed)$$);

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA audit FROM PUBLIC;
GRANT USAGE ON SCHEMA audit TO sy_authorization, sy_office, sy_staffing, sy_monitor;
GRANT EXECUTE ON FUNCTION audit.append(text, text, text, text, text) TO sy_authorization, sy_office, sy_staffing;
GRANT EXECUTE ON FUNCTION audit.text(audit.event) TO sy_monitor;
GRANT SELECT ON audit.event TO sy_monitor;

GRANT USAGE ON SCHEMA staff TO sy_authorization, sy_staffing, sy_monitor;
-- Authorization logs in; who there is and what for is the operator's alone.
GRANT SELECT, UPDATE (password_sealed, password_changed_at, totp_step, failed_count, failed_at, logged_in_at)
   ON staff.account TO sy_authorization;
GRANT SELECT, INSERT, UPDATE ON staff.account TO sy_staffing;
GRANT SELECT (staff_id, role, school_code, college, state, failed_count, failed_at, logged_in_at, created_at)
   ON staff.account TO sy_monitor;
