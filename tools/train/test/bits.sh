# bits.sh - the same bits for every --isa, --threads, --jobs and locale, and in a second run. A part of test.sh.

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
data=plain
run unpacked
data=data
same first unpacked "gzip files give other bits than plain ones"

# A locale with a decimal comma, of the system or made in the build folder.
if comma=$(tests/comma_locale.sh sh -c 'echo "$LC_ALL"' 2> /dev/null); then
    LOCPATH=$(tests/comma_locale.sh sh -c 'echo "${LOCPATH:-}"')
    [ -z "$LOCPATH" ] || export LOCPATH
    LC_ALL=$comma run german --lr 1.5e-3
    run english --lr 1.5e-3
    same english german "LC_ALL=de_DE.UTF-8 gives other bits or another form of numbers"
    for file in gnuplot svg; do
        if [ ! -e "$dir/english/cmapss-FD002.$file" ]; then
            echo "skipped: the picture in LC_ALL=de_DE.UTF-8, because there is no gnuplot"
            continue
        fi
        for out in english german; do # without the date in the title
            sed 's/20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]//' "$dir/$out/cmapss-FD002.$file" > "$dir/$out.$file"
        done
        check "LC_ALL=de_DE.UTF-8 gives another $file" cmp -s "$dir/english.$file" "$dir/german.$file"
    done
else
    echo "skipped: LC_ALL=de_DE.UTF-8, because neither that locale nor Debian's package locales is installed"
fi
unset LOCPATH
