#!/bin/sh
# setup.sh - installs what a purpose needs and this machine lacks: tools/setup.sh test|random|bench|train|accuracy|check ...
#
# Nothing missing: prints nothing, changes nothing. SETUP=no only names the command to run by hand, and fails.
# The table below is the one place that knows which Debian package brings what.
set -eu
LC_ALL=C # messages and numbers as they are read here, whatever the locale
export LC_ALL

# purpose | how to see that it is there | Debian package
table='
test  | make        | make
test  | cc          | gcc libc6-dev
test  | pkg-config  | pkg-config
test  | pc:criterion | libcriterion-dev
test  | pc:openblas | libopenblas-dev
test  | pc:sleef    | libsleef-dev
test  | pc:zlib     | zlib1g-dev
test  | file:/usr/share/i18n/locales/de_DE | locales
random | dieharder  | dieharder
bench | cc          | gcc libc6-dev
bench | c++         | g++
bench | pkg-config  | pkg-config
bench | pc:benchmark | libbenchmark-dev
bench | hyperfine   | hyperfine
bench | gnuplot     | gnuplot-nox
bench | python3     | python3
train | cc          | gcc libc6-dev
train | pkg-config  | pkg-config
train | pc:openblas | libopenblas-dev
train | pc:sleef    | libsleef-dev
train | pc:zlib     | zlib1g-dev
train | gnuplot     | gnuplot-nox
train | file:/usr/share/datasets/fashion-mnist | dataset-fashion-mnist
accuracy | cc       | gcc libc6-dev
accuracy | gnuplot  | gnuplot-nox
lr    | gnuplot     | gnuplot-nox
check | cc          | gcc libc6-dev
check | pc:benchmark | libbenchmark-dev
check | gnuplot     | gnuplot-nox
check | python3     | python3
check | pkg-config  | pkg-config
check | clang-14    | clang-14
check | clang-format-14 | clang-format-14
check | file:/usr/lib/llvm-14/lib/clang/14.0.6/lib/linux/libclang_rt.asan-x86_64.a | libclang-rt-14-dev
check | file:/usr/lib/llvm-14/lib/libomp.so | libomp-14-dev
check | valgrind    | valgrind
check | qemu-aarch64 | qemu-user
check | aarch64-linux-gnu-gcc | gcc-aarch64-linux-gnu libc6-dev-arm64-cross
check | g++         | g++
check | cppcheck    | cppcheck
check | cmake       | cmake
amalgamation | python3 | python3
crate | python3     | python3
crate | cc          | gcc libc6-dev
crate | bindgen     | bindgen clang
crate | cargo       | cargo
platforms | py:ensurepip | python3-venv
platforms | llvm-nm-14  | llvm-14
platforms | node        | nodejs
platforms | wine        | wine wine64
platforms | x86_64-w64-mingw32-gcc | gcc-mingw-w64-x86-64
platforms | riscv64-linux-gnu-gcc | gcc-riscv64-linux-gnu libc6-dev-riscv64-cross
platforms | powerpc64le-linux-gnu-gcc | gcc-powerpc64le-linux-gnu libc6-dev-ppc64el-cross
platforms | qemu-riscv64 | qemu-user
check | clang-tidy-14 | clang-tidy-14
check | patch       | patch
examples | cc       | gcc libc6-dev
examples | c++      | g++
examples | patch    | patch
python | cc         | gcc libc6-dev
python | python3    | python3
python | py:ensurepip | python3-venv
python | file:/usr/share/datasets/fashion-mnist | dataset-fashion-mnist
counts | cc         | gcc libc6-dev
counts | valgrind   | valgrind
counts | python3    | python3
files | python3     | python3
files | py:ensurepip | python3-venv
debian | cmake      | cmake
debian | dh         | debhelper
debian | dpkg-buildpackage | dpkg-dev build-essential fakeroot
packages | python3  | python3
packages | dh       | debhelper
packages | dpkg-buildpackage | dpkg-dev build-essential fakeroot
packages | lintian  | lintian
packages | cargo    | cargo
packages | bindgen  | bindgen clang
packages | go       | golang-go
bare  | debootstrap | debootstrap
'

purposes=$(printf '%s\n' "$table" | sed -n 's/^\([a-z]*\) .*/\1/p' | sort -u | tr '\n' ' ')
[ $# -gt 0 ] || { echo "setup.sh: no purpose given: it must be one or more of: $purposes" >&2; exit 2; }
for purpose in "$@"; do
    case " $purposes" in
    *" $purpose "*) ;;
    *) echo "setup.sh: unknown purpose '$purpose': it must be one of: $purposes" >&2; exit 2 ;;
    esac
done

is_there() {
    case $1 in
    pc:*) command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "${1#pc:}" ;;
    py:*) command -v python3 >/dev/null 2>&1 && python3 -c "import ${1#py:}" 2>/dev/null ;;
    file:*) [ -e "${1#file:}" ] ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

missing=
for purpose in "$@"; do
    while IFS='|' read -r of probe packages; do
        [ "$(echo $of)" = "$purpose" ] || continue
        probe=$(echo $probe)
        is_there "$probe" && continue
        for package in $packages; do
            case " $missing " in *" $package "*) ;; *) missing="$missing $package" ;; esac
        done
    done <<END
$table
END
done
[ -n "$missing" ] || exit 0

echo "setup: missing for $*:$missing" >&2
if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: this system has no apt-get: install what those Debian packages bring, then run this again" >&2
    exit 1
fi
install="apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends$missing"
if [ "${SETUP:-yes}" = no ]; then
    echo "setup: SETUP=no, so nothing is installed; by hand: apt-get update && $install" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root='sudo -n'
else
    echo "setup: neither root nor sudo without a password; by hand, as root: apt-get update && $install" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
echo "setup: $install" >&2
$as_root apt-get -o DPkg::Lock::Timeout=300 update -q >&2
$as_root $install >&2
