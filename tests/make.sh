#!/bin/sh
# make.sh - checks the Makefile with hostile values and awkward folders: make test-make. It works in a copy of the tree,
# in a folder with blanks and quotes in its name. Every value reaches its program as it was typed and starts nothing;
# install and uninstall touch their own folder alone, install what was built, and an installed tree can be moved.
set -u
LC_ALL=C # messages and numbers as they are read here, whatever the locale
export LC_ALL
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS CFLAGS LDFLAGS CC CXX FILTER SEED ARGS OPENMP

top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
tree="$top/it's a \"tree\"; touch mark"
mkdir "$tree"
{ git ls-files --cached --others --exclude-standard 2>/dev/null || find . -path ./build -prune -o -type f -print; } |
    tar -T - -cf - 2>/dev/null | tar -C "$tree" -xmf -
cd "$tree" || exit 1
passed=0 failed=0

result() { # OK|FAILED text
    if [ "$1" = OK ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $2"; fi
}
# holds TEXT COMMAND ...: the command succeeds.
holds() {
    held=$1
    shift
    if "$@" >"$top/holds" 2>&1; then result OK "$held"; else result FAILED "$held: $(tail -n 3 "$top/holds")"; fi
}
marks() { find "$top" -name mark; }

# ---- install: quick kernels (-O0), a choice that has to be remembered ----

flags='-O0 -DODD="\"a b\""'
holds 'make OPENMP=no' make OPENMP=no CFLAGS="$flags" build/libadamw.a build/libadamw.so build/adamw-lr
into="$top/de st'd; touch mark"
mkdir "$top/de" "$into" && touch "$top/de/kept" "$into/kept"
holds 'make install' make install DESTDIR="$into" PREFIX='/op t'
holds 'make install compiles nothing anew' sh -c '! grep -q "^ *CC " "$1"' sh "$top/holds"
holds 'make install keeps OPENMP=no' sh -c '! nm "$1" | grep -iE " U (GOMP|omp|__kmpc)"' sh "$into/op t/lib/libadamw.a"
for file in include/adamw.h lib/libadamw.a lib/libadamw.so lib/pkgconfig/adamw.pc; do
    holds "$file is installed" test -f "$into/op t/$file"
done

# The installed tree under another name, found by pkg-config alone.
cat >"$top/program.c" <<'END'
#include <adamw.h>
#include <string.h>
int main(void) { return strcmp(adamw_version(), ADAMW_VERSION_STRING); }
END
if command -v pkg-config >/dev/null 2>&1; then
    cp -R "$into/op t" "$top/moved away"
    holds 'a moved tree is found' env PKG_CONFIG_PATH="$top/moved away/lib/pkgconfig" sh -c '
        pkg-config --cflags --libs adamw | grep moved &&
        eval "cc $(pkg-config --cflags adamw) \"\$1\" $(pkg-config --libs adamw) -o \"\$2\""' sh "$top/program.c" "$top/program"
    holds 'and runs' env LD_LIBRARY_PATH="$top/moved away/lib" "$top/program"
else
    echo 'skipped: pkg-config is not installed, so no moved tree is looked for'
fi

holds 'make uninstall' make uninstall DESTDIR="$into" PREFIX='/op t'
left=$(find "$into" ! -type d)
holds "uninstall leaves nothing of its own: $left" test "$left" = "$into/kept"
holds "uninstall stays out of other folders" test -e "$top/de/kept"
make -n install DESTDIR="$into" CFLAGS=-DNEW >"$top/said" 2>&1
holds 'flags that make install is given count' grep -q 'cc .*-DNEW' "$top/said"

# ---- values: programs that print their arguments take the places of the real ones ----

printf '#!/bin/sh\nprintf "<%%s>\\n" "$@" ${FILTER+"$FILTER"} ${SEED+"$SEED"}\n' >"$top/show"
chmod +x "$top/show"
for script in tests/run.sh tests/mutants.sh tools/setup.sh build/adamw-lr build/adamw-train tools/lr/test.sh \
    tools/train/test.sh "$top/py'thon 3"; do
    cp "$top/show" "$script"
done
mkdir -p build/venv/bin "$top/bin" && cp "$top/show" build/venv/bin/python
cp "$top/show" "$top/bin/python3"
PATH="$top/bin:$PATH"

export OPENMP=no CFLAGS="$flags"
evil='x'\''" ; touch mark ; $(touch mark) `touch mark` $(shell touch mark) ${HOME} $$ #\'
words='"a b" $(touch mark) `touch mark` ;touch mark; $(shell touch mark) '\''c  d'\'
# reaches TARGET VARIABLE VALUE WANTED: from the command line and from the environment WANTED is a whole argument, and
# nothing else ran. MAKE=: leaves out what the target builds before.
reaches() {
    target=$1 variable=$2 value=$3 wanted=$4
    make MAKE=: "$target" "$variable=$value" >"$top/said" 2>&1
    grep -qxF -- "<$wanted>" "$top/said"
    holds "$target $variable, command line" test $? = 0 -a -z "$(marks)"
    env "$variable=$value" make MAKE=: "$target" >"$top/said" 2>&1
    grep -qxF -- "<$wanted>" "$top/said"
    holds "$target $variable, environment" test $? = 0 -a -z "$(marks)"
    find "$top" -name mark -exec rm {} +
}
reaches test FILTER "$evil" "$evil"
reaches test SEED "$evil" "$evil"
for variable in FORM FILTER SIZES SHAPES THREADS PEERS_PYTHON; do
    reaches bench $variable "$evil" "$evil"
done
for variable in SIZES SHAPES THREADS; do
    reaches bench-peers $variable "$evil" "$evil"
done
reaches bench-goals RUNS "$evil" "$evil"
reaches bench-peers PEERS_PYTHON "$top/py'thon 3" build
for target in bench bench-peers bench-update bench-goals bench-counts lr train; do
    reaches $target ARGS "$words" 'a b'
    reaches $target ARGS "$words" '$(touch'
    reaches $target ARGS "$words" 'c  d'
done
reaches test-python TESTS "$words" 'a b'
reaches test-mutants MUTANTS "$words" 'a b'
reaches bench-counts CC 'env  "cc"' 'env  "cc"'

# refused TEXT COMMAND ...: ends with an error that has the text, and starts nothing.
refused() {
    text=$1
    shift
    "$@" >"$top/said" 2>&1 && status=0 || status=$?
    grep -qF -- "$text" "$top/said"
    holds "refused with '$text': $*" test $? = 0 -a $status != 0 -a -z "$(marks)"
}
newline='x
touch mark'
refused 'a value has to be one line' make MAKE=: test FILTER="$newline"
refused 'a value has to be one line' env FILTER="$newline" make MAKE=: test
refused "ARGS is x': a quotation mark in it has no second one" make MAKE=: train ARGS="x'"
refused "it must be the name of a folder, without blanks" make BUILD='a b'
refused "it must be the name of a folder, without ;" make BUILD='x;touch'
refused "it must be yes or no" make OPENMP='$(shell touch mark)'

# One line of make behind a wrong option's own line.
printf '#!/bin/sh\necho "bench.py: wrong" >&2\nexit 2\n' >"$top/bin/python3"
make MAKE=: bench >"$top/said" 2>&1
holds 'a refused bench ends in two lines' test "$(wc -l <"$top/said")" -le 3 -a "$(grep -c '^make.*\*\*\*' "$top/said")" = 1

# The evil value as a folder to install to, and a compiler whose path has to be quoted.
holds 'make install, an evil DESTDIR' make install DESTDIR="$top/$evil"
holds 'it is there' test -f "$top/$evil/usr/local/include/adamw.h"
holds 'make uninstall, an evil DESTDIR' make uninstall DESTDIR="$top/$evil"
holds 'it is gone' test -z "$(find "$top/$evil" ! -type d)" -a -z "$(marks)"
printf '#!/bin/sh\nexec cc "$@"\n' >"$top/c c" && chmod +x "$top/c c"
object=build/obj/$(ls kernels/*/*.c | head -n 1 | sed 's/c$/o/')
holds 'a compiler with a blank in its path' make CC="'$top/c c'" "$object"

# ---- help: each target once, and none that does not exist ----

make help >"$top/said"
targets=$(sed -n 's/^make \([a-z][a-z-]*\) .*/\1/p' "$top/said")
holds 'make help names a target once' test -z "$(echo "$targets" | sort | uniq -d)"
for name in $targets; do
    grep -hq "^$name:" Makefile ./*/rules.mk ./*/*/rules.mk
    holds "make help: $name exists" test $? = 0
done
for name in all install uninstall clean help test bench train lr info; do
    holds "make help has $name" sh -c 'printf "%s\n" $1 | grep -qx "$2"' sh "$targets" $name
done

echo "make.sh: $passed passed, $failed failed"
[ $failed = 0 ]
