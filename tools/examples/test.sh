#!/bin/sh
# test.sh - runs the examples that make built: test.sh FOLDER. Each fails where it is not what tools/examples/README.md
# says; the two trainers are compared here, step by step.
set -eu
LC_ALL=C
export LC_ALL
programs=$1

for example in graph_threads offload flushed not_flushed tensor_list; do
    echo "== $example"
    "$programs/$example" >"$programs/said" || { cat "$programs/said"; echo "$example failed" >&2; exit 1; }
    cat "$programs/said"
    case $example in
    flushed) grep -q 'are flushed' "$programs/said" || echo "this compiler's -Ofast leaves subnormals alone" ;;
    not_flushed) grep -q 'are kept' "$programs/said" ;;
    esac
done

echo "== flat_buffer"
"$programs/flat_buffer" >"$programs/flat_buffer.loop"
"$programs/flat_buffer_called" >"$programs/flat_buffer.call"
paste -d ' ' "$programs/flat_buffer.loop" "$programs/flat_buffer.call" | awk '
    $2 != $7 || NF != 10 { print "not two losses: " $0; bad = 1 }
    { d = $5 - $10; d = d < 0 ? -d : d; most = d > most ? d : most; first = NR == 1 ? $5 : first; last = $10 }
    END {
        printf "loss %f at first, %f after %d steps; by the loop and by the call within %f\n", first, last, NR, most
        exit bad || NR != 40 || most > 2.5e-6 || last > 0.7 * first
    }'
