# common.sh - what the parts of tools/check.sh share. A part has its name in $part and a folder of its own in $work.

# Ends the part as skipped, with the reason.
skip() {
    echo "$*" >"build/check/$part.skipped"
    exit 77
}

# Skips the part where one of the commands is missing.
needs() {
    for command in "$@"; do
        command -v "$command" >/dev/null 2>&1 || skip "$command is not installed (tools/setup.sh check)"
    done
}

fail() {
    echo "FAILED: $*"
    exit 1
}

# The library and the plain runner with other tools or flags: build_plain CC=... CFLAGS=...
build_plain() { make -j"$(nproc)" BUILD="$work" WERROR=yes "$@" all "$work/tests/plain"; }

# Each check of a plain runner in a process of its own, as many at once as there are CPUs; what one says stays together:
# run_checks 'TOOL ... PLAIN OPTION ...' [CHECK ...], each CHECK a name or a part of one. Those whose names match the
# regular expression $left_out are left out.
left_out=
run_checks() {
    command=$(echo $1) # one line
    shift
    chosen=$($command --list "$@" 2>/dev/null | awk -v out="$left_out" 'out == "" || $1 !~ out {print $1}')
    [ -n "$chosen" ] || fail "$command --list $*: no check"
    printf '%s\n' $chosen | xargs -P "$(nproc)" -n 1 sh -c '
        said=$('"$command"' "$0" 2>&1); status=$?; printf "%s\n" "$said"; [ $status = 0 ]'
}

# The functions that headers declare, a line each: declared_in HEADER ...
declared_in() { grep -ho '^ADAMW_API [^(]*' "$@" | sed 's/.*[ *]//' | LC_ALL=C sort; }

# The library (and more targets) as make builds it, once for all the parts that want just this: in $default.
default=build/check/default
build_default() { make -j"$(nproc)" BUILD="$default" CC=gcc WERROR=yes all "$@"; }

# A program with a known flaw (tools/check/flaws.c) that the part's tool has to find, so that silence means something:
# expect_found FLAW TEXT COMMAND ... runs the command with the flaw's name and looks for the text.
expect_found() {
    flaw=$1 text=$2
    shift 2
    if "$@" "$flaw" >"$work/flaw.log" 2>&1; then
        fail "the deliberate flaw '$flaw' passed"
    fi
    grep -q "$text" "$work/flaw.log" || { cat "$work/flaw.log"; fail "the deliberate flaw '$flaw' was not named"; }
    echo "the deliberate flaw '$flaw' is found"
}
