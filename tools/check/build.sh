# build.sh - parts of tools/check.sh about compilers, flags, and what a user gets.

part_compiler() {
    needs "$1"
    [ "$1" = gcc ] && work=$default
    "$1" --version | head -n 1
    build_plain CC="$1"
    run_checks "$work/tests/plain --quick"
}

part_team_openmp() {
    needs "$1"
    build_plain CC="$1" TEAM=openmp
    run_checks "$work/tests/plain --quick"
    if ! pkg-config --exists criterion; then
        echo "Criterion is not installed: the shared library was not opened and closed"
        return
    fi
    make BUILD="$work" CC="$1" TEAM=openmp WERROR=yes "$work/tests/test_library"
    "$work/tests/test_library"
}

part_team_none() {
    build_plain TEAM=none OPENMP=no
    if nm "$work/libadamw.a" | grep -iE ' U (GOMP|omp|__kmpc|pthread)'; then
        fail "TEAM=none still needs threads"
    fi
    run_checks "$work/tests/plain --quick"
}

# The sources alone in a folder, compiled with just these flags, linked with checks that were built by make.
drop_in() {
    echo "== $*"
    rm -rf "$work/tree"
    mkdir -p "$work/tree/their/lib" "$work/tree/objects"
    cp -r include kernels "$work/tree/their/lib/"
    # (Without AVX-512 here its kernels, half of the time that a compiler takes, are those of make.)
    [ -z "$no_avx512" ] || cp "$default/obj/kernels/isa/avx512.o" "$work/tree/objects/"
    (cd "$work/tree/objects" && "$@" -c $(ls ../their/lib/kernels/*/*.c | grep -v "${no_avx512:-^$}"))
    gcc -fopenmp -pthread "$work/plain.o" $check_objects "$work"/tree/objects/*.o -lm -o "$work/plain"
    gcc -fopenmp -pthread "$work/first.o" "$work"/tree/objects/*.o -lm -o "$work/first"
}

# Flags that no step may be refused with, and that change no bit.
holds() {
    drop_in "$@"
    "$work/plain" conformance narrow_conformance isa_choice known_answer
}

# Flags that may change bits and show no macro: an instruction set whose bits are others is refused at the first step,
# with the sentence why, and one that is not refused has the promised bits.
never_silent() {
    drop_in "$@"
    for isa in $(sed -n 's/^    X([A-Z0-9]*, \([a-z0-9]*\)).*/\1/p' kernels/isa/isas.h); do
        said=$(ADAMW_ISA=$isa "$work/first")
        case $said in
        ok)
            echo "$isa: not refused"
            "$work/plain" --isa "$isa" conformance narrow_conformance torch_golden coefficients update_norms compensated ;;
        *'other bits than it promises'*) echo "$isa: refused"; refused=$((refused + 1)) ;;
        *'cannot run here'*) ;;
        *) fail "$isa with $*: '$said'" ;;
        esac
    done
    said=$("$work/first" schedule)
    case $said in
    ok) echo "schedules: not refused"; "$work/plain" --quick schedule ;;
    *'other bits than it promises'*) echo "schedules: refused" ;;
    *) fail "schedules with $*: '$said'" ;;
    esac
}

