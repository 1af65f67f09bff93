#!/usr/bin/env bash
# Puts a backup into an empty database, and the groups back to where it was made: judging then goes
# over what came later, and the record is what it was.
#
#   restore.sh --from DIR                 the database: PGHOST … of a superuser, roles made by
#                                         deploy/db/roles.sql, no table of ours in it yet
#   restore.sh --from DIR --positions BOOTSTRAP [--group NAME] [--kafka-config FILE]
#                                         afterwards, with all services stopped: the offsets.
#                                         --group puts validation's under another name;
#                                         --kafka-config: settings of Kafka's Java clients, for TLS
#   restore.sh --hash                     the hash of the record, to be compared
#   restore.sh --base DIR --wal DIR --data NEW [--until TIME]
#                                         a base backup (base.sh) and the log since (wal.sh) as NEW,
#                                         a data folder: run by the account of the server, which goes
#                                         through the log when it is started on it, up to TIME
#                                         (2027-06-01 08:00:00+08) or the end. Then --positions of
#                                         the newest dump that is older than that
#
# Order of a restore: stop all services, new cluster, roles.sql, --from, --positions, start validation,
# wait until `syctl lag` is 0, start the rest. Redis may be empty: it is refilled, people log in again.
# Exit 0 done, 1 failed, 2 usage, 3 refused: damaged, or the database is not empty.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
plan='' from='' bootstrap='' group='' hash='' base='' wal='' data='' until='' kafka_config=''

usage() {
    sed -n '2,24s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
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
    for name in validation authorization notification; do
        as=$name
        if [ -n "$group" ]; then
            [ "$name" = validation ] || continue
            as=$group
        fi
        awk -F, -v group="$name" '$1 == group {print $2 "," $3 "," $4}' "$from/positions.csv" >"$plan"
        "$here/../kafka/tool.sh" groups --bootstrap-server "$bootstrap" --group "$as" --reset-offsets \
            --from-file "$plan" --execute ${kafka_config:+--command-config "$kafka_config"} >&2
    done
}

# The log is fetched from $wal by the server itself. Its last piece is still called .partial.
restore_base() {
    local path
    for path in "$base" "$wal" "$data"; do
        [[ $path =~ ^/[A-Za-z0-9_./-]+$ ]] || { say "'$path' has to be a whole path of plain characters"; exit 2; }
    done
    if [ -e "$data" ] && [ -n "$(ls -A "$data")" ]; then
        say "'$data' is not empty; HINT: restore into a new folder"
        exit 3
    fi
    [[ $until =~ ^[0-9T:\ .+-]*$ ]] || { say "'$until' is no time"; exit 2; }
    mkdir -p "$data"
    chmod 700 "$data"
    if ! { tar -xzf "$base/base.tar.gz" -C "$data" && tar -xzf "$base/pg_wal.tar.gz" -C "$data/pg_wal" &&
        cp "$base/backup_manifest" "$data/" && pg_tool pg_verifybackup --quiet "$data" >&2; }; then
        say "'$base' is damaged"
        exit 3
    fi
    # Nobody is let in before the end: nor does it matter then which max_connections the first server was given.
    {
        printf "hot_standby = off\n"
        printf "restore_command = 'cp \"%s/%%f\" \"%%p\" 2>/dev/null || cp \"%s/%%f.partial\" \"%%p\" 2>/dev/null'\n" "$wal" "$wal"
        [ -z "$until" ] || printf "recovery_target_time = '%s'\nrecovery_target_action = 'promote'\n" "$until"
    } >>"$data/postgresql.auto.conf"
    : >"$data/recovery.signal"
    printf '%s\n' "$data"
}

# Programs of the server's own package are in no PATH on Debian.
pg_tool() {
    local name=$1 found
    shift
    found=$(command -v "$name" || find /usr/lib/postgresql/*/bin -name "$name" | sort -V | tail -n 1)
    "${found:-$name}" "$@"
}

main() {
    while [ $# -gt 0 ]; do
        case $1 in
        --from) from=${2:-}; shift ;;
        --positions) bootstrap=${2:-}; shift ;;
        --group) group=${2:-}; shift ;;
        --hash) hash=yes ;;
        --base) base=${2:-}; shift ;;
        --wal) wal=${2:-}; shift ;;
        --data) data=${2:-}; shift ;;
        --until) until=${2:-}; shift ;;
        --kafka-config) kafka_config=${2:-}; shift ;;
        -h | --help) usage; exit 0 ;;
        *) say "unknown argument '$1'"; usage >&2; exit 2 ;;
        esac
        shift
    done
    export PGDATABASE=${PGDATABASE:-shengyuan}
    if [ -n "$hash" ]; then
        exec psql -XAtq -v ON_ERROR_STOP=1 -f "$here/hash.sql"
    fi
    if [ -n "$base" ] && [ -n "$wal" ] && [ -n "$data" ]; then
        restore_base
        return
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
