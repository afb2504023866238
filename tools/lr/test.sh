#!/bin/sh
# test.sh - adamw-lr as a user meets it: test.sh build/adamw-lr. The published traces, the files, and every refusal.
set -eu
LC_ALL=C # awk, sort and printf write numbers by the locale; adamw-lr itself does not, which has a part below
export LC_ALL
lr=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
case $lr in /*) ;; *) lr=$PWD/$lr ;; esac
cd "$(dirname "$0")/../.."
failed=0

fail() {
    echo "tools/lr/test.sh: $1" >&2
    failed=1
}

# The torch listing's metric: cuts follow epochs 91, 122, 153, 184 (kernels/schedule/README.md), and every seventeenth digit counts.
{ echo metric; awk 'BEGIN { for (e = 0; e < 200; e++) printf "%.17g\n", e < 60 ? 20 - 0.2 * e : 8 }'; } \
    > "$folder/metric.csv"
"$lr" --preset rul --metric "$folder/metric.csv" --csv "$folder/trace.csv" --no-chart > "$folder/table.txt"
cuts=$(awk -F, '$7 == 1 { printf "%s ", $2 }' "$folder/trace.csv")
[ "$cuts" = "91 122 153 184 " ] || fail "the cuts follow $cuts"
[ "$(tail -1 "$folder/trace.csv" | cut -d, -f4)" = 6.2500000000000001e-05 ] || fail "the last rate is wrong"
grep -q '4 cuts, lowest rate 6.25e-05 from epoch 185 on, 1.20 decades' "$folder/table.txt" || fail "the summary is wrong"

# Impatient, with four plateaus, it is at min_lr soon after epoch 100; patient, with one, it never cuts.
"$lr" --preset rul --epochs 200 --plateaus 4 --patience 10 --html "$folder/page.html" | grep -q 'min_lr is reached at epoch 116' ||
    fail "four plateaus with patience 10"
"$lr" --preset rul --epochs 200 --plateaus 1 --patience 80 | grep -q '^In all: 0 cuts' || fail "one plateau, patience 80"
"$lr" --preset rul --patience 10 --feed-warmup | grep -q '^Wrong.*8 cuts.*epoch 99\.$' || fail "the wrong trace"
grep -q '"right":\[\[\[10,0.001' "$folder/page.html" || fail "the page has no curves"
! grep -q 'src=\|href=\|@DATA@' "$folder/page.html" || fail "the page needs more than itself"

if command -v gnuplot > /dev/null 2>&1; then
    "$lr" --schedule wsd --unit steps --epochs 20 --decay-length 400 --picture "$folder/wsd" > /dev/null
    grep -q '</svg>' "$folder/wsd.svg" && [ "$(head -c 4 "$folder/wsd.png" | tail -c 3)" = PNG ] || fail "the pictures"
    # No name reaches gnuplot: this one would have it make a file.
    name="x';system 'touch made'
system 'touch made'
#"
    (cd "$folder" && "$lr" --preset rul --picture "$name") > /dev/null || fail "a picture with a quote in its name"
    [ -s "$folder/$name.svg" ] && [ -s "$folder/$name.png" ] || fail "a picture with quotes and lines in its name"
    [ ! -e "$folder/made" ] || fail "a picture's name ran a command"
    if [ -c /dev/full ]; then
        rm "$folder/wsd.png"
        ln -s /dev/full "$folder/wsd.png"
        cp "$folder/wsd.svg" "$folder/before.svg"
        ! "$lr" --preset rul --picture "$folder/wsd" > /dev/null 2> "$folder/said" || fail "a picture on a full device"
        grep -q 'No space left' "$folder/said" || fail "a full device says '$(cat "$folder/said")'"
    fi
else
    echo "tools/lr/test.sh: skipped: the pictures, because gnuplot is not there"
fi

# refused 'words of the sentence' options...: exit status 2 and one line on stderr.
refused() {
    words=$1
    shift
    status=0
    "$lr" "$@" > "$folder/out" 2> "$folder/said" || status=$?
    [ $status = 2 ] || fail "status $status, not 2: $*"
    [ "$(wc -l < "$folder/said")" = 1 ] || fail "not one line: $*"
    grep -qF -e "$words" "$folder/said" || fail "'$(cat "$folder/said")' lacks '$words'"
}
printf 'epoch,loss\n0,1\n1,x\n' > "$folder/bad.csv"
: > "$folder/empty.csv"
refused "unknown option '--wrong'" --wrong
refused "--preset: name is 'RUL': it must be one of rul" --preset RUL
refused "--schedule is 'spline'" --schedule spline
refused '--patience needs a value' --preset rul --patience
refused "--patience is 'ten': it must be a whole number" --patience ten
refused 'patience is -1: it must be at least 0' --preset rul --patience -1
refused 'factor is 2: it must be above 0 and below 1' --preset rul --factor 2
refused 'warmup is 500, longer than the run' --preset bert-finetune --epochs 1
refused "--anneal is 'tanh': it must be one of cosine|linear|sqrt" --anneal tanh
refused '--epochs is 0: it must be from 1 to 1,000,000' --epochs 0
refused '--plateaus is 101' --plateaus 101
refused 'has 2 columns (epoch,loss): choose one with --column' --preset rul --metric "$folder/bad.csv"
refused "has no column 'mae'" --preset rul --metric "$folder/bad.csv" --column mae
refused 'line 3 has no number in column 2' --preset rul --metric "$folder/bad.csv" --column loss
refused 'is empty' --preset rul --metric "$folder/empty.csv"
refused '--epochs is 300, but' --preset rul --metric "$folder/metric.csv" --epochs 300
refused '--html is about the plateau rule' --schedule cosine --html "$folder/x.html"
[ ! -e "$folder/x.html" ] || fail "a refused page was written"

# Outputs. tools/common/test_output.c has every kind of path; here, that each of the three files goes that way.
refused 'its folder must exist' --preset rul --csv "$folder/none/x.csv"
refused 'its folder must exist' --preset rul --html "$folder/none/x.html"
mkdir "$folder/below"
: > "$folder/below/target"
for option in --csv --html; do
    ln -sf below/target "$folder/link"
    "$lr" --preset rul --no-chart $option "$folder/link" > "$folder/out"
    [ -h "$folder/link" ] && [ -s "$folder/below/target" ] || fail "$option does not follow a link"
    refused 'it is a directory' --preset rul $option "$folder/below"
    mkfifo "$folder/pipe"
    cat "$folder/pipe" > "$folder/through" &
    "$lr" --preset rul --no-chart $option "$folder/pipe" > "$folder/out"
    [ -p "$folder/pipe" ] || kill $! # else it would wait for ever
    wait $! || true
    [ -p "$folder/pipe" ] && cmp -s "$folder/through" "$folder/below/target" || fail "$option into a pipe"
    rm "$folder/pipe"
    [ ! -c /dev/full ] || {
        ln -sf /dev/full "$folder/link"
        refused 'No space left' --preset rul $option "$folder/link"
        [ -h "$folder/link" ] && [ -c /dev/full ] || fail "$option replaced a device"
    }
done
[ "$("$lr" --preset rul --no-chart --csv /dev/fd/1 | grep -c '^[0-9]*,[0-9]*,main,')" = 190 ] ||
    fail "--csv /dev/fd/1"
for way in '--preset rul' --help; do
    [ ! -c /dev/full ] || ! "$lr" $way > /dev/full 2> /dev/null || fail "$way to a full device ends well"
    ! "$lr" $way --csv "$folder/closed.csv" >&- 2> /dev/null || fail "$way to a closed standard output ends well"
done
[ ! -e "$folder/closed.csv" ] || fail "a file was written in place of standard output"

[ $failed = 0 ] && echo "tools/lr/test.sh: passed"
exit $failed
