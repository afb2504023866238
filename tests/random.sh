#!/bin/sh
# random.sh - a published battery (dieharder) over the random words of stochastic rounding, in each direction in which a
# run walks: tests/random.sh PROGRAM [TEST...], TEST a number of dieharder's list (dieharder -l). A result that is WEAK
# is repeated with more words until it is not (-Y 1). Ends in 1 where a test fails.
#
# All of dieharder's but those that it calls wrong or suspect itself (5, 6, 7, 14), each once for each of its
# parameters at most: an hour on two CPUs. The three directions run at the same time. Before them the battery has to
# find a deliberate flaw, words whose bytes have no upper bit.
set -eu
LC_ALL=C # messages and numbers as they are read here, whatever the locale; bytes for tr
export LC_ALL

program=$1
shift
[ $# -gt 0 ] || set -- 0 1 2 3 4 8 9 10 11 12 13 15 16 17 100 101 102 200 201 202 203 204 205 206 207 208 209
if ! command -v dieharder >/dev/null; then
    echo "random: skipped: there is no dieharder (tools/setup.sh random)"
    exit 0
fi

# verdicts TEST...: the lines of a test's results over the words on standard input.
verdicts() { dieharder -g 200 -k 2 -Y 1 "$@" | grep -a -E 'PASSED|WEAK|FAILED' || true; }

"$program" index | tr '\200-\377' '\000-\177' | verdicts -d 100 | grep -q FAILED ||
    { echo "random: dieharder does not find words without an upper bit" >&2; exit 1; }

# one_walk DIRECTION TEST...
one_walk() {
    walk=$1 passed=0
    shift
    for test in "$@"; do
        report=$("$program" "$walk" | verdicts -d "$test")
        case $report in
        *FAILED*) ;;
        *PASSED*) passed=$((passed + 1)) && continue ;;
        esac
        printf 'random: %s: dieharder -d %s: %s\n' "$walk" "$test" "${report:-no result}" >&2
    done
    echo "random: $walk: $passed of $# tests passed"
    [ $passed = $# ]
}

status=0 walks=
for walk in index step list; do
    one_walk $walk "$@" &
    walks="$walks $!"
done
for walk in $walks; do
    wait "$walk" || status=1
done
exit $status
