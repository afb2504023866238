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
        # A carriage return or a zero byte would hide what is behind it.
        for hidden in '\r' '\000' '\033'; do
            printf "a 64x64\nb 3${hidden}c 4\n" >"$work/hidden.txt"
            refuses 'hidden.txt, line 2' "$default/$program" --shapes "$work/hidden.txt"
        done
    done
    # Before anything is allocated: 16 bytes times 2^40.
    refuses 'need 16384.0 GiB' "$default/adamw-bench" --params 1024G
    refuses 'need 16384.0 GiB' "$default/adamw-throughput" --sizes 1024G --out "$work/never.json"
    [ ! -e "$work/never.json" ] || fail "a refused run left a file"
    refuses 'scalar' "$default/adamw-bench" --isa sse9
    refuses 'torch_adam_l2' "$default/adamw-bench" --variant sgd
    refuses 'gpt2, rul' "$default/adamw-throughput" --filter nothing-like-this
    for program in "$default/adamw-bench" "$default/adamw-throughput --sizes 1K" \
        "python3 bench/peers.py --build $default --sizes 1K"; do
        refuses "ADAMW_ISA 'sse9' is no instruction set that runs here: it must be one of auto, scalar" \
            env ADAMW_ISA=sse9 $program
    done
    refuses "'nonsense' is no list" python3 bench/peers.py --build "$default" --lists nonsense
    refuses 'or a size such as 64K' "$default/adamw-bench" --list 64X
    "$default/adamw-bench" --list 64K --steps 1 --threads 1
    "$default/adamw-bench" --list 3x100 --print-shapes | grep -q '3 tensors, 300 parameters' || fail "no list of 3x100"
    "$default/adamw-bench" --params 1K --steps 0 | grep -q 'start-up alone' || fail "--steps 0 steps"
    # Half of this machine's second-level cache is among the sizes.
    l2=$(getconf LEVEL2_CACHE_SIZE || echo 0) half=1
    if [ "${l2:-0}" -ge 65536 ]; then
        while [ $((half * 2 * 1024 * 16)) -le $((l2 / 2)) ]; do half=$((half * 2)); done
        "$default/adamw-throughput" --print-cases | grep -q "^throughput/${half}K/adam_l2/" ||
            fail "${half}K, half of an L2 of $l2 bytes, is no case"
    fi
    "$default/adamw-throughput" --form full --print-cases 2>/dev/null | grep -q '^throughput/100x100000/adamw/' ||
        fail "the full form has no row of PyTorch's grid"

    # Malformed result files, model files, wrong options; tables, pictures and pages of made-up figures.
    python3 -m unittest discover -s bench -t bench
    ! tests/comma_locale.sh true || tests/comma_locale.sh python3 -m unittest discover -s bench -t bench

    # One small run from end to end; its figures are not looked at.
    printf 'w 100x17\nb 17\n' >"$work/shapes.txt"
    python3 bench/bench.py --build "$default" --shapes "$work/shapes.txt" --threads 1 --repetitions 2 \
        --filter scalar >"$work/table" 2>"$work/progress"
    cat "$work/table" "$work/progress"
    grep -q '^bench: 100 %' "$work/progress" || fail "nothing is said where stderr is no terminal"
    awk 'length > 60 && /^bench: [0-9]/ { exit 1 }' "$work/progress" || fail "a line of progress is too long"
    grep -q 'other work took' "$work/table" || fail "the table does not say how busy the machine was"
    python3 bench/bench.py --build "$default" --compare "$default/bench/throughput.json" \
        "$default/bench/throughput.json" >"$work/compared"
    grep -q 'same within the spread' "$work/compared" || fail "a result differs from itself"
    grep -q '^drawn: .*compare.svg' "$work/compared" || fail "--compare draws nothing"
    # A model file in the place of a text: 8 bytes of length, then JSON.
    header='{"w": {"dtype": "F32", "shape": [100, 17], "data_offsets": [0, 6800]}}'
    { printf "\\$(printf %o ${#header})\\0\\0\\0\\0\\0\\0\\0"; printf %s "$header"; } >"$work/small.safetensors"
    python3 bench/bench.py --build "$default" --shapes "$work/small.safetensors" --threads 1 --repetitions 1 \
        --filter 'adamw/scalar' 2>/dev/null | grep -q '^small ' || fail "no list of a safetensors file"
    cp bench/RESULTS.md "$work/page.md"
    refuses 'needs a plain make bench' python3 bench/results_page.py --build "$default" --page "$work/page.md"
    for kind in json csv md; do
        [ -s "$default/bench/throughput.$kind" ] || fail "no throughput.$kind"
    done
    ! ls "$default"/bench/*.partial >/dev/null 2>&1 || fail "a file is left half written"
}
