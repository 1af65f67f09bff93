#!/usr/bin/env bash
# Dumps the database together with where judging stood in the topics, so that what came later can be
# replayed from there (restore.sh).
#
#   backup.sh --to DIR [--keep N] [--keys-file FILE] [--prom FILE]
#
#   --to         a folder DIR/<time> is made in it, complete or not at all
#   --keep       folders that stay, the newest ones (default 14)
#   --keys-file  the ids of its keys are noted, never the keys: back them up apart from this
#   --prom       sy_backup_success_timestamp_seconds for node_exporter's text file collector
#
# PostgreSQL as libpq says (PGHOST, PGPORT, PGUSER=sy_owner, PGPASSFILE, PGDATABASE=shengyuan); Kafka as
# syctl says (SY_KAFKA_BOOTSTRAP, SY_KAFKA_SECURITY_FILE, or --run-dir through RUN_DIR). Prints the folder. Exit 0 done, 1
# failed, 2 usage.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work='' to='' keep=14 keys_file='' prom=''
syctl=${SYCTL:-syctl}

usage() {
    sed -n '2,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

say() { printf 'backup: %s\n' "$*" >&2; }

# Lines "group,topic,partition,offset" of what was committed.
positions() {
    "$syctl" --json lag | /usr/bin/python3 -c '
import json, sys
for group in json.load(sys.stdin)["groups"]:
    for place in group["partitions"]:
        print(group["group"], group["topic"], place["partition"], max(0, place["committed"]), sep=",")'
}

main() {
    while [ $# -gt 0 ]; do
        case $1 in
        --to) to=${2:-}; shift ;;
        --keep) keep=${2:-}; shift ;;
        --keys-file) keys_file=${2:-}; shift ;;
        --prom) prom=${2:-}; shift ;;
        -h | --help) usage; exit 0 ;;
        *) say "unknown argument '$1'"; usage >&2; exit 2 ;;
        esac
        shift
    done
    if [ -z "$to" ] || ! [[ $keep =~ ^[1-9][0-9]*$ ]]; then
        usage >&2
        exit 2
    fi
    export PGDATABASE=${PGDATABASE:-shengyuan}
    umask 077
    local name
    name=$(date -u +%Y%m%dT%H%M%SZ)
    work=$to/.$name.$$
    mkdir -p "$to"
    trap 'rm -rf "$work"' EXIT
    mkdir "$work"
    # What a backup left that was killed outright.
    find "$to" -mindepth 1 -maxdepth 1 -type d -name '.[0-9]*T[0-9]*Z.[0-9]*' -mmin +1440 -exec rm -rf -- {} +
    # First the positions, then the dump: what was committed before is in it. What is judged between
    # the two is in both, and is recognised when it is replayed.
    positions >"$work/positions.csv"
    pg_dump --format=custom --compress=6 --file="$work/shengyuan.dump"
    psql -XAtq -v ON_ERROR_STOP=1 -c 'SELECT name, sha256 FROM migration.applied ORDER BY name' >"$work/migrations"
    if [ -n "$keys_file" ]; then
        awk '/^[a-z]/ {print $1, $2}' "$keys_file" >"$work/key_ids"
    fi
    pg_restore --list "$work/shengyuan.dump" >/dev/null # it can be read
    (cd "$work" && sha256sum -- * >SHA256SUMS)
    mv -T "$work" "$to/$name" # not into a folder of the same second
    trap - EXIT
    local old
    find "$to" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*T[0-9]*Z' | LC_ALL=C sort -r | tail -n +"$((keep + 1))" |
        while IFS= read -r old; do rm -rf -- "$old"; done
    if [ -n "$prom" ]; then
        printf '# HELP sy_backup_success_timestamp_seconds when the last backup was complete\n# TYPE sy_backup_success_timestamp_seconds gauge\nsy_backup_success_timestamp_seconds %s\n' \
            "$(date +%s)" >"$prom.new"
        chmod 644 "$prom.new"
        mv "$prom.new" "$prom"
    fi
    printf '%s\n' "$to/$name"
}

[ -f "$here/hash.sql" ] || { say "hash.sql is missing beside me"; exit 1; }
main "$@"