part_drop_in() {
    no_avx512=isa/avx512.c
    ! grep -q avx512f /proc/cpuinfo || no_avx512=
    build_default "$default/tests/plain"
    check_objects=$(echo "$default"/obj/tests/checks/*.o "$default"/obj/tests/vec/*.o)
    gcc -std=c11 -O2 -c tests/plain.c -o "$work/plain.o"
    cat >"$work/first.c" <<'END'
#include <adamw.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    char said[256];
    if (argc > 1) {
        adamw_schedule schedule;
        adamw_schedule_config recipe;
        adamw_schedule_config_init(&recipe);
        const adamw_status refused = adamw_schedule_explain(&recipe, said, sizeof said);
        puts(said);
        return adamw_schedule_init(&schedule, &recipe) != refused || *argv == NULL;
    }
    float p = 1, g = 1, m = 0, v = 0;
    adamw_config config;
    adamw_config_init(&config);
    const adamw_tensor tensor = {.n = 1, .param = &p, .grad = &g, .exp_avg = &m, .exp_avg_sq = &v};
    const adamw_status status = adamw_step_explain(&config, 1, &tensor, 1, 0, said, sizeof said);
    puts(said);
    return adamw_step(&config, 1, &tensor, 1, 0) != status || (status == ADAMW_OK) != (p != 1);
}
END
    gcc -std=c11 -O2 -Iinclude -c "$work/first.c" -o "$work/first.o"
    refused=0
    for compiler in gcc gcc-11 gcc-13 gcc-14 clang-14 clang-16 clang-19; do
        command -v $compiler >/dev/null 2>&1 || { echo "$compiler is not installed: without it"; continue; }
        holds $compiler
        holds $compiler -O3 -march=native
        case $compiler in
        gcc)
            holds gcc -O3 -march=native -ffp-contract=fast -fopenmp -flto -ffat-lto-objects
            holds gcc -std=c11 -O2 -march=native -ffp-contract=fast
            holds gcc -O2 -frounding-math -fsignaling-nans -fno-trapping-math ;;
        gcc-*)
            holds $compiler -O2 -march=native -ffp-contract=fast ;;
        clang-*)
            never_silent $compiler -O2 -ffp-contract=fast
            never_silent $compiler -O3 -march=native -ffp-contract=fast
            [ $refused != 0 ] || fail "$compiler -ffp-contract=fast: no instruction set is refused"
            for flags in -funsafe-math-optimizations -freciprocal-math '-fassociative-math -fno-signed-zeros' \
                -fno-signed-zeros -fno-honor-nans -fno-honor-infinities -fapprox-func -frounding-math; do
                never_silent $compiler -O2 $flags
            done ;;
        esac
    done
    echo "$refused times an instruction set was refused"
}

# How many fused multiply-adds each function of an object has.
count_fma() { objdump -d --no-show-raw-insn "$1" | awk '/^[0-9a-f]+ </ {f = $2} /vfn?m(add|sub)/ {n[f]++}
    END {for (f in n) print f, n[f]}' | sort; }

part_stray_fma() {
    needs objdump
    [ "$(uname -m)" = x86_64 ] || skip "counts x86-64 instructions; this is $(uname -m)"
    # Contraction on, and only the pragma of strict.h against it; without the pragma the count has to notice, in one more
    # function of each file: what gcc fuses in the kernels themselves changes with their form.
    rm -rf "$work/tree" "$work/bare"
    mkdir -p "$work/tree"
    cp -r include kernels "$work/tree/"
    sed -i '/include "..\/body\/table.h"/a void probe(char *x);\
void probe(char *x) { v_store(x, v_add(v_mul(v_load(x), v_load(x + 64)), v_load(x + 128))); }' "$work"/tree/kernels/isa/*.c
    cp -r "$work/tree" "$work/bare"
    sed -i '/pragma GCC optimize("fp-contract=off")/d' "$work/bare/kernels/strict.h"
    ! cmp -s kernels/strict.h "$work/bare/kernels/strict.h" || fail "strict.h has no pragma to take away"
    # (The baseline of x86-64 has no FMA: there fmaf is a call, and the scalar file has nothing to count.)
    while read -r isa level; do
        gcc $level -ffp-contract=off -c "$work/tree/kernels/isa/$isa.c" -o "$work/off.o" &
        gcc $level -ffp-contract=fast -c "$work/tree/kernels/isa/$isa.c" -o "$work/pragma.o"
        gcc $level -ffp-contract=fast -c "$work/bare/kernels/isa/$isa.c" -o "$work/without.o"
        wait
        for build in off pragma without; do
            count_fma "$work/$build.o" >"$work/$build.txt"
        done
        echo "$isa $level: $(awk '{n += $2} END {print n + 0}' "$work/off.txt") fused multiply-adds," \
            "$(awk '{n += $2} END {print n + 0}' "$work/without.txt") without the pragma"
        diff "$work/off.txt" "$work/pragma.txt" || fail "$isa $level has stray fused multiply-adds"
        ! cmp -s "$work/off.txt" "$work/without.txt" || fail "the count does not see contraction in $isa"
    done <<END
scalar -O3 -march=haswell -fno-math-errno
avx2 -O2
avx2 -O3
avx512 -O2
END
}

# refused TEXT COMMAND ...: the compiler's first error has the text.
refused() {
    text=$1
    shift
    if "$@" >"$work/refused.log" 2>&1; then
        fail "not refused: $*"
    fi
    grep -m 1 'error' "$work/refused.log" | tee "$work/first.log"
    grep -q "$text" "$work/first.log" || fail "the first error of '$*' does not say '$text'"
}

part_refusals() {
    for flag in -Ofast '-fassociative-math -fno-signed-zeros -fno-trapping-math' -freciprocal-math -ffinite-math-only \
        -fno-signed-zeros -funsafe-math-optimizations -fsingle-precision-constant; do
        refused 'without -ffast-math' gcc $flag -fsyntax-only kernels/run/team.c
    done
    refused 'without -fsingle-precision-constant' gcc -std=c11 -fsingle-precision-constant -fsyntax-only kernels/run/team.c
    if command -v clang-14 >/dev/null 2>&1; then
        for flag in -ffast-math -ffinite-math-only; do
            refused 'without -ffast-math' clang-14 $flag -fsyntax-only kernels/run/team.c
        done
    fi
    if [ "$(uname -m)" = x86_64 ]; then
        for flag in -mfpmath=387 -mfpmath=both; do
            refused 'without -mfpmath=387' gcc $flag -fsyntax-only kernels/run/team.c
        done
    fi
    # Each file refuses on its own, before any system header can fail with an error that does not tell the reason.
    for source in kernels/*/*.c; do
        refused 'without -ffast-math' gcc -ffast-math -fsyntax-only "$source"
        if [ "$(uname -m)" = x86_64 ]; then
            refused '64-bit' gcc -m32 -fsyntax-only "$source"
            refused '64-bit' gcc -mx32 -fsyntax-only "$source"
        fi
        if command -v aarch64-linux-gnu-gcc >/dev/null 2>&1; then
            refused 'little-endian' aarch64-linux-gnu-gcc -mbig-endian -fsyntax-only "$source"
        fi
    done
}

part_cplusplus() {
    needs g++
    build_default
    cat >"$work/program.cpp" <<'END'
#include <adamw.h>
#include <adamw.h> /* twice: it has to guard itself */
#include <vector>
int main()
{
    std::vector<float> p(100, 1.0f), g(100, 0.5f), m(100), v(100);
    adamw_config config;
    adamw_config_init(&config);
    adamw_tensor tensor = adamw_tensor();
    tensor.n = p.size();
    tensor.param = p.data();
    tensor.grad = g.data();
    tensor.exp_avg = m.data();
    tensor.exp_avg_sq = v.data();
    return adamw_step(&config, 1, &tensor, 1, 0) == ADAMW_OK && p[99] < 1 ? 0 : 1;
}
END
    printf '#include <adamw.h>\nint main(void) { return 0; }\n' >"$work/alone.c"
    gcc -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude -c "$work/alone.c" -o "$work/alone.o"
    for standard in c++11 c++17 c++20; do
        g++ -std=$standard -Wall -Wextra -Wpedantic -Wold-style-cast -Werror -Iinclude "$work/program.cpp" \
            "$default/libadamw.a" -pthread -lm -o "$work/program"
        "$work/program"
    done
}

part_install() {
    needs pkg-config readelf
    build_default
    root=$PWD/$work/root
    rm -rf "$root"
    make BUILD="$default" CC=gcc WERROR=yes PREFIX=/opt/adamw DESTDIR="$root" install
    export PKG_CONFIG_PATH="$root/opt/adamw/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
    cat >"$work/program.c" <<'END'
#include <adamw.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
    printf("%s\n", adamw_version());
    return strcmp(adamw_version(), ADAMW_VERSION_STRING) != 0;
}
END
    gcc $(pkg-config --cflags adamw) "$work/program.c" $(pkg-config --libs adamw) -o "$work/shared"
    LD_LIBRARY_PATH="$root/opt/adamw/lib" "$work/shared" | grep -qx "$(pkg-config --modversion adamw)"
    gcc $(pkg-config --cflags adamw) "$work/program.c" "$root/opt/adamw/lib/libadamw.a" \
        $(pkg-config --libs --static adamw | sed 's/-ladamw//') -o "$work/static"
    "$work/static"
    for library in "$root/opt/adamw/lib/libadamw.so" "$root/opt/adamw/lib/libadamw.a"; do
        ! readelf -SW "$library" | grep '\.debug_' || fail "$library is installed with its debug data"
    done
    readelf -SW "$default/libadamw.so" | grep -q '\.debug_' || fail "nothing was there to take out"
    make BUILD="$default" CC=gcc WERROR=yes PREFIX=/opt/adamw DESTDIR="$root" uninstall
    left=$(find "$root" ! -type d)
    [ -z "$left" ] || fail "uninstall leaves $left"
}

