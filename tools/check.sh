#!/bin/sh
# check.sh - all that CI runs beside make test, in parts:
#
#   tools/check.sh                    every part
#   tools/check.sh asan qemu-arm64    these alone
#   tools/check.sh ^valgrind          every part but this
#   tools/check.sh --list             what the parts are
#
# A line for each part: passed, failed, or skipped with the reason; then a count. 0 nothing failed, 1 something did, 2
# wrong usage. A part's whole output is in build/check/NAME.log. Nothing but the list and its run belongs here.
set -u
LC_ALL=C # messages and numbers as they are read here, whatever the locale
export LC_ALL
cd "$(dirname "$0")/.." || exit 1

# The one list of the parts: name | command | what it shows. A command is a function of tools/check/*.sh, or anything
# that the shell runs from the top folder; it passes with 0, fails with another status, and `skip REASON` skips it.
table='
gcc          | part_compiler gcc                | gcc, warnings are errors, every check in its quick form
clang        | part_compiler clang-14           | the same with clang
team-openmp  | part_team_openmp gcc             | the same with the threads of OpenMP, and the shared library closed again
team-libomp  | part_team_openmp clang-14        | the same with the runtime of clang
team-none    | part_team_none                   | the same without threads and without OpenMP
drop-in      | part_drop_in                     | the sources in another tree, at any optimisation, have the same bits
accuracy     | make -s accuracy-quick           | the tool behind the tables of kernels/ARITHMETIC.md, with little work
stray-fma    | part_stray_fma                   | no fused multiply-add in the kernels that the formula does not have
refusals     | part_refusals                    | 32-bit, big-endian and -ffast-math builds are refused in words
cplusplus    | part_cplusplus                   | adamw.h in C++
install      | part_install                     | make install, pkg-config, make uninstall
cmake        | part_cmake                       | CMake: found, in the tree, static, shared, C and C++; refusals
amalgamation | part_amalgamation                | adamw.c and adamw.h alone, gcc and clang, C and C++: the same bits
rust         | part_rust                        | the crate adamw-sys as cargo packages it: builds offline, tests, the same bits
go           | part_go                          | a cgo program with the one file beside it: the same bits
conan        | part_conan                       | the Conan recipe: the package, and its test with the same bits
vcpkg        | part_vcpkg                       | the vcpkg port, run without vcpkg: what it installs has the same bits
debian       | part_debian                      | the Debian packages: lintian has nothing to say, and installed they have the same bits
dist         | part_dist                        | make dist: the same bytes from any checkout, and it builds
reproducible | part_reproducible                | the same bytes from two folders that nobody can write to
wheels       | part_wheels                      | the Python wheels of this machine and of AArch64: tags, a fresh venv, the same bits
make         | tests/make.sh                    | hostile values and awkward folders change nothing but what they name
symbols      | part_symbols                     | nothing but adamw_* is exported, and the soname is right
examples     | part_examples                    | hosts of five forms with the library in them: the results of their own loops
readme       | part_readme                      | the program of README.md prints what is printed there; its other C compiles
links        | part_links                       | each relative link of the pages, and each heading that one names, is there
bench        | part_bench                       | the benchmark builds, runs, and answers wrong arguments
files        | part_files                       | the safetensors package reads our files, and we read those it writes
counts       | part_counts                      | instruction counts of a step, within 2 % of those kept
setup        | part_setup                       | tools/setup.sh names what is missing, and takes no wrong word
format       | part_format                      | .clang-format
asan         | part_asan                        | AddressSanitizer, UBSan without recovery, LeakSanitizer
valgrind     | part_valgrind                    | valgrind: errors and leaks
tsan         | part_tsan                        | ThreadSanitizer over the driver, futexes and condition variables
fuzz         | part_fuzz                        | libFuzzer: any bytes as a list, configs and options: scalar against the best ISA
qemu-arm64   | part_qemu_arm64                  | AArch64 with NEON
qemu-haswell | part_qemu_x86 Haswell avx2       | x86-64 with AVX2 and without AVX-512
qemu-nehalem | part_qemu_x86 Nehalem scalar     | x86-64 with neither
platforms    | part_platforms                   | every supported target compiles and has its names; others: one error line
windows      | part_windows                     | Windows by mingw, under wine, and its DLL
musl         | part_musl                        | musl on this CPU
wasm         | part_wasm                        | wasm32 under node
riscv64      | part_cross riscv64 qemu-riscv64  | riscv64, scalar
ppc64le      | part_cross powerpc64le qemu-ppc64le | ppc64le, scalar
emulate-avx512 | part_emulate_avx512           | AVX-512 on any x86-64, with its intrinsics in plain C
analyzer     | part_analyzer                    | gcc -fanalyzer
clang-tidy   | part_clang_tidy short            | clang-tidy, the checks of .clang-tidy, over the C files of every folder
clang-analyzer | part_clang_tidy whole          | the same with the paths that its analyzer follows, 15 times as long
cppcheck     | part_cppcheck                    | cppcheck, over the C files of every folder
'

for file in tools/check/*.sh; do
    . "$file"
done

# A line of the table as three words: field 1 name, 2 command, 3 text.
field() { printf '%s\n' "$table" | sed -n "s/^\($1\) *| *\([^|]*[^| ]\) *| *\(.*\)$/\\$2/p"; }
names=$(printf '%s\n' "$table" | sed -n 's/^\([a-z0-9-]*\) *|.*/\1/p')

# One part, in a shell of its own, so that set -e holds in all of it.
if [ "${1:-}" = --part ]; then
    part=$2
    work=build/check/$part
    mkdir -p "$work"
    set -e
    eval "$(field "$part" 2)"
    exit 0
fi

if [ "${1:-}" = --list ]; then
    for name in $names; do
        printf '%-14s %s\n' "$name" "$(field "$name" 3)"
    done
    exit 0
fi

chosen= left_out=
for argument in "$@"; do
    name=${argument#^}
    case " $(echo $names) " in
    *" $name "*) ;;
    *) echo "check.sh: no part is called '$name': it must be one of: $(echo $names)" >&2; exit 2 ;;
    esac
    case $argument in
    ^*) left_out="$left_out $name" ;;
    *) chosen="$chosen $name" ;;
    esac
done
to_run=
for name in ${chosen:-$names}; do
    case " $left_out " in *" $name "*) ;; *) to_run="$to_run $name" ;; esac
done
[ -n "$to_run" ] || { echo "check.sh: no part is left to run" >&2; exit 2; }

tools/setup.sh check || echo "check.sh: going on with what is there" >&2
mkdir -p build/check
unset MAKEFLAGS MAKELEVEL CFLAGS CXXFLAGS LDFLAGS CC CXX ADAMW_ISA SEED FILTER

passed=0 failed=0 skipped=0
for name in $to_run; do
    log=build/check/$name.log
    rm -f build/check/$name.skipped
    [ -t 1 ] && printf '\r\033[K... %s' "$name"
    began=$(date +%s)
    sh "$0" --part "$name" >"$log" 2>&1
    status=$?
    took="$(($(date +%s) - began)) s"
    [ -t 1 ] && printf '\r\033[K'
    if [ $status = 0 ]; then
        passed=$((passed + 1))
        echo "passed  $name ($took)"
    elif [ $status = 77 ] && [ -s build/check/$name.skipped ]; then
        skipped=$((skipped + 1))
        echo "skipped $name: $(cat build/check/$name.skipped)"
    else
        failed=$((failed + 1))
        echo "failed  $name ($took, status $status; the end of $log:)"
        tail -n 25 "$log" | sed 's/^/    /'
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
