#!/bin/sh
# run.sh - runs Criterion programs: FILTER=... SEED=... tests/run.sh PROGRAM ...
#
# Criterion passes when a filter selects no test; this does not. Every program runs, also after a failed one.
set -eu

log=$(mktemp)
trap 'rm -f "$log"' EXIT
FILTER=${FILTER:-} SEED=${SEED:-1}
export SEED
LANGUAGE=en # the count below is read from Criterion, which translates
export LANGUAGE
case $SEED in
'' | *[!0-9]*) echo "make test: SEED is '$SEED': it must be a number" >&2; exit 2 ;;
esac

echo "seed $SEED"
bad=0 tested=0
for program in "$@"; do
    echo "$program"
    # The program's own status has to come through the pipe.
    { "$program" ${FILTER:+--filter "$FILTER"} 2>&1 && status=0 || status=$?; echo "exit $status"; } |
        tee "$log" | sed '$d'
    [ "$(tail -n 1 "$log")" = "exit 0" ] || bad=$((bad + 1))
    count=$(sed -n 's/.*Synthesis: Tested: \([0-9]*\).*/\1/p' "$log")
    tested=$((tested + ${count:-0}))
done
if [ "$tested" = 0 ]; then
    echo "make test: no test ran${FILTER:+: FILTER='$FILTER' matches none (build/tests/test_* --list names them)}" >&2
    exit 1
fi
[ "$bad" = 0 ] || { echo "make test: $bad of $# programs failed" >&2; exit 1; }
