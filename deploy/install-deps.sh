#!/usr/bin/env bash
# Installs what is missing of the packages in deploy/packages/, and nothing else happens: no service
# is started or stopped, no database cluster is made.
#
#   install-deps.sh [--group build|run|test|all] [--check]
#
#   --group   which lists (default all; may be given more than once)
#   --check   install nothing: print what is missing, exit 1 if anything is
#
# Works on Debian 12 and 13 and Ubuntu 24.04, as root or with sudo. Exit 0 done, 1 missing or failed,
# 2 usage.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
policy=/usr/sbin/policy-rc.d
cluster_conf=/etc/postgresql-common/createcluster.conf
policy_ours=no
missing=()

say() { printf '%s\n' "$*" >&2; }

usage() {
    sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# The wanted lines of the lists, without comments.
wanted() {
    local group
    for group in "$@"; do
        sed 's/#.*//; s/[[:space:]]*$//; /^$/d' "$here/packages/$group.txt"
    done | LC_ALL=C sort -u
}

# Of each line, the package that is to be installed, if none of its choices is. dpkg is asked once.
find_missing() {
    local line choice found installed
    installed=" $(dpkg-query -W -f '${db:Status-Abbrev}${Package} ' 2>/dev/null |
        sed -E 's/(^| )ii +/ /g') "
    installed=${installed//$'\n'/ }
    while IFS= read -r line; do
        found=
        for choice in ${line//|/ }; do
            case $installed in *" $choice "*) found=yes ;; esac
        done
        [ -n "$found" ] || missing+=("$line")
    done < <(wanted "$@")
}

# The first choice of a line that the package lists know.
choose() {
    local choice
    for choice in ${1//|/ }; do
        if apt-cache show --no-all-versions "$choice" >/dev/null 2>&1; then
            printf '%s\n' "$choice"
            return
        fi
    done
    printf '%s\n' "${1%% *}" # unknown everywhere: let apt-get say so
}

tidy_up() {
    if [ "$policy_ours" = yes ]; then
        as_root rm -f "$policy"
        policy_ours=no
    fi
}

# While packages are set up, invoke-rc.d asks this file and is told no (101). A policy of the
# machine's owner stays in force and in place.
deny_service_starts() {
    [ -e "$policy" ] && return
    policy_ours=yes
    trap tidy_up EXIT
    printf '#!/bin/sh\n# Temporary, by Shengyuan install-deps.sh: start nothing.\nexit 101\n' |
        as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
}

# postgresql would make a cluster "main" and start it at boot. Where PostgreSQL is there already,
# its configuration is its owner's and stays as it is.
keep_postgresql_from_making_a_cluster() {
    dpkg-query -W -f '${db:Status-Status}\n' postgresql-common 2>/dev/null | grep -qx installed && return
    [ -e "$cluster_conf" ] && return
    as_root mkdir -p "$(dirname "$cluster_conf")"
    printf '%s\n' '# Written by Shengyuan install-deps.sh before PostgreSQL was installed: no cluster' \
        '# is made on installation. pg_createcluster works as ever.' \
        'create_main_cluster = false' | as_root tee "$cluster_conf" >/dev/null
}

# A server that came with this installation is not to start at the next boot either. One that was
# there before is its owner's business. Works on the unit links, also where systemd does not run.
leave_new_servers_off() {
    local name
    command -v systemctl >/dev/null || return 0
    for name in "$@"; do
        case $name in
        nginx | postgresql | prometheus | redis-server)
            as_root systemctl --no-reload --quiet disable "$name.service" >/dev/null 2>&1 || true
            ;;
        esac
    done
}

install_missing() {
    local line names=()
    local -a apt=(env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get -qq -o Dpkg::Use-Pty=0
        -o Dpkg::Options::=--force-confold -o APT::Acquire::Retries=4 -o DPkg::Lock::Timeout=120)
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        say "install-deps: neither root nor sudo; HINT: apt-get install --no-install-recommends ${missing[*]%% *}"
        return 1
    fi
    as_root "${apt[@]}" update || say "install-deps: package lists could not be renewed, going on"
    for line in "${missing[@]}"; do
        names+=("$(choose "$line")")
    done
    deny_service_starts
    keep_postgresql_from_making_a_cluster
    # What apt-get has to say is kept for when it fails.
    local log status=0
    log=$(mktemp)
    as_root "${apt[@]}" install --yes --no-install-recommends "${names[@]}" >"$log" 2>&1 || status=$?
    tidy_up
    leave_new_servers_off "${names[@]}"
    [ "$status" -eq 0 ] || tail -n 30 "$log" >&2
    rm -f "$log"
    return "$status"
}

main() {
    local groups=() check=no
    while [ $# -gt 0 ]; do
        case $1 in
        --group) [ $# -ge 2 ] || { usage >&2; exit 2; }; groups+=("$2"); shift ;;
        --group=*) groups+=("${1#*=}") ;;
        --check) check=yes ;;
        -h | --help) usage; exit 0 ;;
        *) say "install-deps: unknown argument '$1'"; usage >&2; exit 2 ;;
        esac
        shift
    done
    case " ${groups[*]:-all} " in *" all "*) groups=(build run test) ;; esac
    local group
    for group in "${groups[@]}"; do
        [ -f "$here/packages/$group.txt" ] || { say "install-deps: no group '$group'"; exit 2; }
    done
    if ! command -v dpkg-query >/dev/null; then
        say "install-deps: this is not Debian or Ubuntu; HINT: deploy/packages/ lists what is needed"
        exit 1
    fi
    find_missing "${groups[@]}"
    [ "${#missing[@]}" -gt 0 ] || exit 0
    if [ "$check" = yes ]; then
        printf '%s\n' "${missing[@]}"
        exit 1
    fi
    say "installing ${#missing[@]} missing packages (no service is started): ${missing[*]%% *}"
    install_missing || { say "install-deps: apt-get failed, see above"; exit 1; }
}

main "$@"
