# platforms.sh - the parts of tools/check.sh for other systems and CPUs: the library as one file (make amalgamation) is
# compiled for each, and tested where it can run here. zig is a C compiler with the headers of every target; it comes
# from PyPI, into build/zig.

zig_version=0.17.1

needs_zig() {
    needs python3
    export ZIG_GLOBAL_CACHE_DIR="$PWD/build/zig/cache" ZIG_LOCAL_CACHE_DIR="$PWD/build/zig/cache"
    if [ ! -x build/zig/zig ]; then
        python3 -m venv build/zig && build/zig/bin/pip install -q "ziglang==$zig_version" ||
            skip "ziglang $zig_version cannot be installed from PyPI"
        ln -sf "$(build/zig/bin/python -c 'import ziglang; print(ziglang.__path__[0])')/zig" build/zig/zig
    fi
}

# Installs what tools/setup.sh platforms names, and skips the part where one of the commands is missing all the same.
has_tools() {
    tools/setup.sh platforms || echo "going on with what is there"
    needs "$@"
}

# zig_cc TARGET FLAG ...
zig_cc() {
    target=$1
    shift
    build/zig/zig cc -target "$target" -Wno-unused-command-line-argument -fno-sanitize=all "$@"
}

# In $one: adamw.c and adamw.h.
make_one_file() {
    one=$work/one
    python3 tools/amalgamate/amalgamate.py "$one"
}

# has_the_names OBJECT HEADER ...: it defines every function of the headers, and no other global name without adamw_.
has_the_names() {
    object=$1
    shift
    llvm-nm-14 --extern-only --defined-only --format=just-symbols "$object" 2>/dev/null | sed 's/^_adamw_/adamw_/' |
        LC_ALL=C sort -u >"$work/defined.txt"
    declared_in "$@" >"$work/declared.txt"
    missing=$(LC_ALL=C comm -13 "$work/defined.txt" "$work/declared.txt")
    [ -z "$missing" ] || fail "$object lacks" $missing
    ! grep -v '^adamw_' "$work/defined.txt" || fail "$object has another global name"
    echo "$object: $(wc -l <"$work/declared.txt") functions of the headers"
}

# Every target compiles without a warning; -O0, because the others below are run. Windows and WASI have no files.
part_platforms() {
    has_tools llvm-nm-14
    needs_zig
    make_one_file
    for target in x86_64-linux-musl aarch64-linux-musl aarch64-macos x86_64-macos x86_64-freebsd aarch64-freebsd \
        aarch64-windows-gnu wasm32-wasi riscv64-linux-musl powerpc64le-linux-musl; do
        zig_cc $target -std=c11 -O0 -fvisibility=hidden -Wall -Wextra -Werror -c "$one/adamw.c" -o "$work/$target.o"
        case $target in
        *windows* | *wasi*) has_the_names "$work/$target.o" include/adamw.h include/adamw_schedule.h ;;
        *) has_the_names "$work/$target.o" include/*.h ;;
        esac
    done
    # What is refused is refused by one line, and nothing else is said.
    for target in x86-linux-musl arm-linux-musleabihf powerpc64-linux-musl s390x-linux-musl x86_64-linux-gnux32; do
        if zig_cc $target -c "$one/adamw.c" -o "$work/refused.o" >"$work/refused.log" 2>&1; then
            fail "$target is not refused"
        fi
        [ "$(grep -c 'error:' "$work/refused.log")" = 1 ] || fail "$target: $(cat "$work/refused.log")"
        grep 'error: .*libadamw supports x86-64, AArch64, riscv64, ppc64le and wasm' "$work/refused.log"
    done
}

# The checks that need no POSIX, built with COMPILER ...; the program is $work/PROGRAM: build_checks PROGRAM COMPILER ...
build_checks() {
    program=$1
    shift
    rm -rf "$work/objects"
    mkdir -p "$work/objects"
    posix='driver|files.*|float_env|memory|process|stack|system|team'
    ls tests/plain.c tests/checks/*.c tests/vec/*.c | grep -vE "^tests/checks/($posix)\.c$" >"$work/sources.txt"
    xargs -P "$(nproc)" -I SOURCE sh -c '
        name=$(echo SOURCE | tr / _)
        "$@" -std=c11 -DCHECKS_WITHOUT_POSIX -c SOURCE -o '"$work"'/objects/$name.o' - "$@" <"$work/sources.txt"
    "$@" -std=c11 -c "$one/adamw.c" -o "$work/objects/adamw.o"
    "$@" "$work"/objects/*.o -lm -o "$work/$program"
}

# The checks of the bits, where an emulator takes minutes for all of them.
bits='conformance narrow_conformance vocabulary known_answer'

# Runs them one after another in one process, all but those in $without, and sees that the active ISA is the one that
# the library chooses on this system: run_checks_of 'PROGRAM ...'
without=
run_checks_of() {
    build_default "$default/tests/plain"
    isa=$("$default/tests/plain" --quick isa_names | sed -n 's/.*active \([a-z0-9]*\),.*/\1/p')
    $1 --list >"$work/list.txt" 2>/dev/null || fail "$1 --list"
    chosen=$(tr -d '\r' <"$work/list.txt" | awk -v out=" $without " 'index(out, " " $1 " ") == 0 {print $1}')
    [ -n "$chosen" ] || fail "$1: no check"
    $1 --quick $chosen >"$work/run.log" 2>&1 || { cat "$work/run.log"; fail "$1"; }
    cat "$work/run.log"
    grep -q "active $isa," "$work/run.log" || fail "$isa is not the active instruction set"
}

