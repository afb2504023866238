#!/bin/sh
# test.sh - the trainer's tests on a small made-up fleet: test.sh build/adamw-train. What they share is here; the
# tests are in test/, a file for each subject, and run in the order of the last lines.
set -eu
export LC_ALL=C # awk and sort read and write numbers by it; test/bits.sh tries another

train=$1
here=$(dirname "$0")/test
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
passed=0

# result OK|FAILED text
result() {
    if [ "$1" = OK ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $2" >&2; fi
}

# check text command...: whether the command succeeds
check() {
    text=$1
    shift
    if "$@"; then result OK; else result FAILED "$text"; fi
}

# ---- a fleet: ten engines that run to failure, four cut short, two flight conditions ----

fleet() { # engines, cycles of the first, salt
    awk -v engines="$1" -v cycles="$2" -v x="$3" 'BEGIN {
        for (e = 1; e <= engines; e++) {
            n = cycles + 7 * e
            for (t = 1; t <= n; t++) {
                printf "%d %d %.4f 0.25 100.0", e, t, (e + t) % 2 * 20
                for (s = 1; s <= 21; s++) {
                    x = (x * 16807) % 2147483647
                    printf " %.4f", s < 4 ? s : s * 10 + (t / n) * (t / n) * s / 4 + x / 2147483647
                }
                printf " \n"
            }
        }
    }'
}
mkdir "$dir/plain" "$dir/data"
fleet 10 60 11 > "$dir/plain/train_FD002.txt"
fleet 4 20 12 > "$dir/plain/test_FD002.txt"
printf '%s \n' 30 12 80 5 > "$dir/plain/RUL_FD002.txt"
for file in "$dir"/plain/*; do gzip -c "$file" > "$dir/data/${file##*/}.gz"; done

# run OUT option...: a short training; patience is for the plateau schedule alone
data=data patience='--patience 0'
run() {
    out=$1
    shift
    "$train" --data "cmapss:$dir/$data" --subset FD002 --epochs 4 --warmup 1 $patience --batch 32 --seeds 2 \
        --out "$dir/$out" "$@" > "$dir/$out.log"
}

# one OUT option...: a single run, which a checkpoint can hold
one() { run "$@" --seeds 1 --optimizer adamw; }

# same OUT OUT text: the curves without their seconds, and the table with the weights' checksums
same() {
    for file in epochs runs; do
        for out in "$1" "$2"; do
            sed 's/,[0-9.]*$//' "$dir/$out/cmapss-FD002-$file.csv" > "$dir/$out-$file.cut"
            [ $file = epochs ] || cp "$dir/$out/cmapss-FD002-$file.csv" "$dir/$out-$file.cut"
        done
        check "$3 ($file)" cmp -s "$dir/$1-$file.cut" "$dir/$2-$file.cut"
    done
}

# bad PATTERN option...: one line with the pattern, exit status 2, and no result file
bad() {
    pattern=$1
    shift
    status=0
    "$train" --out "$dir/none" "$@" > "$dir/bad.out" 2> "$dir/bad.err" || status=$?
    if [ $status = 2 ] && [ "$(wc -l < "$dir/bad.err")" = 1 ] && grep -q -e "$pattern" "$dir/bad.err" &&
        [ -z "$(ls "$dir/none" 2> /dev/null)" ]; then
        result OK
    else
        result FAILED "$*: status $status, wanted 2 and '$pattern': $(cat "$dir/bad.err")"
        rm -rf "$dir/none"
    fi
}

# resume PATTERN STATE option...: a checkpoint that cannot be taken
resume() {
    pattern=$1 state=$2
    shift 2
    bad "$pattern" --data "cmapss:$dir/$data" --subset FD002 --epochs 4 --warmup 1 --patience 0 --batch 32 \
        --optimizer adamw --checkpoint "$state" --resume "$@"
}

. "$here/bits.sh"
. "$here/resume.sh"
. "$here/accumulate.sh"
. "$here/options.sh"
. "$here/input.sh"
. "$here/output.sh"

echo "$train: $passed passed, $failed failed"
[ $failed = 0 ]
