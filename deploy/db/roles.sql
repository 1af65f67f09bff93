-- Database, roles and their bounds. Run by a superuser before the first migration, and again at any
-- time: it creates what is missing and sets passwords to those given. Rights on tables are in the
-- migrations.
--
--   SY_OWNER_PASSWORD=… SY_INTAKE_PASSWORD=… psql -X -v ON_ERROR_STOP=1 -d postgres -f roles.sql
--
-- A role whose variable is empty keeps the password it has; a new one without a password cannot log
-- in by scram.
\set QUIET on
SET client_min_messages = warning;
-- Passwords must not reach the server's log, whatever it is set to log.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';

CREATE TEMP TABLE wanted_role (name text PRIMARY KEY, connections integer);
INSERT INTO wanted_role VALUES
    ('sy_owner',         10), -- owns the schemas, runs migrations
    ('sy_authorization', -1), -- one role a service
    ('sy_binding',       -1),
    ('sy_intake',        -1),
    ('sy_validation',    -1),
    ('sy_notification',  -1),
    ('sy_office',        -1), -- rosters and campaigns: syctl
    ('sy_reader',        -1), -- reads the view record.submission
    ('sy_monitor',       10), -- syctl why and doctor
    ('sy_staffing',       4), -- makes and ends accounts of staff: syctl staff
    ('sy_keeper',         4); -- exchanges the keys of sealed values: syctl seal

SELECT format('CREATE ROLE %I LOGIN NOINHERIT CONNECTION LIMIT %s', name, connections)
  FROM wanted_role WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

-- Copies the cluster and its log (deploy/backup/base.sh, wal.sh): it sees every page, and no table.
SELECT 'CREATE ROLE sy_archive LOGIN REPLICATION NOINHERIT CONNECTION LIMIT 5'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sy_archive')
\gexec

\set password ''
\getenv password SY_OWNER_PASSWORD
SELECT format('ALTER ROLE sy_owner PASSWORD %L', :'password') WHERE :'password' <> ''
\gexec
\set password ''
\getenv password SY_AUTHORIZATION_PASSWORD
SELECT format('ALTER ROLE sy_authorization PASSWORD %L', :'password') WHERE :'password' <> ''
\gexec
\set password ''
\getenv password SY_BINDING_PASSWORD
SELECT format('ALTER ROLE sy_binding PASSWORD %L', :'password') WHERE :'password' <> ''
\gexec
\set password ''
\getenv password SY_INTAKE_PASSWORD
SELECT format('ALTER ROLE sy_intake PASSWORD %L', :'password') WHERE :'password' <> ''
\gexec
\set password ''
\getenv password SY_VALIDATION_PASSWORD
SELECT format('ALTER ROLE sy_validation PASSWORD %L', :'password') WHERE :'password' <> ''
\gexec
\set password ''
\getenv password SY_NOTIFICATION_PASSWORD
SELECT format('ALTER ROLE sy_notification PASSWORD %L', :'password') WHERE :'password' <> ''
\gexec
\set password ''
\getenv password SY_OFFICE_PASSWORD
SELECT format('ALTER ROLE sy_office PASSWORD %L', :'password') WHERE :'password' <> ''
\gexec
\set password ''
\getenv password SY_READER_PASSWORD
SELECT format('ALTER ROLE sy_reader PASSWORD %L', :'password') WHERE :'password' <> ''
\gexec
\set password ''
\getenv password SY_MONITOR_PASSWORD
SELECT format('ALTER ROLE sy_monitor PASSWORD %L', :'password') WHERE :'password' <> ''
\gexec
\set password ''
\getenv password SY_STAFFING_PASSWORD
SELECT format('ALTER ROLE sy_staffing PASSWORD %L', :'password') WHERE :'password' <> ''
\gexec
\set password ''
\getenv password SY_KEEPER_PASSWORD
SELECT format('ALTER ROLE sy_keeper PASSWORD %L', :'password') WHERE :'password' <> ''
\gexec
\set password ''
\getenv password SY_ARCHIVE_PASSWORD
SELECT format('ALTER ROLE sy_archive PASSWORD %L', :'password') WHERE :'password' <> ''
\gexec
\unset password

-- Nobody waits for ever, and nobody holds a transaction open for long. A service may ask for less.
SELECT format('ALTER ROLE %I SET %s', name, setting)
  FROM wanted_role,
       (VALUES ('statement_timeout = ''15s'''), ('lock_timeout = ''5s'''),
               ('idle_in_transaction_session_timeout = ''30s'''),
               ('client_encoding = ''UTF8''')) AS bound (setting)
 WHERE name <> 'sy_owner'
\gexec
ALTER ROLE sy_reader SET default_transaction_read_only = on;
ALTER ROLE sy_monitor SET default_transaction_read_only = on;

SELECT 'CREATE DATABASE shengyuan OWNER sy_owner TEMPLATE template0 ENCODING ''UTF8'''
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'shengyuan')
\gexec
REVOKE ALL ON DATABASE shengyuan FROM PUBLIC;
SELECT format('GRANT CONNECT ON DATABASE shengyuan TO %I', name) FROM wanted_role
\gexec
DROP TABLE wanted_role;

\connect shengyuan
REVOKE ALL ON SCHEMA public FROM PUBLIC;
