#!/usr/bin/env bash
# Every service folder reads the same.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
failed=0
for service in authorization binding intake validation notification office sandbox; do
    for file in main.c config.c config.h service.c service.h README.md; do
        [ -f "services/$service/$file" ] || { echo "services/$service/$file is missing" >&2; failed=1; }
    done
done
for service in authorization binding intake validation notification office; do
    for file in domain.c domain.h store_pg.c store_pg.h sql; do
        [ -e "services/$service/$file" ] || { echo "services/$service/$file is missing" >&2; failed=1; }
    done
done
[ -f services/syctl/README.md ] || { echo "services/syctl/README.md is missing" >&2; failed=1; }
exit "$failed"
