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

resume "cannot read $dir/new.state" "$dir/new.state"
resume "'seed 1' there, 'seed 2' here" "$dir/plateau.state" --seed 2
resume "'batch 32' there, 'batch 33' here" "$dir/plateau.state" --batch 33
resume 'another schedule is there .*patience.*needs the .*--patience' "$dir/plateau.state" --patience 2
resume '4 epochs are done there' "$dir/plateau.state" --epochs 3
head -c 5000 "$dir/plateau.state" > "$dir/cut.state"
resume 'cut.state: byte 5000: truncated or damaged' "$dir/cut.state"
sed 's/^step [0-9]*/step 1/' "$dir/plateau.state" > "$dir/edited.state"
resume 'truncated or damaged' "$dir/edited.state"
{ cat "$dir/plateau.state"; head -c 4000000 /dev/zero; } > "$dir/long.state"
resume 'larger than any file of this kind' "$dir/long.state"

# recrc FILE: with a right CRC-32 behind it, which gzip computes, so that what stands before it is looked at
recrc() {
    size=$(($(wc -c < "$1") - 15))
    head -c $size "$1" > "$1.body"
    crc=$(gzip -c "$1.body" | tail -c 8 | od -An -v -t u1 | awk '{ printf "%02x%02x%02x%02x", $4, $3, $2, $1 }')
    { cat "$1.body"; echo "crc32 $crc"; } > "$1"
}
recrc "$dir/plateau.state"
one again --checkpoint "$dir/plateau.state" --resume
same plateau again "a checkpoint with the CRC-32 of its own bytes is not taken"
# forged PATTERN SCRIPT: by a checkpoint after a sed script
forged() {
    sed "$2" "$dir/plateau.state" > "$dir/forged.state"
    recrc "$dir/forged.state"
    resume "$1" "$dir/forged.state"
}
forged "must begin with the line 'adamw-train checkpoint 2'" '1s/2/1/'
forged 'another schedule is there' 's/^schedule_bytes .*/schedule_bytes 9/'
forged 'byte [0-9]*: not what adamw-train writes' 's/^schedule_bytes .*/schedule_bytes 99999999999/'
forged 'byte [0-9]*: not what adamw-train writes' 's/^best .*/best 4/'
forged 'byte [0-9]*: not what adamw-train writes' 's/^epochs .*/epochs -1/'
forged 'byte [0-9]*: not what adamw-train writes' 's/^float32 .*/float32 1 x 1/'
forged 'byte [0-9]*: not what adamw-train writes' 's/^epoch 0x/epoch x/'

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
    resume "'${kind#*:}_data crc32 .* there, .*needs the same data files" "$dir/plateau.state"
    data=data
done
