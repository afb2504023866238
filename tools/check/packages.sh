# packages.sh - parts of tools/check.sh about the ways in which the library is handed on: CMake, one file and what is
# made of it, packages, a source distribution. Each builds tools/packaging/consumer, whose digest has to be that of
# the library as make builds it.

consumer=tools/packaging/consumer

# same_digest COMMAND ...: it prints what the first program did.
same_digest() {
    printed=$("$@") || fail "$* ended with an error"
    echo "$printed $*"
    [ -s "$work/digest" ] || printf '%s\n' "$printed" >"$work/digest"
    [ "$printed" = "$(cat "$work/digest")" ] || fail "$* has other bits than make's build: $(cat "$work/digest")"
}

# The digest of make's build.
begin_consumers() {
    build_default
    rm -rf "$work"
    mkdir -p "$work"
    gcc -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude $consumer/consumer.c "$default/libadamw.a" -pthread -lm \
        -o "$work/by-make"
    same_digest "$work/by-make"
}

# The tracked files and those not yet added, in a folder.
copy_tree() {
    mkdir -p "$1"
    { git ls-files --cached --others --exclude-standard 2>/dev/null ||
        find . -path ./build -prune -o -type f -print; } | tar -T - -cf - 2>/dev/null | tar -C "$1" -xmf -
}

# consume NAME OPTIONS ...: configures and builds the consumer in a folder with blanks, and runs its programs.
consume() {
    into="$work/con sumer/$1"
    shift
    cmake -S $consumer -B "$into" "$@" >"$work/log" 2>&1 || { cat "$work/log"; fail "cmake: $*"; }
    cmake --build "$into" -j"$(nproc)" >"$work/log" 2>&1 || { cat "$work/log"; fail "cmake --build: $*"; }
    for program in "$into"/consumer-c "$into"/consumer-cpp; do
        [ ! -x "$program" ] || same_digest "$program"
    done
    [ -x "$into/consumer-cpp" ] || fail "no program was built"
}

# install_by_cmake NAME OPTIONS ...: builds, installs, and moves what was installed to $work/moved NAME.
install_by_cmake() {
    name=$1
    shift
    cmake -S "$tree" -B "$work/build $name" -DCMAKE_INSTALL_PREFIX="$top/in stalled/$name" "$@"
    cmake --build "$work/build $name" -j"$(nproc)"
    cmake --install "$work/build $name"
    mv "$work/in stalled/$name" "$work/moved $name"
}

# cmake_refuses TEXT OPTIONS ...: configuring the library ends with an error that has the text.
cmake_refuses() {
    text=$1
    shift
    rm -rf "$work/refused"
    if cmake -S "$tree" -B "$work/refused" "$@" >"$work/log" 2>&1; then
        fail "cmake takes $*"
    fi
    tr -s '\n ' ' ' <"$work/log" | grep -oF "$text" || { cat "$work/log"; fail "cmake $* is not refused with '$text'"; }
}

