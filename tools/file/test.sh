#!/bin/sh
# test.sh - adamw-file as a user meets it: test.sh build/adamw-file build/adamw-file-probe. What it lists, what it finds
# different, and every refusal.
set -eu
tool=$1
probe=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

fail() {
    echo "tools/file/test.sh: $1" >&2
    failed=1
}

# says STATUS 'words' command...: the exit status, and the words in what it prints, on either stream.
says() {
    wanted=$1 words=$2
    shift 2
    status=0
    "$@" > "$folder/out" 2>&1 || status=$?
    [ $status = "$wanted" ] || fail "status $status, not $wanted: $*"
    grep -qF -e "$words" "$folder/out" || { cat "$folder/out" >&2; fail "'$words' is not in what this prints: $*"; }
}

"$probe" "$folder"
run=$folder/run.safetensors index=$folder/run.safetensors.index.json dtypes=$folder/dtypes.safetensors

says 0 'step                     12345' "$tool" list "$run"
says 0 'lr                       0.001' "$tool" list "$run"
says 0 'betas                    0.9 0.999' "$tool" list "$run"
says 0 'adamw.schedule           libadamw schedule 1' "$tool" list "$run"
says 0 'adamw.seed               42' "$tool" list "$run"
says 0 'state.wte.weight.exp_avg                         F32      [40,25]' "$tool" list "$run"
says 0 '1000 1001 1002 ...' "$tool" list --values 3 "$run"
says 0 'state.lm_head.exp_avg[250:500]' "$tool" list "$index"
says 0 'scalar "é"\x0a' "$tool" list "$dtypes"
says 0 'dtype/F8_E4M3                                    F8_E4M3  [2,3,4]' "$tool" list "$dtypes"
says 0 'right: 48 tensors' "$tool" check "$run"
says 0 'right: 75 tensors' "$tool" check "$index"
says 0 'the same: 50 tensors and texts' "$tool" compare "$run" "$run"
says 1 'only in' "$tool" compare "$run" "$index"

# One byte of the data: behind the header comes the first of the widest values, a step.
cp "$run" "$folder/bit"
header=$(od -An -t u8 -N 8 "$run" | tr -d ' ')
printf '\001' | dd of="$folder/bit" bs=1 seek=$((header + 8)) conv=notrunc status=none
says 2 'is damaged: its checksum is' "$tool" check "$folder/bit"
says 1 'state.wte.weight.step                            1 of 1 values differ, by up to 56; value 0 is 12345 and 12289' "$tool" compare "$run" "$folder/bit"
head -c 1000 "$run" > "$folder/cut"
says 2 'truncated: its header ends at byte' "$tool" check "$folder/cut"
says 2 'truncated: its header ends at byte' "$tool" list "$folder/cut"
says 2 'truncated: its header ends at byte' "$tool" compare "$run" "$folder/cut"
says 2 'cannot be read: no such file or folder' "$tool" list "$folder/none"
says 2 'is no regular file' "$tool" check "$folder"
says 2 "unknown command 'show'" "$tool" show "$run"
says 2 "unknown command ''" "$tool"
says 2 "wrong number of files for 'compare'" "$tool" compare "$run"
says 2 "wrong number of files for 'check'" "$tool" check
says 2 "unknown option '--all'" "$tool" list --all "$run"
says 2 "--values needs a whole number, not 'x'" "$tool" list --values x "$run"
says 0 'adamw-file compare FILE FILE' "$tool" --help
# Right files are checked though a damaged one comes first.
says 2 'right: 48 tensors' "$tool" check "$folder/cut" "$run"

[ $failed = 0 ] && echo "tools/file/test.sh: passed"
exit $failed