part_windows() {
    has_tools x86_64-w64-mingw32-gcc wine
    make_one_file
    export WINEPREFIX="$PWD/$work/wine" WINEDEBUG=-all
    build_checks plain.exe x86_64-w64-mingw32-gcc -O1 -static
    # Its cosl is x87's instruction, whose pi has 66 bits: no reference for a cosine near its zeros.
    without=schedule_functions
    run_checks_of "wine $work/plain.exe"
    # A DLL exports the headers' functions and nothing else, and a program finds them there.
    x86_64-w64-mingw32-gcc -O1 -shared -DADAMW_DLL_BUILD "$one/adamw.c" -lm -o "$work/adamw.dll"
    x86_64-w64-mingw32-objdump -p "$work/adamw.dll" | awk '/\[Ordinal\/Name Pointer\]/ {on = 1; next} /^$/ {on = 0}
        on {print $NF}' | LC_ALL=C sort >"$work/exported.txt"
    declared_in include/adamw.h include/adamw_schedule.h | diff - "$work/exported.txt" ||
        fail "the DLL's names are not those of the headers"
}

# part_cross CPU ISA: a CPU that has the scalar kernels alone, under qemu.
part_cross() {
    has_tools "$1-linux-gnu-gcc" "$2"
    make_one_file
    build_checks plain "$1-linux-gnu-gcc" -O1 -static -pthread
    run_checks "$2 $work/plain --quick" $bits
}

# WASI under node. The program has a stack larger than a linker's default of 64 KiB, and all its memory from the start.
part_wasm() {
    has_tools node
    needs_zig
    make_one_file
    build_checks plain.wasm build/zig/zig cc -target wasm32-wasi -O1 -fno-sanitize=all -Wl,-z,stack-size=4194304,--initial-memory=536870912
    cat >"$work/run.mjs" <<'END'
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';
const args = process.argv.slice(2);
const wasi = new WASI({ version: 'preview1', args, env: {}, preopens: { '.': '.' }, returnOnExit: true });
const { instance } = await WebAssembly.instantiate(readFileSync(args[0]), wasi.getImportObject());
process.exitCode = wasi.start(instance);
END
    # node 20's WASI was seen to end in a segmentation fault in others, after they had passed.
    run_checks "node --no-warnings $work/run.mjs $work/plain.wasm --quick" conformance vocabulary known_answer
}

# musl on this machine's own CPU.
part_musl() {
    [ "$(uname -m)" = x86_64 ] || skip "for x86-64; this is $(uname -m)"
    needs_zig
    make_one_file
    build_checks plain build/zig/zig cc -target x86_64-linux-musl -O1 -fno-sanitize=all -static
    run_checks_of "$work/plain"
}