part_cmake() {
    needs cmake g++ nm readelf pkg-config
    begin_consumers
    top=$PWD/$work tree="$PWD/$work/the sources"
    copy_tree "$tree"

    # Debug builds, because they are the quickest and any level has the same bits.
    install_by_cmake shared -DBUILD_SHARED_LIBS=ON -DCMAKE_BUILD_TYPE=Debug
    consume found-shared -DADAMW_ROUTE=installed -DCMAKE_PREFIX_PATH="$top/moved shared"
    # A thread of the team takes parts in some of the runs only, on a stack that has to hold unoptimised kernels.
    for run in 1 2 3 4 5 6 7 8 9 10; do
        same_digest "$work/con sumer/found-shared/consumer-c"
    done
    library=$(find "$work/moved shared" -name libadamw.so)
    exports_the_header "$library"
    ! readelf -d "$library" | grep -E 'R(UN)?PATH' || fail "the library has a path of its build"
    readelf -lW "$library" | grep GNU_STACK | grep -q 'RW ' || fail "the stack is executable"
    readelf -d "$library" | grep SONAME >"$work/soname"
    readelf -d "$default/libadamw.so" | grep SONAME | diff "$work/soname" - || fail "the soname is not make's"
    pc=$(dirname "$(find "$top/moved shared" -name adamw.pc)")
    eval "gcc $consumer/consumer.c $(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs adamw) -o \"\$work/by-pkg-config\""
    export LD_LIBRARY_PATH="${library%/*}"
    same_digest "$work/by-pkg-config"
    unset LD_LIBRARY_PATH

    install_by_cmake static -DBUILD_SHARED_LIBS=OFF -DCMAKE_BUILD_TYPE=Debug
    consume found-static -DADAMW_ROUTE=installed -DCMAKE_PREFIX_PATH="$top/moved static"
    # A project without C cannot look for C's OpenMP.
    consume found-by-c++ -DADAMW_ROUTE=installed -DCMAKE_PREFIX_PATH="$top/moved static" -DLANGUAGES=CXX
    if cmake -S $consumer -B "$work/old" -DADAMW_ROUTE=installed -DCMAKE_PREFIX_PATH="$top/nowhere" >/dev/null 2>&1; then
        fail "the consumer finds a library where none is"
    fi

    # Without a build type the library has an optimisation level, the project itself has none.
    consume subdirectory -DADAMW_ROUTE=subdirectory -DADAMW_SOURCE="$tree" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
    commands="$work/con sumer/subdirectory/compile_commands.json"
    grep '"command".*kernels/isa/avx2\.c' "$commands" | grep -q -- ' -O2 ' || fail "no -O2 without a build type"
    own=$(grep '"command".*/consumer\.c"' "$commands") || fail "no command for consumer.c in $commands"
    case $own in *' -O2 '*) fail "-O2 reaches the project's own files" ;; esac
    consume debug -DADAMW_ROUTE=subdirectory -DADAMW_SOURCE="$tree" -DCMAKE_BUILD_TYPE=Debug -DADAMW_OPENMP=OFF

    # Refusals: an unknown compiler, an old one, and one without OpenMP, played by what CMake believes to have found.
    cmake_refuses 'needs gcc 9 or clang 13 or later, not Intel 19.0' -DCMAKE_C_COMPILER_ID_RUN=1 -DCMAKE_C_COMPILER_ID=Intel \
        -DCMAKE_C_COMPILER_VERSION=19.0 -DCMAKE_C_COMPILER_FORCED=1
    cmake_refuses 'needs gcc 9 or clang 13 or later, not GNU 8.3' -DCMAKE_C_COMPILER_ID_RUN=1 -DCMAKE_C_COMPILER_ID=GNU \
        -DCMAKE_C_COMPILER_VERSION=8.3 -DCMAKE_C_COMPILER_FORCED=1
    printf '#!/bin/sh\ncase " $* " in *" -fopenmp "*) exit 1 ;; esac\nexec cc "$@"\n' >"$work/cc-without"
    chmod +x "$work/cc-without"
    cmake_refuses 'ADAMW_OPENMP is ON, but' -DADAMW_OPENMP=ON -DCMAKE_C_COMPILER="$top/cc-without"
    cmake -S "$tree" -B "$work/without" -DCMAKE_C_COMPILER="$top/cc-without" >/dev/null
    grep 'ADAMW_OPENMP:BOOL=OFF' "$work/without/CMakeCache.txt" || fail "OpenMP is on where the compiler has none"
}

