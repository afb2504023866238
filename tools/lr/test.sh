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

# The pure Python listing prints 1.56e-05 as its end: that of its default, a flat metric fed through the warmup.
awk 'BEGIN { print "metric"; for (e = 0; e < 200; e++) print 8 }' > "$folder/flat.csv"
"$lr" --preset rul --fire-at-patience --threshold 0 --metric "$folder/flat.csv" --feed-warmup --no-chart |
    grep -q '^Wrong.*: 6 cuts, lowest rate 1.5625e-05 .* 1.81 decades' || fail "the pure Python listing's end value"

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
        grep -q '/dev/full cannot be written' "$folder/said" || fail "a full device says '$(cat "$folder/said")'"
    fi
else
    echo "tools/lr/test.sh: skipped: the pictures, because gnuplot is not there"
fi

# Each file is named where a reader looks for it.
"$lr" --preset rul --csv "$folder/named.csv" | tail -1 | grep -qx "Written: $folder/named.csv" || fail "no word of a file"

# Without a floor the rate falls out of sight, which is told.
"$lr" --schedule plateau --patience 3 --no-chart | grep -q 'below a thousandth of the full one.*--min-lr' ||
    fail "no word about a plateau without a floor"
! "$lr" --schedule plateau --patience 3 --min-lr 1e-6 --no-chart | grep -q 'thousandth' || fail "a floor is not seen"

# A full rate of 0 divides nothing.
"$lr" --schedule constant --lr 0 > "$folder/zero.txt" || fail "a rate of 0 is refused"
! grep -q 'nan\|inf' "$folder/zero.txt" || fail "a rate of 0 is told as $(grep -m 1 'nan\|inf' "$folder/zero.txt")"

# Steps that are refused are not timed.
! ADAMW_ISA=none "$lr" --speed > "$folder/out" 2> "$folder/said" && [ ! -s "$folder/out" ] &&
    grep -q '^adamw-lr: --speed: the AdamW step is refused.*ADAMW_ISA' "$folder/said" || fail "--speed of refused steps"

# The same bytes in a locale with a decimal comma.
if tests/comma_locale.sh true; then
    "$lr" --preset rul --lr 1.5e-3 --metric "$folder/metric.csv" --csv "$folder/c.csv" | sed '/^Written/d' > "$folder/c.txt"
    tests/comma_locale.sh "$lr" --preset rul --lr 1.5e-3 --metric "$folder/metric.csv" --csv "$folder/l.csv" |
        sed '/^Written/d' > "$folder/l.txt"
    cmp "$folder/c.csv" "$folder/l.csv" && cmp "$folder/c.txt" "$folder/l.txt" || fail "a locale with a decimal comma changes numbers"
else
    echo "tools/lr/test.sh: skipped: a locale with a decimal comma"
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
refused "--preset is 'RUL': it must be one of rul, bert-finetune, vit-imagenet" --preset RUL
refused "--schedule is 'cosinus': it must be one of constant, plateau, linear, cosine, cosine-restarts" --schedule cosinus
refused "comes after --preset 'rul'" --preset rul --schedule cosine
refused '--patience needs a value' --preset rul --patience
refused "--patience is 'ten': it must be a whole number" --patience ten
refused '--patience is -1: it must be at least 0' --preset rul --patience -1
refused '--factor is 2: it must be above 0 and below 1' --preset rul --factor 2
refused "the warmup of 'bert-finetune' has 500 steps, more than the whole run, which has 100" --preset bert-finetune --epochs 1
refused "--warmup is 300, longer than the run: it must be at most the run's length, which is 200" --warmup 300
# The options' names, not those of the library's fields and enumerators.
refused '--decay-length is 0: it must be at least 1' --schedule wsd
refused '--step-size is 0: it must be at least 1' --schedule step
refused '--lr is -0.1: it must be finite' --lr -0.1
refused '--min-lr is 0.1, above --lr 0.001' --schedule linear --min-lr 0.1
refused '--unit is steps: a plateau counts epochs, so it must be epochs' --schedule plateau --unit steps
refused '--anneal is sqrt: a one-cycle has cosine and linear' --schedule one-cycle --anneal sqrt
# An option without effect.
refused "--patience has no effect here: the schedule of 'ppo' is constant" --preset ppo --patience 10
refused "--min-lr has no effect here: the schedule of 'gan' is constant" --preset gan --min-lr 0
refused '--warmup-start has no effect here' --warmup-start 0.5
refused '--weight-decay-gamma has no effect here: it needs --weight-decay-kind steps' --weight-decay-gamma 0.5
refused '--weight-decay-end has no effect here' --weight-decay-end 0.5
refused '--plateaus has no effect here' --schedule cosine --plateaus 2
refused '--plateaus has no effect here' --preset rul --plateaus 2 --metric "$folder/metric.csv"
refused '--metric has no effect here' --schedule cosine --metric "$folder/metric.csv"
refused '--steps-per-epoch has no effect here' --preset rul --steps-per-epoch 10
refused '--speed times every schedule' --speed --preset rul
# Numbers and lists.
for list in 30,,60 ,30 30, ''; do
    refused "--milestones is '$list': entry" --schedule multistep --milestones "$list"
