#!/usr/bin/env bash
# Copies the write-ahead log while it is written, until it is told to stop. With a base backup
# (base.sh) the database can be brought to any moment since (restore.sh --base).
#
#   wal.sh --to DIR [--slot NAME]
#
#   --to    segments come here; one that is still being written ends in .partial
#   --slot  the server keeps what this has not copied yet (default sy_archive): set its
#           max_slot_wal_keep_size, or its disk fills up while this is away
#
# PostgreSQL as libpq says (PGHOST, PGPORT, PGUSER=sy_archive, PGPASSFILE); pg_hba.conf has to let that
# role in for `replication`. Comes back by itself when the server was away. Exit 0 told to stop, 1 failed, 2 usage.
set -euo pipefail

to='' slot=sy_archive

usage() {
    sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

say() { printf 'wal: %s\n' "$*" >&2; }

main() {
    while [ $# -gt 0 ]; do
        case $1 in
        --to) to=${2:-}; shift ;;
        --slot) slot=${2:-}; shift ;;
        -h | --help) usage; exit 0 ;;
        *) say "unknown argument '$1'"; usage >&2; exit 2 ;;
        esac
        shift
    done
    if [ -z "$to" ] || ! [[ $slot =~ ^[a-z0-9_]+$ ]]; then
        usage >&2
        exit 2
    fi
    umask 077
    mkdir -p "$to"
    pg_receivewal --no-password --slot="$slot" --create-slot --if-not-exists
    exec pg_receivewal --no-password --slot="$slot" --synchronous --directory="$to"
}

main "$@"
