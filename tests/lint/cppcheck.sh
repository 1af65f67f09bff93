#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cppcheck --std=c11 --enable=warning,performance,portability --inline-suppr -q -j "${JOBS:-2}" \
    --suppress=missingIncludeSystem --error-exitcode=1 '-D__VA_OPT__(...)=__VA_ARGS__' \
    -D_GNU_SOURCE '-DSY_VERSION="x"' -Icommon -I. -I"${BUILD:-build}/gen" common services docs/gen
