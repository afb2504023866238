# static.sh - parts of tools/check.sh that read the sources and run nothing.

part_analyzer() {
    needs gcc
    printf '#include <stdlib.h>\nint f(int n) { int *p = malloc(4); if (!p) return 0; *p = n; return *p; }\n' >"$work/flaw.c"
    gcc -O0 -fanalyzer -c "$work/flaw.c" -o "$work/flaw.o" 2>&1 | grep -q 'leak of .*Wanalyzer-malloc-leak' ||
        fail "the deliberate leak was not named"
    make -j"$(nproc)" BUILD="$work" CC=gcc CFLAGS='-O2 -fanalyzer' all "$work/tests/plain" 2>"$work/said"
    cat "$work/said"
    # A line of analyzer.supp is `file warning`, and why it is wrong.
    grep '\[-Wanalyzer' "$work/said" | sed 's/^\([^:]*\):.*\[-W\(.*\)\]$/\1 \2/' | sort -u >"$work/found"
    sed 's/^\([^ ]* [^ :]*\):.*/\1/; /^#/d' tools/check/analyzer.supp | sort -u >"$work/accepted"
    left=$(comm -23 "$work/found" "$work/accepted")
    [ -z "$left" ] || fail "the analyzer has something to say: $left"
    ! grep -q ' warning: .*\[-W[^a]' "$work/said" || fail "gcc has a warning"
}

# The C sources below the folders, but those whose faults are on purpose.
c_sources() { find "$@" -name '*.c' ! -path tools/check/flaws.c | sort; }

# tidy FLAG ... -- FILE ...
tidy() {
    flags=
    while [ "$1" != -- ]; do
        flags="$flags $1"
        shift
    done
    shift
    printf '%s\n' "$@" | xargs -P "$(nproc)" -n 4 sh -c '
        flags=$0; said=$(clang-tidy-14 --quiet --checks='"'$checks'"' "$@" -- -std=c11 -fopenmp $flags); status=$?
        [ -z "$said" ] || printf "%s\n" "$said"; [ $status = 0 ]' "$flags" || found=yes
}

# part_clang_tidy short|whole: without the checks that follow paths, or with them. A file of flaws has to be found first.
part_clang_tidy() {
    needs clang-tidy-14 pkg-config
    case $1 in short) checks='-clang-analyzer-*' flaw=branch-clone ;; *) checks='' flaw='leak of memory' ;; esac
    { cat tools/check/flaws.c; echo 'int f(int a, int b); int f(int a, int b) { if (a) { return b; } else { return b; } }'
    } >"$work/flaws.c"
    expect_found "$work/flaws.c" "$flaw" clang-tidy-14 --quiet --config-file=.clang-tidy --checks="$checks" -extra-arg=-std=c11
    found=
    make -s BUILD="$work" "$work/obj/tools/lr/page.inc"
    tidy -- $(c_sources kernels tests bench | grep -v -e tests/test_ -e bench/tried/loop.c)
    tidy -Iinclude -I"$work/obj/tools/lr" -- $(c_sources tools | grep -v tools/train/)
    for way in STREAM DIVIDER FMA_ROOTS; do
        tidy -DTRIED_AVX512 -DTRIED_$way -DTRIED_TABLE=bench_tried -- bench/tried/loop.c
    done
    if pkg-config --exists openblas sleef zlib; then
        make -s BUILD="$work" "$work/obj/tools/train/style.inc"
        tidy -D_GNU_SOURCE -I"$work/obj/tools/train" $(pkg-config --cflags openblas sleef zlib) -- $(c_sources tools/train)
    else
        echo "left out: tools/train, which needs OpenBLAS, SLEEF and zlib (tools/setup.sh check)"
    fi
    [ -z "$found" ] || fail "clang-tidy has something to say"
}

# As on each of the two platforms: without their macros strict.h ends in #error, and cppcheck is silent on what it then
# does not read. So a source behind that header has to be found wrong first.
part_cppcheck() {
    needs cppcheck
    { echo '#include "kernels/strict.h"'; cat tools/check/flaws.c; } >"$work/flaws.c"
    for machine in x86_64 aarch64; do
        tool="cppcheck -j $(nproc) --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr
            --error-exitcode=1 -D__${machine}__ -D__LP64__ -D__GNUC__=12 -D__linux__ -D_OPENMP=201511
            -D__ORDER_LITTLE_ENDIAN__=1234 -D__BYTE_ORDER__=1234 -Iinclude"
        expect_found "$work/flaws.c" 'Memory leak: block' $tool -I.
        emulated=tests/emulate # which refuses other CPUs
        [ "$machine" = x86_64 ] || emulated=
        $tool $(c_sources kernels tests/checks $emulated tests/fuzz tests/vec bench tools) tests/plain.c
    done
}

# A page with a file and a heading that are not there has to be found wrong first.
part_links() {
    needs python3
    printf '# A\n\n[x](nowhere.md) [y](#a) [z](#b)\n```\n[code](none)\n```\n' >"$work/flaws.md"
    if python3 tools/check/links.py "$work/flaws.md" >"$work/said"; then
        fail "links.py accepts a page without its files"
    fi
    cat "$work/said"
    [ "$(grep -c 'flaws.md:3: ' "$work/said")" = 2 ] && [ "$(wc -l <"$work/said")" = 2 ] || fail "not those two links"
    python3 tools/check/links.py $(git ls-files '*.md' 2>/dev/null || find . -name '*.md' ! -path './build/*')
}