part_amalgamation() {
    needs python3 g++ nm
    begin_consumers
    build_default "$default/tests/plain"
    make -s BUILD="$work" amalgamation
    copy_tree "$work/else where"
    make -s -C "$work/else where" amalgamation
    diff -r "$work/amalgamation" "$work/else where/build/amalgamation" || fail "another folder has another file"

    # One file of the two is compiled where nothing else is.
    gcc -std=c11 -O2 -c tests/plain.c -o "$work/plain.o"
    warnings='-Wall -Wextra -Wpedantic -Wshadow -Wvla -Wundef -Wcast-qual -Wwrite-strings -Wmissing-prototypes -Werror'
    for flags in 'gcc' 'gcc -O1 -march=native -ffp-contract=fast -fopenmp' 'clang-14 -O1 -std=c11'; do
        command -v "${flags%% *}" >/dev/null || { echo "${flags%% *} is not installed: left out"; continue; }
        echo "== $flags"
        $flags $warnings -c "$work/amalgamation/adamw.c" -o "$work/adamw.o"
        gcc -fopenmp -pthread "$work/plain.o" "$default"/obj/tests/checks/*.o "$default"/obj/tests/vec/*.o "$work/adamw.o" -lm \
            -o "$work/plain"
        "$work/plain" --quick conformance narrow_conformance isa_choice vocabulary
    done
    nm -g --defined-only "$work/adamw.o" | awk 'NF == 3 && $3 !~ /^adamw_/ {print; found = 1} END {exit found}' ||
        fail "a global name does not begin with adamw_"
    gcc -std=c11 -Wall -Wextra -Werror -I"$work/amalgamation" $consumer/consumer.c "$work/adamw.o" -lm -o "$work/in-c"
    same_digest "$work/in-c"
    g++ -std=c++11 -Wall -Wextra -Werror -I"$work/amalgamation" $consumer/consumer.cpp "$work/adamw.o" -lm -o "$work/in-c++"
    same_digest "$work/in-c++"
    if command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null; then
        aarch64-linux-gnu-gcc -O2 -static -I"$work/amalgamation" $consumer/consumer.c "$work/amalgamation/adamw.c" -lm \
            -o "$work/in-aarch64"
        same_digest qemu-aarch64 "$work/in-aarch64"
    else
        echo "aarch64-linux-gnu-gcc or qemu-aarch64 is not installed: not compiled for AArch64"
    fi
    refused 'without -ffast-math' gcc -ffast-math -fsyntax-only "$work/amalgamation/adamw.c"
    [ "$(uname -m)" != x86_64 ] || refused '64-bit' gcc -m32 -fsyntax-only "$work/amalgamation/adamw.c"
}

# The crate as cargo packages it, unpacked elsewhere, without the network and in cargo's debug profile.
part_rust() {
    needs cargo bindgen python3
    begin_consumers
    make -s BUILD="$work" crate
    export CARGO_HOME="$PWD/$work/cargo" CARGO_TARGET_DIR="$PWD/$work/target"
    (cd "$work/crate/adamw-sys" && cargo package --offline --no-verify --allow-dirty)
    mkdir "$work/unpacked"
    tar -C "$work/unpacked" -xzf "$work"/target/package/adamw-sys-*.crate
    cp $consumer/consumer.rs "$work"/unpacked/adamw-sys-*/examples/
    cd "$work"/unpacked/adamw-sys-*/
    cargo test --offline
    cargo run --offline --example step | tee "$CARGO_HOME/said"
    grep -qx '0.257630 -1.119095' "$CARGO_HOME/said" || fail "the example does not print what README.md prints"
    cd "$OLDPWD"
    same_digest "$CARGO_TARGET_DIR/debug/examples/consumer"
}

part_go() {
    needs go python3
    begin_consumers
    make -s BUILD="$work" amalgamation
    mkdir "$work/program"
    cp $consumer/consumer.go "$work"/amalgamation/adamw.[ch] "$work/program/"
    (cd "$work/program" && GOCACHE="$PWD/cache" GOFLAGS=-mod=mod GOPROXY=off GO111MODULE=on &&
        export GOCACHE GOFLAGS GOPROXY GO111MODULE && go mod init consumer && go build -o consumer .)
    same_digest "$work/program/consumer"
}

# Conan comes from PyPI; the recipe itself needs no network.
part_conan() {
    needs cmake python3
    begin_consumers
    if ! [ -x build/conan/bin/conan ]; then
        { python3 -m venv build/conan && build/conan/bin/pip install -q conan; } ||
            skip "Conan is not installed, and PyPI is not reached"
    fi
    conan=$PWD/build/conan/bin/conan
    copy_tree "$work/tree"
    export CONAN_HOME="$PWD/$work/home"
    "$conan" profile detect
    (cd "$work/tree" && "$conan" create tools/packaging/conan --no-remote -s build_type=Debug 2>&1) | tee "$work/said"
    grep -qxF "$(cat "$work/digest")" "$work/said" || fail "the package's test has other bits, or did not run"
}

# vcpkg itself cannot be installed from a registry of packages: tools/check/vcpkg.cmake has its functions.
part_vcpkg() {
    needs cmake g++ python3
    begin_consumers
    port=tools/packaging/vcpkg/libadamw
    python3 -c "import json, re, sys
manifest = json.load(open('$port/vcpkg.json'))
header = re.search('ADAMW_VERSION_STRING \"(.+)\"', open('include/adamw.h').read())[1]
sys.exit(manifest['version'] != header and f'vcpkg.json has version {manifest[\"version\"]}, the header {header}')"
    cmake -DPORTFILE="$PWD/$port/portfile.cmake" -DCURRENT_PACKAGES_DIR="$PWD/$work/in stalled" \
        -P tools/check/vcpkg.cmake
    consume found -DADAMW_ROUTE=installed -DCMAKE_PREFIX_PATH="$PWD/$work/in stalled"
    for file in share/libadamw/copyright share/libadamw/usage lib/libadamw.a include/adamw.h; do
        [ -s "$work/in stalled/$file" ] || fail "the port installs no $file"
    done
}

