# files.sh - the part of tools/check.sh about files that other programs read and write. The proof against crashes is a
# part of make test (tests/files).

part_files() {
    needs python3
    build_default "$default/adamw-file" "$default/adamw-file-probe"
    status=0
    tools/file/safetensors.sh "$default/adamw-file" "$default/adamw-file-probe" build/venv-files \
        >"$work/said.txt" 2>&1 || status=$?
    cat "$work/said.txt"
    [ $status != 77 ] || skip "$(sed -n 's/^safetensors.sh: skipped: //p' "$work/said.txt")"
    return $status
}