# exports_the_header LIBRARY: what the shared library exports is what the public headers declare.
exports_the_header() {
    nm -D --defined-only "$1" | awk '{print $3}' | grep -v '^_init$\|^_fini$' | LC_ALL=C sort >"$work/shared.txt"
    declared_in include/*.h >"$work/header.txt"
    diff "$work/header.txt" "$work/shared.txt" || fail "the exported names are not those of the public headers"
}

part_symbols() {
    needs nm readelf
    build_default
    exports_the_header "$default/libadamw.so"
    nm -g --defined-only "$default/libadamw.a" | awk 'NF == 3 {print $3}' >"$work/static.txt"
    if grep -v '^adamw_' "$work/shared.txt" "$work/static.txt"; then
        fail "a global name does not begin with adamw_"
    fi
    readelf -d "$default/libadamw.so" | grep 'SONAME.*libadamw\.so\.[0-9]*\]'
    ! readelf -d "$default/libadamw.so" | grep NEEDED | grep -v 'libc\.\|libm\.\|ld-linux' || fail "needs more"
    ! readelf -d "$default/libadamw.so" | grep -E 'R(UN)?PATH' || fail "the library has a path of its build"
    readelf -lW "$default/libadamw.so" | grep GNU_STACK | grep -q 'RW ' || fail "the stack is executable"
}

# The C blocks of README.md: the first, the command behind it and what that prints; the others compile, each in a
# function whose arguments are what the text around it takes for granted.
part_readme() {
    build_default
    {
        cat <<'END'
#include <adamw.h>
#define ARGUMENTS adamw_config config, uint64_t step, adamw_tensor *tensors, size_t count, size_t thread,  \
    size_t threads, int accumulated, double validation_rmse, size_t num_parameters, float *params,         \
    float *grads, float *m, float *v, size_t n0, float *w0, float *dw0, float *m0, float *v0, size_t n1,   \
    float *b0, float *db0, float *m1, float *v1
END
        awk '/^```c$/ && ++blocks > 1 {inside = 1; print "void block" blocks "(ARGUMENTS) {{"; next}
             /^```$/ && inside {inside = 0; print "}}"}
             inside' README.md
    } >"$work/blocks.c"
    echo "$(grep -c '^void block' "$work/blocks.c") further blocks of C"
    grep -q '^void block' "$work/blocks.c" || fail "README.md has one block of C alone"
    gcc -std=c11 -Wall -Werror -Iinclude -fsyntax-only "$work/blocks.c"
    awk '/^```c$/ && !done {inside = 1; next} /^```$/ && inside {inside = 0; done = 1} inside' README.md \
        >"$work/example.c"
    grep -q 'int main' "$work/example.c" || fail "README.md begins with no complete program"
    [ "$(wc -l <"$work/example.c")" -le 14 ] || fail "the example has $(wc -l <"$work/example.c") lines"
    command=$(sed -n 's/^    \$ make && \(cc .*example\.c.*\) && .*/\1/p' README.md)
    [ -n "$command" ] || fail "README.md has no command for its example"
    wanted=$(sed -n '/^    \$ make && cc .*example\.c/{n;p;}' README.md | sed 's/^    //')
    (cd "$work" && $(echo "$command" | sed "s|-Iinclude|-I../../../include|; s|build/|../default/|"))
    printed=$("$work/example")
    echo "printed '$printed', README.md has '$wanted'"
    [ "$printed" = "$wanted" ]
}