# The packages, and what they install in a folder of its own, where programs are built as with the installed ones.
part_debian() {
    needs git dpkg-buildpackage dh cmake lintian
    git rev-parse --git-dir >/dev/null 2>&1 || skip "this tree is no git checkout, which alone says what belongs to it"
    begin_consumers
    export DEBEMAIL=packager@example.org
    make BUILD="$work" deb
    # No bug of Debian's asks for the package yet.
    lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs \
        "$work"/debian/*.changes
    for package in "$work"/debian/libadamw0_*.deb "$work"/debian/libadamw-dev_*.deb; do
        dpkg-deb -x "$package" "$work/root"
    done
    root=$PWD/$work/root pc=$(dirname "$(find "$PWD/$work/root" -name adamw.pc)")
    flags=$(PKG_CONFIG_PATH=$pc PKG_CONFIG_SYSROOT_DIR=$root pkg-config --cflags --libs adamw)
    gcc $consumer/consumer.c $flags -Wl,-rpath,"$(dirname "$pc")" -o "$work/with-shared"
    same_digest "$work/with-shared"
    gcc $consumer/consumer.c -I"$root/usr/include" "$(dirname "$pc")/libadamw.a" -pthread -lm -o "$work/with-static"
    same_digest "$work/with-static"
}

# The source distribution, from two checkouts whose files have other times and modes.
part_dist() {
    needs git
    git rev-parse --git-dir >/dev/null 2>&1 || skip "this tree is no git checkout, which alone says what belongs to it"
    begin_consumers
    make -s BUILD="$work/one" dist
    git clone -qn . "$work/clone"
    git ls-files -z | xargs -0 cp -P --parents -t "$work/clone" || fail "a tracked file is missing"
    git -C "$work/clone" add -Af
    find "$work/clone" -path '*/.git' -prune -o -type f -exec chmod go-rwx {} + -exec touch -d '2001-01-01' {} +
    made=$(make -s --no-print-directory -C "$work/clone" dist)
    archive=$(echo "$work"/one/libadamw-*.tar.gz)
    cmp "$archive" "$work/clone/$made" || fail "another checkout has another distribution"
    mkdir "$work/unpacked"
    tar -C "$work/unpacked" -xzf "$archive"
    tree=$(echo "$work"/unpacked/*)
    [ "$(basename "$tree")" = "$(basename "$archive" .tar.gz)" ] || fail "it unpacks to $tree"
    dangling=$(find "$tree" -xtype l)
    [ -z "$dangling" ] || fail "a link that leads nowhere: $dangling"
    make -C "$tree" CFLAGS=-O0 -j"$(nproc)" build/libadamw.a
    gcc -I"$tree/include" $consumer/consumer.c "$tree/build/libadamw.a" -pthread -lm -o "$work/by-dist"
    same_digest "$work/by-dist"
    if command -v cmake >/dev/null && command -v g++ >/dev/null; then
        consume fetched -DADAMW_ROUTE=fetched -DADAMW_SOURCE="$PWD/$archive" -DCMAKE_BUILD_TYPE=Debug
    else
        echo "cmake or g++ is not installed: not fetched by CMake"
    fi
    if make -s -C "$tree" dist >"$work/said" 2>&1; then
        fail "make dist guesses what belongs to a distribution"
    fi
    grep 'no checkout of its own' "$work/said"
}

# Two read-only folders, one with blanks in its name, built by somebody who may not write there, into folders elsewhere.
part_reproducible() {
    needs cmp
    top=$(mktemp -d)
    trap 'rm -rf "$top"' EXIT
    copy_tree "$top/a"
    copy_tree "$top/some where/else/b"
    mkdir "$top/out"
    as=
    if [ "$(id -u)" = 0 ]; then
        needs setpriv
        as='setpriv --reuid=65534 --regid=65534 --clear-groups'
        chown 65534:65534 "$top/out"
    fi
    chmod -R a+rX,a-w "$top/a" "$top/some where"
    chmod a+rx "$top"
    for tree in "$top/a" "$top/some where/else/b"; do
        out=$top/out/$(basename "$tree")
        $as env HOME="$top/out" make -C "$tree" -j"$(nproc)" BUILD="$out" CC=gcc CFLAGS='-O1 -g' "$out/libadamw.a" "$out/libadamw.so"
    done
    readelf -S "$top/out/a/libadamw.so" | grep -q debug_info || fail "nothing here has debug data, which has the paths"
    cmp "$top/out/a/libadamw.a" "$top/out/b/libadamw.a" || fail "another folder has another libadamw.a"
    cmp "$top/out/a/libadamw.so" "$top/out/b/libadamw.so" || fail "another folder has another libadamw.so"
}

part_examples() {
    needs patch g++
    build_default
    make -s -j"$(nproc)" BUILD="$default" CC=gcc WERROR=yes examples
}
