# resume.sh - a run that was stopped goes on with the same bits; a checkpoint that cannot be taken is refused. A part
# of test.sh.

# broken OUT option...: one run, and the same one in three parts
broken() {
    name=$1
    shift
    one "$name" "$@"
    one "$name-parts" "$@" --checkpoint "$dir/$name.state" --stop 1
    one "$name-parts" "$@" --checkpoint "$dir/$name.state" --stop 3 --resume
    one "$name-parts" "$@" --checkpoint "$dir/$name.state" --resume
    same "$name" "$name-parts" "a resumed run gives other bits: $name $*"
    check "a lock is left" [ ! -e "$dir/$name.state.lock" ]
}
broken plateau
broken floor --min-lr 1e-4
broken update --clip 0.5 --ema 0.99 --accumulate 3 --near-failure
patience=
broken cosine --schedule cosine
broken multistep --schedule multistep --epochs 8
broken preset --preset rul --warmup 1
patience='--patience 0'

resume "$dir/new.state cannot be read: no such file" "$dir/new.state"
resume "'seed 1' there, 'seed 2' here" "$dir/plateau.state" --seed 2
resume "'batch 32' there, 'batch 33' here" "$dir/plateau.state" --batch 33
resume 'another schedule is there .*patience.*needs the .*--patience' "$dir/plateau.state" --patience 2
resume '4 epochs are planned there, and --epochs is 3 here: --resume needs the same' "$dir/plateau.state" --epochs 3
resume '4 epochs are planned there, and --epochs is 5 here: .*or --extend' "$dir/plateau.state" --epochs 5
resume '4 epochs are planned there, and --epochs is 3 here: --extend makes a run longer' "$dir/plateau.state" \
    --epochs 3 --extend
bad 'extend needs --checkpoint FILE --resume' --extend

# A longer run: that of a schedule which does not ask for its length is the one that was so long from the start.
extended() {
    name=$1
    shift
    one "$name-long" "$@" --epochs 7
    one "$name-more" "$@" --checkpoint "$dir/$name-more.state"
    one "$name-more" "$@" --checkpoint "$dir/$name-more.state" --resume --extend --epochs 6 --stop 5
    one "$name-more" "$@" --checkpoint "$dir/$name-more.state" --resume --epochs 6
    one "$name-more" "$@" --checkpoint "$dir/$name-more.state" --resume --extend --epochs 7
    same "$name-long" "$name-more" "an extended run gives other bits: $name $*"
}
extended plateau
patience=
extended exponential --schedule exponential
extended inverse --schedule inverse-sqrt
extended preset --preset gan --ema 0.9
for kind in cosine wsd; do
    one "$kind-more" --schedule $kind --checkpoint "$dir/$kind-more.state" --stop 3
    cp "$dir/$kind-more.state" "$dir/$kind-more.copy"
done
# The last fifth of the three epochs after the warmup decays: wsd is still flat after two of them, cosine never is.
one wsd-more --schedule wsd --checkpoint "$dir/wsd-more.state" --resume --extend --epochs 9 --stop 4
status=0
one cosine-more --schedule cosine --checkpoint "$dir/cosine-more.state" --resume --extend --epochs 9 \
    2> "$dir/extend.err" || status=$?
check "an extended cosine: status $status, $(cat "$dir/extend.err")" \
    grep -q 'the schedule is cosine, at step .*: a longer run would rescale' "$dir/extend.err"
check "an extended cosine has status $status" [ $status = 2 ]
check "a refused --extend changed the checkpoint" cmp -s "$dir/cosine-more.state" "$dir/cosine-more.copy"
patience='--patience 0'

# Damage: the library's own sentences, with the byte or the tensor's name.
head -c 5000 "$dir/plateau.state" > "$dir/cut.state"
resume 'cut.state: truncated: its header ends at byte [0-9]*, but the file at 5000' "$dir/cut.state"
head -c -1 "$dir/plateau.state" > "$dir/cut.state"
resume 'cut.state' "$dir/cut.state"
{ cat "$dir/plateau.state"; printf x; } > "$dir/long.state"
resume 'long.state' "$dir/long.state"
sed 's/train.batch":"32/train.batch":"31/' "$dir/plateau.state" > "$dir/edited.state"
resume 'edited.state' "$dir/edited.state"
size=$(wc -c < "$dir/plateau.state")
{ head -c $((size - 9000)) "$dir/plateau.state"; printf '\377\377'; tail -c 8998 "$dir/plateau.state"; } > "$dir/bit.state"
resume "tensor '.*' is damaged" "$dir/bit.state"
: > "$dir/empty.state"
resume 'empty.state' "$dir/empty.state"

# forged PATTERN COMMAND WORD...: a checkpoint with one thing changed and right checksums
forged() {
    pattern=$1 command=$2
    shift 2
    "${train%/*}/adamw-train-forge" "$command" "$dir/plateau.state" "$dir/forged.state" "$@"
    resume "$pattern" "$dir/forged.state"
}
forged "'train.format' is '2', and must be '1': not a checkpoint of this program" text train.format 2
forged "'train.format' is missing" text train.format
forged "'train.batch' is missing" text train.batch
forged "'data .*' there, 'data cmapss-FD002' here" text train.data other
forged 'another schedule is there' text adamw.schedule nothing
forged 'has no schedule' text adamw.schedule
forged "'train.best_epoch' is 4: it must be from 0 to 3" whole train.best_epoch 4
forged "'train.epochs_planned' is -1: it must be from 1" whole train.epochs_planned -1
forged "'train.recipe_epochs' is 5: it must be from 1 to 4" whole train.recipe_epochs 5
forged "tensor 'train.best.layers.0.weight' is missing" drop train.best.layers.0.weight
forged "tensor 'train.best.layers.0.bias' is of another dtype or shape" shorter train.best.layers.0.bias
forged "tensor 'train.epochs.seconds' is of another dtype or shape" shorter train.epochs.seconds
forged "no tensor 'state.layers.1.bias.exp_avg'" drop state.layers.1.bias.exp_avg
forged "'state.layers.2.weight.step' is 1, but" whole state.layers.2.weight.step 1
"${train%/*}/adamw-train-forge" text "$dir/plateau.state" "$dir/forged.state" train.openblas Core
one again --checkpoint "$dir/forged.state" --resume 2> "$dir/again.err"
check "another BLAS is not told: $(cat "$dir/again.err")" \
    grep -q "'openblas Core' there, .*: the bits will not be those of an unbroken run" "$dir/again.err"
same plateau again "a checkpoint that was written anew is not taken"

# Other data of the same shape: one digit of one file.
for kind in train:training test:test RUL:test; do
    rm -rf "$dir/other-data"
    cp -r "$dir/plain" "$dir/other-data"
    file=$dir/other-data/${kind%:*}_FD002.txt
    case $file in
    */RUL*) sed '4s/5/6/' "$dir/plain/RUL_FD002.txt" > "$file" ;;
    *) sed '9s/\.25 100\.0 1\.0000 2\.0000 3\.0000 \([0-9]*\)\.[0-9]/.25 100.0 1.0000 2.0000 3.0000 \1.77/' \
        "$dir/plain/${file##*/}" > "$file" ;;
    esac
    check "no digit of $kind changed" [ "$(cmp -s "$file" "$dir/plain/${file##*/}" && echo same)" != same ]
    data=other-data
    resume "'${kind#*:}_data crc32 .* there, .*needs the data files of" "$dir/plateau.state"
    data=data
done
