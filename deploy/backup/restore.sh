#!/usr/bin/env bash
# Puts a backup into an empty database, and the groups back to where it was made: judging then goes
# over what came later, and the record is what it was.
#
#   restore.sh --from DIR                 the database: PGHOST … of a superuser, roles made by
#                                         deploy/db/roles.sql, no table of ours in it yet
#   restore.sh --from DIR --positions BOOTSTRAP [--group NAME]
#                                         afterwards, with all services stopped: the offsets.
#                                         --group puts validation's under another name
#   restore.sh --hash                     the hash of the record, to be compared
#
# Order of a restore: stop all services, new cluster, roles.sql, --from, --positions, start validation,
# wait until `syctl lag` is 0, start the rest. Redis may be empty: it is refilled, people log in again.
# Exit 0 done, 1 failed, 2 usage, 3 refused: damaged, or the database is not empty.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
plan='' from='' bootstrap='' group='' hash=''

usage() {
    sed -n '2,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

say() { printf 'restore: %s\n' "$*" >&2; }

restore_database() {
    if [ "$(psql -XAtq -c "SELECT count(*) FROM pg_namespace WHERE nspname IN ('record', 'roster', 'identity')")" != 0 ]; then
        say "the database '$PGDATABASE' holds tables of ours already; HINT: restore into a new cluster"
        exit 3
    fi
    pg_restore --exit-on-error --single-transaction --dbname="$PGDATABASE" "$from/shengyuan.dump"
    psql -XAtq -v ON_ERROR_STOP=1 -c 'SELECT name, sha256 FROM migration.applied ORDER BY name' | cmp - "$from/migrations"
    psql -Xq -v ON_ERROR_STOP=1 -c 'ANALYZE'
}

# Kafka's own tool; it refuses while a group has members.
restore_positions() {
    local name as
    plan=$(mktemp)
    trap 'rm -f "$plan"' EXIT
    for name in validation authorization; do
        as=$name
        if [ -n "$group" ]; then
            [ "$name" = validation ] || continue
            as=$group
        fi
        awk -F, -v group="$name" '$1 == group {print $2 "," $3 "," $4}' "$from/positions.csv" >"$plan"
        "$here/../kafka/tool.sh" groups --bootstrap-server "$bootstrap" --group "$as" --reset-offsets \
            --from-file "$plan" --execute >&2
    done
}

main() {
    while [ $# -gt 0 ]; do
        case $1 in
        --from) from=${2:-}; shift ;;
        --positions) bootstrap=${2:-}; shift ;;
        --group) group=${2:-}; shift ;;
        --hash) hash=yes ;;
        -h | --help) usage; exit 0 ;;
        *) say "unknown argument '$1'"; usage >&2; exit 2 ;;
        esac
        shift
    done
    export PGDATABASE=${PGDATABASE:-shengyuan}
    if [ -n "$hash" ]; then
        exec psql -XAtq -v ON_ERROR_STOP=1 -f "$here/hash.sql"
    fi
    if [ -z "$from" ] || [ ! -d "$from" ]; then
        usage >&2
        exit 2
    fi
    (cd "$from" && sha256sum --quiet --check SHA256SUMS >&2) || { say "'$from' is damaged"; exit 3; }
    if [ -n "$bootstrap" ]; then
        restore_positions
    else
        restore_database
    fi
}

main "$@"
