#!/bin/sh
# test.sh - the trainer's tests on a small made-up fleet: test.sh build/adamw-train. The same bits for every --isa,
# --threads and --jobs and in a second run; each bad input told in one line with exit status 2, and nothing written.
set -eu

train=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
passed=0

# result OK|FAILED text
result() {
    if [ "$1" = OK ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $2" >&2; fi
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
mkdir "$dir/data"
fleet 10 60 11 > "$dir/data/train_FD002.txt"
fleet 4 20 12 > "$dir/data/test_FD002.txt"
printf '%s \n' 30 12 80 5 > "$dir/data/RUL_FD002.txt"

# run OUT option...: a short training; patience is for the plateau schedule alone
patience='--patience 0'
run() {
    out=$1
    shift
    "$train" --data "cmapss:$dir/data" --subset FD002 --epochs 4 --warmup 1 $patience --batch 32 --seeds 2 \
        --out "$dir/$out" "$@" > "$dir/$out.log"
}

# same OUT OUT text: the curves without their seconds, and the table with the weights' checksums
same() {
    for file in epochs runs; do
        for out in "$1" "$2"; do
            sed 's/,[0-9.]*$//' "$dir/$out/cmapss-FD002-$file.csv" > "$dir/$out-$file.cut"
            [ $file = epochs ] || cp "$dir/$out/cmapss-FD002-$file.csv" "$dir/$out-$file.cut"
        done
        if cmp -s "$dir/$1-$file.cut" "$dir/$2-$file.cut"; then result OK; else result FAILED "$3 ($file)"; fi
    done
}

run first
run second
same first second "a second run gives other bits"
for isa in scalar avx2 avx512 neon; do
    if run "$isa" --isa "$isa" 2> /dev/null; then
        same first "$isa" "--isa $isa gives other bits"
    else
        echo "skipped: --isa $isa does not run here"
    fi
done
for threads in 0 2 3; do
    run "threads$threads" --threads "$threads" --jobs 1
    same first "threads$threads" "--threads $threads --jobs 1 gives other bits"
done
run jobs --jobs 4
same first jobs "--jobs 4 gives other bits"
run other --seed 3
if cmp -s "$dir/first/cmapss-FD002-runs.csv" "$dir/other/cmapss-FD002-runs.csv"; then
    result FAILED "another seed gives the same bits"
else
    result OK
fi

mkdir "$dir/plain"
mv "$dir"/data/* "$dir/plain"
for file in "$dir"/plain/*; do gzip -c "$file" > "$dir/data/${file##*/}.gz"; done
run packed
same first packed "gzip files give other bits"

# ---- stopped and resumed: the same bits as one run ----

# broken OUT option...: one run, and the same one in three parts
broken() {
    name=$1
    shift
    one() { run "$@" --seeds 1 --optimizer adamw; }
    one "$name" "$@"
    one "$name-parts" "$@" --checkpoint "$dir/$name.state" --stop 1
    one "$name-parts" "$@" --checkpoint "$dir/$name.state" --stop 3 --resume
    one "$name-parts" "$@" --checkpoint "$dir/$name.state" --resume
    same "$name" "$name-parts" "a resumed run gives other bits: $name $*"
    if [ -e "$dir/$name.state.tmp" ]; then result FAILED "a temporary checkpoint is left"; else result OK; fi
}
broken plateau
broken update --clip 0.5 --ema 0.99 --accumulate 3 --near-failure
patience=
broken cosine --schedule cosine
broken multistep --schedule multistep --epochs 8
broken preset --preset rul --warmup 1
for kind in constant linear cosine-restarts polynomial exponential step inverse-sqrt wsd one-cycle; do
    if run kind --schedule $kind --warmup 0; then result OK; else result FAILED "--schedule $kind"; fi
done
for preset in bert-finetune vit-imagenet stable-diffusion-finetune gan ppo; do
    if run preset --preset $preset --warmup 1; then result OK; else result FAILED "--preset $preset"; fi
done

# Two batches of 32 to a step are a batch of 64 but for rounding and an epoch's rest. Coupled L2 shows the gradients'
# scale, which Adam alone would hide.
run whole --optimizer adam-l2 --weight-decay 1 --batch 64
run halves --optimizer adam-l2 --weight-decay 1 --accumulate 2
far=$(paste -d, "$dir/whole/cmapss-FD002-epochs.csv" "$dir/halves/cmapss-FD002-epochs.csv" |
    awk -F, 'NR > 1 { d = $6 / $16 - 1; d = d < 0 ? -d : d; if (d > worst) worst = d } END { print worst + 0 }')
if awk "BEGIN { exit !($far < 1e-4) }"; then result OK; else result FAILED "--accumulate 2 is $far off"; fi

# ---- bad input ----

# bad PATTERN option...
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
    fi
}