done
refused "--milestones is '3x'" --schedule multistep --milestones 5,3x
refused "--lr is '1,5': it must be a number, with a decimal point" --lr 1,5
refused "--lr is '1e999'" --lr 1e999
refused "--lr is ' 1'" --lr ' 1'
refused "--anneal is 'tanh': it must be one of cosine|linear|sqrt" --anneal tanh
refused '--epochs is 0: it must be from 1 to 1,000,000' --epochs 0
refused '--plateaus is 101' --plateaus 101
refused 'has 2 columns (epoch,loss): choose one with --column' --preset rul --metric "$folder/bad.csv"
refused "has no column 'mae'" --preset rul --metric "$folder/bad.csv" --column mae
refused "line 3 has no number in column 2: it has 'x'" --preset rul --metric "$folder/bad.csv" --column loss
# Metrics as programs write them: bytes, words of the refusal, options.
refused_metric() {
    printf "$1" > "$folder/metric-in.csv"
    shift
    refused "$@"
}
in="--schedule plateau --metric $folder/metric-in.csv"
refused_metric 'loss\n3\n1,5\n' 'line 3 has 2 columns instead of 1' $in
refused_metric 'loss\n"1,5"\n' "line 2 has no number in column 1: it has '1,5'" $in
refused_metric '1,5\n2,5\n' 'has 2 columns (1,5): choose one' $in
refused_metric 'a;b\n1;2\n' "line 2 has no number in column 1: it has '1;2'" $in
refused_metric 'a,b,a\n1,2,3\n' "has two columns named 'a', 1 and 3" $in --column a
refused_metric '1,x\n2,3\n' 'line 1 has numbers and names' $in --column 1
refused_metric 'a,b\n1,2\n3\n' 'line 3 has 1 columns instead of 2' $in --column a
refused_metric 'a\n"1\n' 'line 2, column 1 has a quote that does not end' $in
refused_metric 'a\n"1"2\n' 'line 2, column 1 goes on behind its quotes' $in
refused_metric 'a\n1\000\n' 'line 2 has the control character 0x00' $in
refused_metric 'a\n1\0332Jx\n' 'line 2 has the control character 0x1b' $in
refused_metric 'a\r1\r2\r\n' 'line 1 has a carriage return within it' $in
refused_metric 'a\n1\r2\n' 'line 2 has a carriage return within it' $in
refused_metric 'a\n1e999\n' "line 2 has no number" $in
refused_metric 'a,b\n1,\n2,\n' 'has no value in column 2' $in --column b
refused 'cannot be read: Is a directory' --preset rul --metric "$folder"
head -c 1100000 /dev/zero | tr '\0' 1 > "$folder/long.csv"
refused 'line 1 is longer than 1048576 bytes' --preset rul --metric "$folder/long.csv"

# read_metric 'bytes' 'values' options...: the metric column of the trace.
read_metric() {
    printf "$1" > "$folder/metric-in.csv"
    expected=$2
    shift 2
    rm -f "$folder/trace.csv"
    "$lr" $in --no-chart --csv "$folder/trace.csv" "$@" > "$folder/out" 2>&1 || fail "refused: $(cat "$folder/out")"
    found=$(tail -n +2 "$folder/trace.csv" | cut -d, -f6 | tr '\n' ' ')
    [ "$found" = "$expected " ] || fail "the metric is '$found' instead of '$expected'"
}
read_metric '\357\273\2777\n6\n5\n' '7 6 5'
read_metric '\357\273\277"val loss"\r\n7\r\n6\r\n' '7 6'
read_metric 'epoch,"val, ""best"""\n0,7\n1,"6"\n' '7 6' --column 'val, "best"'
read_metric 'a,b,a\n1,2,3\n4,5,6\n' '3 6' --column 3
read_metric '7\n6.5' '7 6.5'
read_metric '\n\nloss\n 7 \n\n6\t\n' '7 6'
read_metric '1,7\n2,6\n' '7 6' --column 2
read_metric 'epoch,step,train_loss,val_loss\n0,49,0.5,\n0,49,,0.75\n1,99,0.25,\n1,99,,0.625\n' '0.75 0.625' --column val_loss
grep -q '^2 blank cells' "$folder/out" || fail "blank cells are left out without a word"
read_metric "$(printf '%05000d' 0),b\n1,7\n1,$(printf '%05000d' 6)\n" '7 6' --column b # a line of more than 4,095 bytes
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