part_setup() {
    for script in $(git ls-files '*.sh' .ci/run 2>/dev/null || find tools tests -name '*.sh'); do
        sh -n "$script" || fail "$script does not parse"
    done
    if tools/setup.sh nonsense 2>"$work/said"; then
        fail "setup.sh takes any word"
    fi
    grep "unknown purpose 'nonsense': it must be one of" "$work/said"
    # Without a PATH to tools nearly all is missing: it has to be named, and nothing installed.
    mkdir -p "$work/bin"
    for command in sh id cat printf sed sort tr uname; do
        ln -sf "$(command -v $command)" "$work/bin/$command"
    done
    ln -sf /bin/true "$work/bin/apt-get"
    if PATH="$PWD/$work/bin" SETUP=no tools/setup.sh test 2>"$work/said"; then
        fail "setup.sh finds tools that are not there"
    fi
    grep 'SETUP=no, so nothing is installed; by hand: .*libcriterion-dev' "$work/said"
    rm "$work/bin/apt-get"
    if PATH="$PWD/$work/bin" tools/setup.sh test 2>"$work/said"; then
        fail "setup.sh installs without apt-get"
    fi
    grep 'this system has no apt-get' "$work/said"
}

part_format() {
    needs clang-format-14
    clang-format-14 --dry-run -Werror $(find include kernels tests bench tools -name '*.[ch]' -o -name '*.cpp' -o -name '*.cc')
}
