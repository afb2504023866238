# bench.sh - parts of tools/check.sh about the benchmark: it builds, answers wrong arguments, and counts instructions.
# No timings: they would fail on a busy machine.

part_counts() {
    needs valgrind python3
    [ "$(uname -m)" = x86_64 ] || skip "the counts are those of AVX2; this is $(uname -m)"
    SETUP=no make bench-counts CC=gcc >"$work/counts.txt" 2>&1 || { cat "$work/counts.txt"; fail "see above"; }
    cat "$work/counts.txt"
    reason=$(sed -n 's/^counts.py: skipped: //p' "$work/counts.txt")
    [ -z "$reason" ] || skip "$reason"
}

# refuses TEXT COMMAND ...: exit 2, one line on stderr, with the text in it.
refuses() {
    text=$1
    shift
    status=0
    "$@" >"$work/out" 2>"$work/err" || status=$?
    [ $status = 2 ] || fail "$*: status $status, not 2"
    [ "$(wc -l <"$work/err")" = 1 ] || { cat "$work/err"; fail "$*: not one line"; }
    grep -qF -- "$text" "$work/err" || { cat "$work/err"; fail "$*: does not say '$text'"; }
}

part_bench() {
    needs g++ python3 gnuplot pkg-config
    pkg-config --exists benchmark || skip "Google Benchmark is not installed (tools/setup.sh bench)"
    build_default CXX=g++ "$default/adamw-bench" "$default/adamw-throughput" "$default/bench/libpeers.so"

    for program in adamw-bench adamw-throughput; do
        refuses 'is unknown' "$default/$program" --bogus
        refuses 'is no option' "$default/$program" extra
        refuses 'it must be 1 to' "$default/$program" --threads 0
        refuses 'No such file' "$default/$program" --shapes /nonexistent
        printf 'a 64x64\nb 3x\n' >"$work/shapes.txt"
        refuses 'shapes.txt, line 2' "$default/$program" --shapes "$work/shapes.txt"
    done
    # Before anything is allocated: 16 bytes times 2^40.
    refuses 'need 16384.0 GiB' "$default/adamw-bench" --params 1024G
    refuses 'need 16384.0 GiB' "$default/adamw-throughput" --sizes 1024G --out "$work/never.json"
    [ ! -e "$work/never.json" ] || fail "a refused run left a file"
    refuses 'scalar' "$default/adamw-bench" --isa sse9
    refuses 'torch_adam_l2' "$default/adamw-bench" --variant sgd
    refuses 'gpt2, rul' "$default/adamw-throughput" --filter nothing-like-this
    echo '{"cases": 1' >"$work/cut.json"
    refuses 'cut.json' python3 bench/bench.py --compare "$work/cut.json" "$work/cut.json"

    # One small run from end to end; its figures are not looked at.
    printf 'w 100x17\nb 17\n' >"$work/shapes.txt"
    python3 bench/bench.py --build "$default" --shapes "$work/shapes.txt" --threads 1 --repetitions 2 \
        --filter scalar >"$work/table"
    cat "$work/table"
    python3 bench/bench.py --compare "$default/bench/throughput.json" "$default/bench/throughput.json" |
        grep -q 'same within the spread' || fail "a result differs from itself"
    for kind in json csv md; do
        [ -s "$default/bench/throughput.$kind" ] || fail "no throughput.$kind"
    done
    ! ls "$default"/bench/*.partial >/dev/null 2>&1 || fail "a file is left half written"
}
