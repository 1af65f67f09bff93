#!/usr/bin/env bash
# clang-tidy with .clang-tidy; JOBS files at a time. Release 14 decides: others find other things.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export BUILD=${BUILD:-build}
tidy=$(command -v clang-tidy-14 || command -v clang-tidy)
INCLUDE=$(pkg-config --cflags rdkafka hiredis libcjson libpq libcurl libcrypto)
export INCLUDE
if ! "$tidy" --version | grep -q 'version 14\.'; then
    echo "tidy: not release 14, not checked"
    exit 0
fi
# shellcheck disable=SC2016 # the inner shell expands it
git ls-files -z 'common/*.c' 'services/*.c' 'docs/*.c' |
    xargs -0 -P "${JOBS:-2}" -n 4 sh -c '"$0" --quiet "$@" -- -std=gnu17 -Icommon -I. -I"$BUILD/gen" \
        -D_GNU_SOURCE -DSY_VERSION=\"x\" $INCLUDE 2>/dev/null' "$tidy"