bad "unknown option '--fast'" --fast
bad "needs a value" --epochs
bad "must be a whole number from 1" --epochs 0
bad "must be a whole number from 1" --batch 1.5
bad "must be a whole number from 0" --threads -1
bad "must be a number from 1e-30" --lr 0
bad "must be a number from 1e-30" --lr nan
bad "must be a number from 0" --weight-decay 1e-2,-1
bad "must be adamw, adam-l2 or both" --optimizer sgd
bad "must be auto, scalar, avx2, avx512 or neon" --isa sse
bad "must be FD001 or FD002" --subset FD009
bad "needs --data cmapss:DIR" --subset FD001
bad "must be fashion-mnist" --data mnist
bad "whole number from 0 to 2^64" --seed x
bad "below the 5 epochs" --epochs 5 --warmup 5
bad "cannot read /nowhere/train_FD001.txt, plain or .gz" --data cmapss:/nowhere
bad "not finite" --data "cmapss:$dir/data" --subset FD002 --lr 1e6 --epochs 3 --warmup 0
bad "must be one of rul, bert-finetune" --preset bert
bad "must be one of constant, plateau" --schedule cos
bad "brings its own schedule" --preset rul --schedule cosine
bad "the plateau schedule: this one is cosine" --schedule cosine --patience 3
bad "must be a number from 0 to 1" --ema 1.5
bad "must be a number from 0 to 1e+30" --clip -1
bad "needs --checkpoint FILE" --resume
bad "needs --checkpoint FILE" --stop 2
bad "needs --data cmapss:DIR" --near-failure
bad "holds a single run" --checkpoint "$dir/new.state"
bad "resume goes on from it" --checkpoint "$dir/plateau.state" --optimizer adamw
bad "warmup is 500" --data "cmapss:$dir/data" --subset FD002 --preset bert-finetune

# resume PATTERN STATE option...: a checkpoint that cannot be taken
resume() {
    pattern=$1 state=$2
    shift 2
    bad "$pattern" --data "cmapss:$dir/data" --subset FD002 --epochs 4 --warmup 1 --patience 0 --batch 32 \
        --optimizer adamw --checkpoint "$state" --resume "$@"
}
resume "cannot read $dir/new.state" "$dir/new.state"
resume "'seed 1' there, 'seed 2' here" "$dir/plateau.state" --seed 2
resume "'batch 32' there, 'batch 33' here" "$dir/plateau.state" --batch 33
resume 'schedule: .*patience' "$dir/plateau.state" --patience 2
resume '4 epochs are done there' "$dir/plateau.state" --epochs 3
head -c 5000 "$dir/plateau.state" > "$dir/cut.state"
resume 'cut.state: byte 5000: truncated or damaged' "$dir/cut.state"
sed 's/^step [0-9]*/step 1/' "$dir/plateau.state" > "$dir/edited.state"
resume 'truncated or damaged' "$dir/edited.state"

case $(uname -m) in
x86_64) bad "does not have" --isa neon ;;
*) bad "does not have" --isa avx2 ;;
esac

