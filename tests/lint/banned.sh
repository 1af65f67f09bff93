#!/usr/bin/env bash
# Calls that have no place here, and words that say something is not finished.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
failed=0
look() { # pattern, reason, paths...
    local pattern=$1 reason=$2
    shift 2
    if grep -nEr "$pattern" --include='*.c' --include='*.h' "$@" | grep -v 'lint: allowed' >&2; then
        echo "  ^ $reason" >&2
        failed=1
    fi
}
look '\b(strcpy|strcat|sprintf|vsprintf|atoi|atol|strtok|gets|localtime|gmtime|alloca|system|popen)\(' \
    'use the bounded or reentrant form of it' common services docs
look '\b(redisCommand|redisvCommand|redisAppendCommand|redisvAppendCommand|PQfn|PQescape[A-Za-z]*)\(' \
    'values are arguments, never part of a command'"'"'s text' common services
look '\b(malloc|calloc|realloc|strdup|strndup)\(' 'use mem_* of base/buf.h' \
    common/schema common/runtime services docs
look 'pthread_cond_timedwait|CLOCK_REALTIME' 'a wait by the wall clock lasts for hours when it is set back: clock_cond_wait' \
    common/io common/runtime common/schema services
look 'TO''DO|FIX''ME|XX''X' 'finish it or write it into docs/DECISIONS' common services docs
# A schedule of faults is made of time; everything else waits for what it wants.
# What an attacker may guess at byte by byte is compared in constant time. (The sandbox plays the platforms.)
if grep -nE '\b(memcmp|strcmp|strncmp|strcasecmp|str_eq|str_eq_text|str_cmp)\([^;]*(token|\bmac\b|body_index|code_index|signature|secret|password|hmac|digest)' \
    -r common services --include='*.c' --exclude-dir=sandbox | grep -v 'lint: allowed' >&2; then
    echo '  ^ crypto_equal for what is secret' >&2
    failed=1
fi
if grep -nE '\btime\.sleep\(' -r tests --include='*.py' |
    grep -v 'tests/lib/\|tests/integration/load.py\|tests/faults/\(schedule\|run\|availability\).py' >&2; then
    echo '  ^ wait for the event (wait_for), not for a guess' >&2
    failed=1
fi
exit "$failed"
