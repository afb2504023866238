# options.sh - what each option takes and refuses, always by the option's own name. A part of test.sh.

patience=
for kind in constant linear cosine cosine-restarts polynomial exponential step multistep inverse-sqrt wsd \
    one-cycle; do
    check "--schedule $kind" run kind --schedule $kind --warmup 0
    check "--schedule $kind with one step" run kind --schedule $kind --warmup 0 --epochs 1 --batch 1000
done
for preset in rul bert-finetune vit-imagenet stable-diffusion-finetune gan ppo; do
    check "--preset $preset" run preset --preset $preset --warmup 1
done

# A default warmup is at most half of the run, and a preset says so.
short() { # what the log says, option...
    wanted=$1
    shift
    "$train" --data "cmapss:$dir/data" --subset FD002 --out "$dir/short" "$@" > "$dir/short.log" 2>&1 &&
        grep -q -e "$wanted" "$dir/short.log"
}
for epochs in 1 2 3; do
    check "--epochs $epochs: $(cat "$dir/short.log" 2> /dev/null)" short "epoch   $epochs/$epochs " --epochs $epochs
done
check "rul in four epochs" \
    short 'preset rul: 2 epochs of warmup, at most half of the run, not 10' --preset rul --epochs 4
check "bert in one step" short '0 steps of warmup, .* not 500' --preset bert-finetune --epochs 1 --batch 1000
if short 'of warmup, at most' --preset rul --epochs 20; then result FAILED "rul in 20 epochs"; else result OK; fi

# A plateau without a floor; the loss of this rate never falls.
check "no floor" short 'below a thousandth of --lr 0.5 and has no floor' --lr 0.5 --patience 0 --min-lr 0 --epochs 60
check "told once" [ "$(grep -c thousandth "$dir/short.log")" = 2 ] # once for each optimizer
if short thousandth --lr 0.5 --patience 0 --epochs 60; then result FAILED "a floor is no floor"; else result OK; fi

bad "unknown option '--fast'" --fast
bad "unknown option 'fast'" fast
bad "'--epochs=3': the value is a word of its own: --epochs 3" --epochs=3
bad "'x.state' follows --resume, which has no value: --checkpoint FILE --resume goes on" --resume x.state
bad "'2' follows --near-failure, which has no value" --near-failure 2
bad "needs a value" --epochs
bad "must be a whole number from 1" --epochs 0
bad "must be a whole number from 1" --batch 1.5
bad "must be a whole number from 0" --threads -1
bad "must be a number from 1e-30" --lr 0
bad "must be a number from 1e-30" --lr nan
bad "must be a number from 1e-30" --lr 1,5
bad "must be a number from 0" --weight-decay 1e-2,-1
bad "must be a number from 0" --weight-decay 1e-2,,1
bad "number of 80 characters: it must have at most 63" --hidden "$(printf '%080d' 7)"
bad "must be adamw, adam-l2 or both" --optimizer sgd
bad "must be auto, scalar, avx2, avx512 or neon" --isa sse
bad "must be FD001 or FD002" --subset FD009
bad "needs --data cmapss:DIR" --subset FD001
bad "must be fashion-mnist" --data mnist
bad "whole number from 0 to 2^64" --seed x
bad "warmup is 5: it must be below --epochs, which is 5" --epochs 5 --warmup 5
bad "stop is 6: it must be at most --epochs, which is 5" --epochs 5 --stop 6 --checkpoint "$dir/new.state"
bad "cannot read /nowhere/train_FD001.txt, plain or .gz" --data cmapss:/nowhere
bad "not finite" --data "cmapss:$dir/data" --subset FD002 --lr 1e6 --epochs 3 --warmup 0
bad "must be one of rul, bert-finetune" --preset bert
bad "must be one of constant, plateau, linear, .*, one-cycle$" --schedule cosinus
bad "brings its own schedule" --preset rul --schedule cosine
bad "patience is for the plateau schedule: this one is cosine" --schedule cosine --patience 3
bad "patience is for the plateau schedule: this one is constant" --preset ppo --patience 3
bad "min-lr is for the plateau schedule: this one is wsd" --schedule wsd --min-lr 0
bad "min-lr is 1: it must be at most the rate, 0.5" --lr 0.5 --min-lr 1
bad "min-lr is 0.0015000000000000002: it must be at most the rate, 0.0015" --lr 0.0015 --min-lr 0.0015000000000000002
bad "must be a number from 0 to 1" --ema 1.5
bad "must be a number from 0 to 1e+30" --clip -1
bad "needs --checkpoint FILE" --resume
bad "needs --checkpoint FILE" --stop 2
bad "needs --data cmapss:DIR" --near-failure
bad "holds a single run" --checkpoint "$dir/new.state"
bad "resume goes on from it" --checkpoint "$dir/plateau.state" --optimizer adamw
case $(uname -m) in
x86_64) bad "does not have" --isa neon ;;
*) bad "does not have" --isa avx2 ;;
esac

export ADAMW_ISA=mmx
bad "ADAMW_ISA is 'mmx': it must be auto or an instruction set" --data "cmapss:$dir/data" --subset FD002
unset ADAMW_ISA
patience='--patience 0'

# The words of ARGS reach the program as they stand: make, a shell and gnuplot read nothing in them.
made() { # ARGS
    status=0
    # -o: the program is not built again, whatever flags it was built with.
    make --no-print-directory BUILD="${train%/*}" -o "$train" run-train ARGS="$1" > "$dir/made.log" 2>&1 || status=$?
}
made "--out $dir/a;touch\\ $dir/x1 --seed \`touch\\ $dir/x2\` --lr \$(touch\\ $dir/x3) \
    \$(shell\\ touch\\ $dir/x4)"
check "ARGS ran a command: $(ls "$dir"/x? 2> /dev/null)" [ -z "$(ls "$dir"/x? 2> /dev/null)" ]
check "ARGS: status $status, $(cat "$dir/made.log")" grep -q "seed is '\`touch $dir/x2\`'" "$dir/made.log"
made "--epochs 0"
check "more than one line of make's: $(cat "$dir/made.log")" [ "$(grep -c '[*][*][*]' "$dir/made.log")" = 1 ]
names="$dir/a'b \"c\" \$d;e
f"
cp -r "$dir/plain" "$dir/a b"
check "quotes, blanks and a line end in --out" \
    "$train" --data "cmapss:$dir/a b" --subset FD002 --epochs 1 --out "$names" > "$dir/names.log" 2>&1
if grep -q 'gnuplot is not installed' "$dir/names.log"; then
    echo "skipped: pictures, because there is no gnuplot"
else
    check "no picture in a folder of such a name: $(cat "$dir/names.log")" [ -s "$names/cmapss-FD002.svg" ]
    # A rate of 0 has no place on a logarithmic axis: the first epoch of this preset's warmup.
    check "a picture of a rate of 0: $(cat "$dir/short.log")" \
        short 'wrote .*FD002.svg' --preset bert-finetune --epochs 1 --batch 500
    check "a picture of weight decays: $(cat "$dir/short.log")" \
        short 'wrote .*FD002-decays.svg' --epochs 1 --weight-decay 0,1e-2,1 --seeds 2
fi
made "--data 'cmapss:$dir/a b' --subset FD002 --epochs 1 --out '$dir/with blanks'"
check "quotes in ARGS: $(cat "$dir/made.log")" [ -s "$dir/with blanks/cmapss-FD002-runs.csv" ]
