#!/bin/sh
# random.sh - a published battery (dieharder) over the random words of stochastic rounding, in each direction in which a
# run walks: tests/random.sh PROGRAM [TEST...], TEST a number of dieharder's list (dieharder -l). A result that is WEAK
# is repeated with more words until it is not (-Y 1). Ends in 1 where a test fails.
#
# All of dieharder's but those that it calls wrong or suspect itself (5, 6, 7, 14), each once for each of its
# parameters at most: an hour.
set -eu
LC_ALL=C # messages and numbers as they are read here, whatever the locale
export LC_ALL

program=$1
shift
[ $# -gt 0 ] || set -- 0 1 2 3 4 8 9 10 11 12 13 15 16 17 100 101 102 200 201 202 203 204 205 206 207 208 209
if ! command -v dieharder >/dev/null; then
    echo "random: skipped: there is no dieharder (tools/setup.sh random)"
    exit 0
fi
status=0
for walk in index step list; do
    passed=0
    for test in "$@"; do
        report=$("$program" $walk | dieharder -g 200 -k 2 -Y 1 -d "$test" | grep -a -E 'PASSED|WEAK|FAILED') || true
        if printf '%s\n' "$report" | grep -a -q PASSED && ! printf '%s\n' "$report" | grep -a -q FAILED; then
            passed=$((passed + 1))
        else
            printf 'random: %s: dieharder -d %s: %s\n' "$walk" "$test" "${report:-no result}" >&2
            status=1
        fi
    done
    echo "random: $walk: $passed of $# tests passed"
done
exit $status
