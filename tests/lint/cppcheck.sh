#!/usr/bin/env bash
# cppcheck of release 2.10 (Debian 12) decides: others find other things.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if ! cppcheck --version | grep -q ' 2\.10'; then
    echo "cppcheck: not release 2.10, not checked"
    exit 0
fi
cppcheck --std=c11 --enable=warning,performance,portability --inline-suppr -q -j "${JOBS:-2}" \
    --suppress=missingIncludeSystem --error-exitcode=1 '-D__VA_OPT__(...)=__VA_ARGS__' \
    -D_GNU_SOURCE '-DSY_VERSION="x"' -Icommon -I. -I"${BUILD:-build}/gen" common services docs/gen