export ADAMW_ISA=mmx
bad "ADAMW_ISA is 'mmx': it must be auto or an instruction set" --data "cmapss:$dir/data" --subset FD002
unset ADAMW_ISA

# damaged FILE PATTERN command...: the file of the fleet after a filter
damaged() {
    file=$1 pattern=$2
    shift 2
    rm -rf "$dir/damaged"
    cp -r "$dir/plain" "$dir/damaged"
    "$@" < "$dir/plain/$file" > "$dir/damaged/$file"
    bad "$file: $pattern" --data "cmapss:$dir/damaged" --subset FD002
}
damaged train_FD002.txt 'line 10: truncated: the last line does not end' head -c 2000
damaged train_FD002.txt 'line 3: 25 columns, it must be 26' sed '3s/ [0-9.]* $//'
damaged train_FD002.txt 'line 3: more than 26 columns' sed '3s/$/7/'
damaged train_FD002.txt "line 5, column 4: '0.2x' is not a decimal number" sed '5s/0.25/0.2x/'
damaged train_FD002.txt "line 5, column 4: 'nan' is not a decimal number" sed '5s/0.25/nan/'
damaged train_FD002.txt 'line 4, columns 1 and 2: unit 1 cycle 5 does not follow unit 1 cycle 3' sed 4d
damaged train_FD002.txt 'line 1: the file is empty' head -c 0
damaged test_FD002.txt 'line 2, column 3: flight condition 40' sed 's/ 20.0000 / 40.0000 /'
damaged RUL_FD002.txt 'line 4: truncated: 3 lines for the 4 units' sed 4d
damaged RUL_FD002.txt 'line 5: more lines than the 4 units' sed '4p'
damaged RUL_FD002.txt 'line 2: a remaining life of -12 is negative' sed 's/12/-12/'

packed=$dir/data/train_FD002.txt.gz
size=$(wc -c < "$packed")
damaged_gz() {
    pattern=$1
    shift
    rm -rf "$dir/damaged"
    cp -r "$dir/data" "$dir/damaged"
    "$@" < "$packed" > "$dir/damaged/train_FD002.txt.gz"
    bad "train_FD002.txt.gz: $pattern" --data "cmapss:$dir/damaged" --subset FD002
}
flip() { head -c $((size / 2)); printf '\377\377\377\377\377\377\377\377'; } # the rest of its input stays unread
damaged_gz "byte $((size - 100)): truncated" head -c $((size - 100))
damaged_gz 'byte [0-9]*: ' flip

mkdir "$dir/idx"
bytes() { # count
    head -c "$1" /dev/zero
}
images() { # octal of the last size byte of the count
    printf '\000\000\010\003\000\000\000'"$1"'\000\000\000\004\000\000\000\004'
}
{ images '\002'; bytes 31; } > "$dir/idx/train-images-idx3-ubyte"
bad 'train-images-idx3-ubyte: byte 47: truncated: the header announces 48 bytes' --data "fashion-mnist:$dir/idx"
{ images '\002'; bytes 33; } > "$dir/idx/train-images-idx3-ubyte"
bad 'byte 48: more bytes than the header announces' --data "fashion-mnist:$dir/idx"
printf 'hello, this is no IDX file' > "$dir/idx/train-images-idx3-ubyte"
bad 'byte 0: the IDX magic is 0x68656c6c, it must be 0x00000803' --data "fashion-mnist:$dir/idx"
{ images '\002'; bytes 32; } > "$dir/idx/train-images-idx3-ubyte"
{ printf '\000\000\010\001\000\000\000\003'; bytes 3; } > "$dir/idx/train-labels-idx1-ubyte"
bad 'train-labels-idx1-ubyte: byte 4: 3 labels for the 2 images' --data "fashion-mnist:$dir/idx"

echo "$train: $passed passed, $failed failed"
[ $failed = 0 ]
