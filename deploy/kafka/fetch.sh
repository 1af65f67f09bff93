#!/usr/bin/env bash
# Puts Kafka's jars into a cache shared by every clone and checks each against libs.sha256.
#
#   fetch.sh            fetch what is missing, print the folder of the jars
#   fetch.sh --update   fetch afresh and rewrite libs.sha256 (after changing pom.xml)
#
# The cache is ${XDG_CACHE_HOME:-~/.cache}/shengyuan/kafka-VERSION/libs. A cache whose files do not
# match is fetched again; a download that does not match is refused.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/pom.xml")
cache=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/shengyuan/kafka-$version
sums=$here/libs.sha256
tries_max=4
fresh=
say() { printf '%s\n' "$*" >&2; }

# The jars in $1 are those of libs.sha256: all of them, unchanged, and no other.
verified() {
    [ -d "$1" ] || return 1
    (cd "$1" && sha256sum --quiet --strict --check "$sums" >/dev/null 2>&1) || return 1
    [ "$(find "$1" -maxdepth 1 -name '*.jar' | wc -l)" -eq "$(wc -l <"$sums")" ]
}

download() {
    local into=$1 try
    for try in $(seq "$tries_max"); do
        rm -rf "$into"
        if mvn --batch-mode --quiet --file "$here/pom.xml" dependency:copy-dependencies \
            -DincludeScope=runtime -DoutputDirectory="$into" >"$into.log" 2>&1; then
            return 0
        fi
        say "kafka $version: fetching failed (try $try of $tries_max)"
        sleep "$try"
    done
    tail -n 15 "$into.log" >&2
    return 1
}

main() {
    local update=no
    case ${1:-} in
    '') ;;
    --update) update=yes ;;
    *) say "usage: fetch.sh [--update]"; exit 2 ;;
    esac
    if [ "$update" = no ] && verified "$cache/libs"; then
        printf '%s\n' "$cache/libs"
        return
    fi
    if ! command -v mvn >/dev/null; then
        say "kafka $version: mvn is missing; HINT: deploy/install-deps.sh --group run"
        exit 1
    fi
    say "kafka $version: fetching its jars (54 MB, once) into $cache"
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9 # two clones may fetch at the same time; the second finds the work done
    if [ "$update" = no ] && verified "$cache/libs"; then
        printf '%s\n' "$cache/libs"
        return
    fi
    fresh=$(mktemp -d "$cache/fetch.XXXXXX")
    trap 'rm -rf "$fresh"' EXIT
    download "$fresh/libs" || exit 1
    if [ "$update" = yes ]; then
        (cd "$fresh/libs" && LC_ALL=C sha256sum -- *.jar) >"$sums"
        say "kafka $version: wrote $(wc -l <"$sums") checksums to $sums"
    elif ! verified "$fresh/libs"; then
        say "kafka $version: the downloaded jars are not those of $sums:"
        (cd "$fresh/libs" && sha256sum --quiet --check "$sums" 2>&1 | head -n 5 >&2) || true
        exit 1
    fi
    rm -rf "$cache/libs"
    mv -T "$fresh/libs" "$cache/libs"
    printf '%s\n' "$cache/libs"
}

main "$@"
