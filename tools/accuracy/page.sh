#!/bin/sh
# page.sh - the measured tables and pictures and kernels/ARITHMETIC.md: page.sh compare FOLDER says whether the page has
# them, page.sh write FOLDER puts them there. The measurements are the same on every machine, so a difference means
# that the arithmetic, the tool or the compiler's libm has changed.
set -eu
export LC_ALL=C

[ $# = 2 ] && { [ "$1" = compare ] || [ "$1" = write ]; } || { echo "usage: page.sh compare|write FOLDER" >&2; exit 2; }
action=$1 folder=$2 page=kernels/ARITHMETIC.md begin='<!-- accuracy:begin -->' end='<!-- accuracy:end -->'
[ -s "$folder/tables.md" ] || { echo "page.sh: no $folder/tables.md: make accuracy measures it" >&2; exit 2; }
for marker in "$begin" "$end"; do
    [ "$(grep -cxF -e "$marker" $page)" = 1 ] || { echo "page.sh: $page needs one line '$marker'" >&2; exit 2; }
done

# Through the environment: awk takes backslashes in the values of -v as escapes.
tables=$folder/tables.md begin=$begin end=$end awk '
    $0 == ENVIRON["begin"] { print; while ((getline line < ENVIRON["tables"]) > 0) print line; inside = 1 }
    $0 == ENVIRON["end"] { inside = 0 }
    !inside' $page > "$folder/page.md"

if [ "$action" = write ]; then
    cp "$folder/page.md" $page
    for picture in decay law growth; do cp -- "$folder/$picture.svg" kernels/figures/; done
elif cmp -s "$folder/page.md" $page; then
    echo "$page has these tables"
else
    echo "$page has other tables (diff $page $folder/page.md): make accuracy-page writes these"
fi
