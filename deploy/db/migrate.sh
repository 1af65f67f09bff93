#!/usr/bin/env bash
# Applies deploy/db/migrations/NNNN_name.sql in order, forward only.
#
#   migrate.sh [--dsn DSN] [--dir DIR]           apply what is pending
#   migrate.sh [--dsn DSN] [--dir DIR] --check   apply nothing; list what is pending
#
# Connects as the owner role: --dsn, else SY_PG_DSN, else libpq's own variables (PGHOST, …).
# All pending files are applied in one transaction: a failure leaves the database as it was. An
# advisory lock keeps two runs apart. The table migration.applied holds each file's checksum.
#
# Exit 0 up to date (or now applied), 1 --check found pending files or psql failed, 2 usage,
# 3 refused: an applied file was changed or removed, or a pending one comes before an applied one.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$here/migrations
dsn=${SY_PG_DSN:-}
lock_key=7310578113 # any number, the same for all runs; nothing else in the database locks it
lock_timeout=60s    # how long to wait for another run

say() { printf 'migrate: %s\n' "$*" >&2; }

usage() {
    sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

# The files, as lines "name sha256". Names must be NNNN_word.sql, numbers 1, 2, 3 … without gaps.
list_files() {
    local path name expected=1
    for path in "$dir"/*.sql; do
        [ -e "$path" ] || { say "no migrations in '$dir'"; return 2; }
        name=$(basename "$path")
        if ! [[ $name =~ ^[0-9]{4}_[a-z0-9_]+\.sql$ ]]; then
            say "'$name' is not named NNNN_name.sql"
            return 2
        fi
        if [ "$((10#${name%%_*}))" -ne "$expected" ]; then
            say "'$name' is out of line: number $expected was expected"
            return 2
        fi
        expected=$((expected + 1))
        printf '%s %s\n' "$name" "$(sha256sum <"$path" | cut -d' ' -f1)"
    done
}

# Wraps psql's input: what the files are, as a temporary table, and what speaks against going on.
sql_prologue() {
    local values
    values=$(awk -v quote="'" '{printf "%s(%s%s%s, %s%s%s)", (NR > 1 ? ", " : ""), quote, $1, quote, quote, $2, quote}' <<<"$1")
    cat <<SQL
SET LOCAL client_min_messages = warning;
SET LOCAL lock_timeout = '$lock_timeout';
SELECT pg_advisory_xact_lock($lock_key) \g /dev/null
SELECT to_regclass('migration.applied') IS NULL AS is_new \gset
\if :is_new
    CREATE SCHEMA migration;
    CREATE TABLE migration.applied (
        name       text PRIMARY KEY,
        sha256     text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        applied_by text NOT NULL DEFAULT session_user
    );
    -- Any service and tool may ask whether the database is what it was built for.
    GRANT USAGE ON SCHEMA migration TO PUBLIC;
    GRANT SELECT ON migration.applied TO PUBLIC;
\endif
CREATE TEMP TABLE migration_file (name text, sha256 text) ON COMMIT DROP;
INSERT INTO migration_file VALUES $values;
SELECT coalesce(string_agg(problem, '; '), '') AS refusal FROM (
    SELECT format('%s was changed after it was applied on %s', name, applied_at::date) AS problem
      FROM migration.applied JOIN migration_file f USING (name) WHERE f.sha256 <> applied.sha256
    UNION ALL
    SELECT format('%s was applied on %s and is gone', name, applied_at::date)
      FROM migration.applied WHERE name NOT IN (SELECT name FROM migration_file)
    UNION ALL
    SELECT format('%s comes before %s, which is applied already', name, last)
      FROM migration_file, (SELECT max(name) AS last FROM migration.applied) AS newest
     WHERE name < last AND name NOT IN (SELECT name FROM migration.applied)) AS problems \gset
SELECT :'refusal' <> '' AS refused \gset
\if :refused
    \echo refused :refusal
\else
SQL
}

sql_check() {
    echo 'BEGIN;' # and rolled back: a check changes nothing, whatever it finds
    sql_prologue "$1"
    cat <<'SQL'
    SELECT 'pending ' || name FROM migration_file
     WHERE name NOT IN (SELECT name FROM migration.applied) ORDER BY name;
\endif
ROLLBACK;
SQL
}

sql_apply() {
    local name sum
    sql_prologue "$1"
    while read -r name sum; do
        cat <<SQL
    SELECT count(*) = 0 AS pending FROM migration.applied WHERE name = '$name' \gset
    \if :pending
        \i '$dir/$name'
        INSERT INTO migration.applied (name, sha256) VALUES ('$name', '$sum');
        \echo applied $name
    \endif
SQL
    done <<<"$1"
    printf '%s\n' '\endif'
}

run_psql() {
    local arguments=(--no-psqlrc --quiet --tuples-only --no-align --no-password
        -v ON_ERROR_STOP=1 --file=-)
    [ "$1" = check ] || arguments+=(--single-transaction)
    [ -z "$dsn" ] || arguments+=("--dbname=$dsn")
    psql "${arguments[@]}"
}

main() {
    local mode=apply files answer
    while [ $# -gt 0 ]; do
        case $1 in
        --check) mode=check ;;
        --dsn=*) dsn=${1#*=} ;;
        --dsn) dsn=${2-}; shift ;;
        --dir=*) dir=$(cd "${1#*=}" && pwd) ;;
        --dir) dir=$(cd "${2-}" && pwd); shift ;;
        -h | --help) usage; exit 0 ;;
        *) say "unknown argument '$1'"; usage >&2; exit 2 ;;
        esac
        shift
    done
    files=$(list_files) || exit 2
    if ! answer=$("sql_$mode" "$files" | run_psql "$mode"); then
        say "failed, nothing was applied"
        exit 1
    fi
    if grep -q '^refused' <<<"$answer"; then
        say "$answer"
        exit 3
    fi
    [ -z "$answer" ] || printf '%s\n' "$answer"
    if [ "$mode" = check ] && [ -n "$answer" ]; then
        exit 1
    fi
}

main "$@"
