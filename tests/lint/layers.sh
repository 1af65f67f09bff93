#!/usr/bin/env bash
# The layers of common/ and the walls between services, checked on the #include lines.
#
#   base <- schema <- io <- runtime <- services; a service includes no other service
#   third-party headers only where ALLOWED says so
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# who may include whom
declare -A may=(
    [common/base]="base"
    [common/schema]="base schema"
    [common/io]="base schema io"
    [common/runtime]="base schema io runtime"
)
# third-party header: the only place for it (a prefix of the path)
allowed() {
    case $1 in
    cjson/*) echo tests/ ;; # an oracle, and the floor of the benchmark
    jpeglib.h | png.h | librdkafka/* | hiredis/* | libpq-fe.h | curl/* | openssl/*) echo common/io/ ;;
    iconv.h) echo services/syctl/ ;;
    *) echo "" ;;
    esac
}
failed=0
complain() { printf '%s\n' "$1" >&2; failed=1; }

while IFS=: read -r path _ line; do
    header=$(sed -E 's/^#include [<"]([^>"]+)[>"].*/\1/' <<<"$line")
    case $line in
    '#include <'*)
        place=$(allowed "$header")
        if [ -n "$place" ] && [[ $path != "$place"* ]]; then
            complain "$path: <$header> belongs into $place"
        fi
        ;;
    '#include "services/'*)
        service=$(cut -d/ -f2 <<<"$path")
        if [[ $path == common/* || ( $path == services/* && $header != services/$service/* ) ]]; then
            complain "$path: includes $header of another service"
        fi
        ;;
    '#include "'*/*)
        layer=$(cut -d/ -f1-2 <<<"$path")
        wanted=${may[$layer]:-}
        if [ -n "$wanted" ] && [[ " $wanted " != *" ${header%%/*} "* ]]; then
            complain "$path: $header is a layer above"
        fi
        ;;
    esac
done < <(grep -nE '^#include ' -r common services --include='*.c' --include='*.h')
exit "$failed"
