# output.sh - where output goes: links, pipes, a full disk, and two trainers on one checkpoint. What output.c does
# with each kind of path is tried by tools/common/test_output.c. A part of test.sh.

# A link is followed, and stays one; a file of the old temporary's name is somebody else's.
mkdir "$dir/far" "$dir/linked"
echo mine > "$dir/victim"
ln -s victim "$dir/far.state.tmp"
ln -s far/real.state "$dir/far.state"
ln -s ../far/runs.csv "$dir/linked/cmapss-FD002-runs.csv"
one linked --checkpoint "$dir/far.state"
check "a linked checkpoint is no link any more" [ -L "$dir/far.state" ]
check "a linked checkpoint was not written" [ -s "$dir/far/real.state" ]
check "a linked table is no link any more" [ -L "$dir/linked/cmapss-FD002-runs.csv" ]
check "a linked table was not written" cmp -s "$dir/far/runs.csv" "$dir/plateau/cmapss-FD002-runs.csv"
check "a planted link was written through" [ "$(cat "$dir/victim")" = mine ]
check "a temporary or a lock is left" [ "$(ls -A "$dir/far")" = "$(printf 'real.state\nruns.csv')" ]

mkfifo "$dir/pipe"
bad 'pipe is no regular file' --optimizer adamw --checkpoint "$dir/pipe"
bad 'far is no regular file' --optimizer adamw --checkpoint "$dir/far"
bad 'its folder must exist' --optimizer adamw --checkpoint "$dir/nowhere/state"
ln -s victim "$dir/guessed.state.lock"
bad 'cannot make its lock' --optimizer adamw --checkpoint "$dir/guessed.state"
check "a planted lock was written through" [ "$(cat "$dir/victim")" = mine ]

# Two trainers: the second is refused by either name. The first, killed, leaves a whole checkpoint, and its lock
# stops no other trainer.
long="--data cmapss:$dir/data --subset FD002 --epochs 100000 --warmup 1 --patience 0 --batch 32 --optimizer adamw"
ln -s busy.state "$dir/alias.state"
"$train" $long --out "$dir/busy" --checkpoint "$dir/busy.state" > "$dir/busy.log" 2>&1 &
first=$!
tries=0
while [ ! -s "$dir/busy.state" ] && kill -0 $first 2> /dev/null && [ $tries -lt 6000 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
bad 'in use by another adamw-train' $long --checkpoint "$dir/busy.state" --resume --stop 1
bad 'in use by another adamw-train' $long --checkpoint "$dir/alias.state" --resume --stop 1
bad 'in use by another adamw-train' $long --checkpoint "$dir/alias.state" --stop 1
check "the first trainer ended: $(cat "$dir/busy.log")" kill -KILL $first
wait $first 2> /dev/null || true
done=$("${train%/*}/adamw-file" list "$dir/busy.state" | sed -n 's/^train.epochs.lr .*\[\([0-9]*\)\].*/\1/p')
check "a killed trainer's checkpoint" "$train" $long --out "$dir/busy" --checkpoint "$dir/alias.state" --resume \
    --stop $((done + 1)) > "$dir/busy.log" 2>&1
check "it did not go on after epoch $done" grep -q "goes on after epoch $done\$" "$dir/busy.log"

# A limit on the size of files fails a write as a full disk does.
one whole-disk --checkpoint "$dir/disk.state" --stop 2
cp "$dir/disk.state" "$dir/disk.copy"
status=0
(
    trap '' XFSZ
    ulimit -f 64
    one full-disk --checkpoint "$dir/disk.state" --resume 2> "$dir/disk.err"
) || status=$?
check "a full disk: status $status, $(cat "$dir/disk.err")" grep -q 'disk.state cannot be written' "$dir/disk.err"
check "a full disk gives status $status" [ $status = 2 ]
check "a full disk changed the checkpoint" cmp -s "$dir/disk.state" "$dir/disk.copy"
one full-disk --checkpoint "$dir/disk.state" --resume
same plateau full-disk "a run after a full disk gives other bits"

if [ -c /dev/full ]; then
    for what in --help "$(printf '%s ' $long) --epochs 2 --out $dir/full"; do
        status=0
        "$train" $what > /dev/full 2> "$dir/full.err" || status=$?
        check "standard output to a full device: status $status, $(cat "$dir/full.err")" [ $status = 2 ]
        check "a full device: $(cat "$dir/full.err")" grep -q 'standard output.*No space left' "$dir/full.err"
    done
else
    echo "skipped: standard output to a full device, because there is no /dev/full"
fi
status=0
"$train" $long --epochs 2 --out "$dir/closed" >&- 2> "$dir/closed.err" || status=$?
check "closed standard output gives status $status" [ $status = 2 ]
check "messages in a result file" [ "$(head -c 10 "$dir/closed/cmapss-FD002-epochs.csv")" = optimizer, ]

