#!/bin/sh
# test.sh - the command line, the outputs and the drawing of the accuracy measurements, with a hundredth of the work:
# test.sh build/adamw-accuracy. What is measured is compared with the page by make accuracy.
set -eu
export LC_ALL=C

accuracy=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
passed=0

# check text command...: whether the command succeeds
check() {
    text=$1
    shift
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $text" >&2; fi
}

# refused STATUS PATTERN option...
refused() {
    wanted=$1 pattern=$2 status=0
    shift 2
    "$accuracy" "$@" > "$dir/out" 2> "$dir/err" || status=$?
    check "$*: status $status, wanted $wanted and '$pattern': $(cat "$dir/err")" \
        [ "$status/$(grep -c -e "$pattern" "$dir/err")/$(wc -l < "$dir/err")" = "$wanted/1/1" ]
}

"$accuracy" --help > "$dir/help"
for file in $(grep -o 'tools/accuracy/[a-z.]*' "$dir/help"); do
    check "--help names $file, which is not there" [ -e "$file" ]
done
for word in growth decay law --quick --data --help draw.sh; do
    check "--help says nothing of $word" grep -q -e "$word" "$dir/help"
done
refused 2 "unknown argument '--fast': it must be growth, decay, law, --quick, --data FOLDER or --help" --fast
refused 2 "it must be followed by an existing folder" --data
refused 2 "it must be followed by an existing folder" --data "$dir/none"

folder="$dir/a'b <c"
mkdir "$folder" "$dir/far"
ln -s "$dir/far/law.dat" "$folder/law.dat"
"$accuracy" --quick --data "$folder" > "$folder/tables.md"
check "a linked data file was replaced" [ -L "$folder/law.dat" ]
for file in decay decay-zero growth law; do
    check "--help says nothing of $file.dat" grep -q "$file.dat" "$dir/help"
    check "no $file.dat" [ -s "$folder/$file.dat" ]
done
if command -v gnuplot > /dev/null; then
    for where in "$folder" "<date"; do # a leading < is a command for gnuplot's plot
        (
            root=$PWD
            mkdir -p "$dir/cwd/tools" "$dir/cwd/$where"
            ln -sf "$root/tools/accuracy" "$root/tools/common" "$dir/cwd/tools/"
            [ "$where" = "$folder" ] || cp "$folder"/*.dat "$dir/cwd/$where"
            cd "$dir/cwd" && tools/accuracy/draw.sh "$where" > "$dir/drawn" 2>&1
        ) || true
        case $where in /*) made=$where ;; *) made=$dir/cwd/$where ;; esac
        for picture in decay.svg law.svg growth.svg decay.png law.png growth.png; do
            check "no $picture in '$where': $(cat "$dir/drawn")" [ -s "$made/$picture" ]
        done
    done
else
    echo "skipped: pictures, because gnuplot is not installed (Debian: gnuplot-nox)"
fi

if [ -c /dev/full ]; then
    status=0
    "$accuracy" --quick law > /dev/full 2> "$dir/err" || status=$?
    check "tables to a full device: status $status" [ $status = 1 ]
    ln -sf /dev/full "$folder/law.dat"
    refused 1 "/dev/full cannot be written: No space left on device" --quick law --data "$folder"
else
    echo "skipped: a full device, because there is no /dev/full"
fi

echo "$accuracy: $passed passed, $failed failed"
[ $failed = 0 ]
