-- A campaign is 届 × province × school × level, says how severe a rule is and which fields it does not
-- ask for, and every edition of it is kept, so that a judgement's campaign_version can be read later.
ALTER TABLE campaign.campaign
    ADD province        text  NOT NULL DEFAULT '*' CHECK (province ~ '^([*]|[1-8][0-9])$'),
    ADD level           text  NOT NULL DEFAULT '*'
                        CHECK (level IN ('*', 'postgraduate', 'undergraduate', 'college')),
    ADD optional_fields text[] NOT NULL DEFAULT '{}', -- that the field table requires and this one does not
    ADD rule_severities jsonb NOT NULL DEFAULT '{}'   -- rule to reject, warn, note or off, where it is adjustable
                        CHECK (NOT jsonb_path_exists(rule_severities,
                               '$.* ? (@ != "reject" && @ != "warn" && @ != "note" && @ != "off")'));
DROP INDEX campaign.campaign_school;
CREATE UNIQUE INDEX campaign_school ON campaign.campaign (school_code, province, level, edition);

-- Which province a school is in, for a province's campaigns. The seed is a handful; the ministry's
-- list is imported.
CREATE TABLE campaign.school (
    school_code text PRIMARY KEY CHECK (school_code ~ '^[0-9]{5}$'),
    name        text NOT NULL,
    province    text NOT NULL CHECK (province ~ '^[1-8][0-9]$'),
    level       text NOT NULL DEFAULT '*'
);
INSERT INTO campaign.school (school_code, name, province, level) VALUES
    ('10558', '中山大学', '44', 'undergraduate'),
    ('10559', '暨南大学', '44', 'undergraduate'),
    ('10561', '华南理工大学', '44', 'undergraduate'),
    ('10564', '华南农业大学', '44', 'undergraduate'),
    ('10574', '华南师范大学', '44', 'undergraduate'),
    ('10590', '深圳大学', '44', 'undergraduate'),
    ('11078', '广州大学', '44', 'undergraduate'),
    ('11845', '广东工业大学', '44', 'undergraduate'),
    ('99901', '生源示范大学', '44', 'undergraduate');

CREATE TABLE campaign.campaign_version (
    campaign_id text NOT NULL,
    version     integer NOT NULL,
    old_row     jsonb NOT NULL,
    replaced_at timestamptz NOT NULL DEFAULT now(),
    replaced_by text NOT NULL DEFAULT session_user,
    PRIMARY KEY (campaign_id, version)
);
-- Whoever changes a campaign makes a new version of it, and cannot forget to; a name that is used again
-- goes on counting.
CREATE FUNCTION campaign.keep_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.version := coalesce((SELECT max(v.version) + 1 FROM campaign.campaign_version v
                                  WHERE v.campaign_id = NEW.campaign_id), NEW.version);
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        NEW.version := OLD.version;
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
        NEW.version := OLD.version + 1;
    END IF;
    INSERT INTO campaign.campaign_version (campaign_id, version, old_row)
    VALUES (OLD.campaign_id, OLD.version, to_jsonb(OLD));
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION campaign.keep_version() FROM PUBLIC;
CREATE TRIGGER keep_version BEFORE INSERT OR UPDATE OR DELETE ON campaign.campaign
    FOR EACH ROW EXECUTE FUNCTION campaign.keep_version();

-- The compiled rules a judgement was made by, and what they were: written once by the first process
-- that has them.
CREATE TABLE record.rules_edition (
    edition    text PRIMARY KEY,
    first_used timestamptz NOT NULL DEFAULT now(),
    build      text NOT NULL,
    rules      jsonb NOT NULL
);
ALTER TABLE record.judgement ADD rules_edition text;

GRANT SELECT ON campaign.school TO sy_intake, sy_validation, sy_monitor;
GRANT SELECT, INSERT, UPDATE ON campaign.school TO sy_office;
GRANT SELECT ON campaign.campaign_version TO sy_office, sy_monitor;
GRANT SELECT, INSERT ON record.rules_edition TO sy_validation;
GRANT SELECT ON record.rules_edition TO sy_monitor;
