#!/usr/bin/env bash
# A base backup of the whole cluster, beside which wal.sh collects the write-ahead log.
#
#   base.sh --to DIR [--wal DIR] [--keep N]
#
#   --to    a folder DIR/base-<time> is made in it, complete or not at all
#   --wal   where wal.sh writes: segments that no kept base backup needs are removed there
#   --keep  base backups that stay, the newest ones (default 3)
#
# PostgreSQL as libpq says (PGHOST, PGPORT, PGUSER=sy_archive, PGPASSFILE). Prints the folder. Exit 0 done,
# 1 failed, 2 usage.
set -euo pipefail

work='' to='' wal='' keep=3

usage() {
    sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

say() { printf 'base: %s\n' "$*" >&2; }

bases() {
    find "$to" -mindepth 1 -maxdepth 1 -type d -name 'base-[0-9]*T[0-9]*Z' | LC_ALL=C sort -r
}

# Segments before the first one that the oldest base backup needs.
prune() {
    local oldest first name path
    bases | tail -n +"$((keep + 1))" | while IFS= read -r path; do rm -rf -- "$path"; done
    [ -n "$wal" ] || return 0
    oldest=$(bases | tail -n 1)
    first=$(tar -xzOf "$oldest/base.tar.gz" backup_label | sed -n 's/^START WAL LOCATION: .*(file \([0-9A-F]\{24\}\))$/\1/p')
    [ -n "$first" ] || { say "no start in the label of '$oldest'"; return 1; }
    for path in "$wal"/*; do
        name=${path##*/}
        if [[ $name =~ ^[0-9A-F]{24}$ && ${name:8} < ${first:8} ]]; then
            rm -f -- "$path"
        fi
    done
}

main() {
    while [ $# -gt 0 ]; do
        case $1 in
        --to) to=${2:-}; shift ;;
        --wal) wal=${2:-}; shift ;;
        --keep) keep=${2:-}; shift ;;
        -h | --help) usage; exit 0 ;;
        *) say "unknown argument '$1'"; usage >&2; exit 2 ;;
        esac
        shift
    done
    if [ -z "$to" ] || ! [[ $keep =~ ^[1-9][0-9]*$ ]]; then
        usage >&2
        exit 2
    fi
    umask 077
    local name
    name=base-$(date -u +%Y%m%dT%H%M%SZ)
    mkdir -p "$to"
    work=$to/.$name.$$
    trap 'rm -rf "$work"' EXIT
    # What was left by one that was killed outright.
    find "$to" -mindepth 1 -maxdepth 1 -type d -name '.base-[0-9]*' -mmin +1440 -exec rm -rf -- {} +
    pg_basebackup --no-password --pgdata="$work" --format=tar --gzip --wal-method=stream --checkpoint=fast \
        --manifest-checksums=SHA256
    mv -T "$work" "$to/$name" # not into a folder of the same second
    trap - EXIT
    prune
    printf '%s\n' "$to/$name"
}

main "$@"
