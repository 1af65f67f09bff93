#!/usr/bin/env bash
# docs/reference/ is what the tables say: generated again and compared.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
"${BUILD:-build}/bin/sy-gen-docs" "$fresh"
diff -ru docs/reference "$fresh" || { echo 'HINT: make docs' >&2; exit 1; }
