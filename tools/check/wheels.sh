# Wheels of the Python package: this machine's and a cross-built one for AArch64, as users install and run them.

# One wheel, built by the compiler $1, into $2; prints its file.
wheel_by() {
    rm -rf "$2" && mkdir -p "$2"
    CC=$1 build/venv/bin/python -m build --no-isolation --wheel --outdir "$2" tools/python >"$2.log" 2>&1 ||
        fail "the wheel is not built by $1: $(tail -n 3 "$2.log")"
    ls "$2"/libadamw-*.whl
}

# The first step of a process that has nothing but the wheel, with no program to be found, and the time to it.
first_step() {
    python3 -m venv "$work/fresh"
    "$work/fresh/bin/pip" install --quiet --no-index "$1"
    PATH=/nonexistent "$work/fresh/bin/python" - <<'END'
import time
begin = time.perf_counter()
import ctypes, libadamw

class Array:
    def __init__(self, *values):
        self.memory = (ctypes.c_float * len(values))(*values)
        self.__array_interface__ = {"version": 3, "shape": (len(values),), "typestr": "<f4",
                                    "data": (ctypes.addressof(self.memory), False)}

param = Array(1, -2)
libadamw.adamw_step(param, Array(1, 1), Array(0, 0), Array(0, 0), step=1, lr=0.5)
seconds = time.perf_counter() - begin
assert list(param.memory) != [1, -2] and libadamw.__file__.startswith(__import__("sys").prefix)
print(f"import and first step: {seconds * 1e3:.0f} ms")
END
}

part_wheels() {
    needs python3 gcc aarch64-linux-gnu-gcc qemu-aarch64
    build/venv/bin/python -c 'import build, setuptools' 2>/dev/null || skip "build/venv has no build (make python-venv)"
    here=$(wheel_by gcc "$work/here") && echo "$here"
    case $here in *-py3-none-manylinux_2_*_"$(uname -m)".whl) ;; *) fail "the tag of $here is no manylinux one" ;; esac
    first_step "$here"

    there=$(wheel_by aarch64-linux-gnu-gcc "$work/there") && echo "$there"
    case $there in *-py3-none-manylinux_2_*_aarch64.whl) ;; *) fail "the tag of $there is not AArch64's" ;; esac
    cat >"$work/steps.c" <<'END'
#include <adamw.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
    static float p[1003], g[1003], m[1003], v[1003];
    adamw_config config;
    adamw_config_init(&config);
    unsigned long long digest = 0;
    for (int i = 0; i < 1003; i++)
        p[i] = (float)(i % 17) - 8.5f;
    for (int step = 1; step <= 100; step++) {
        for (int i = 0; i < 1003; i++)
            g[i] = p[i] * 0.25f - (float)((i * 31 + step) % 13) / 7;
        if (adamw_step_f32(&config, (uint64_t)step, 1003, p, g, m, v) != ADAMW_OK)
            return 1;
    }
    for (int i = 0; i < 1003; i++) {
        unsigned bits;
        memcpy(&bits, &p[i], sizeof bits);
        digest = digest * 6364136223846793005u + bits;
    }
    printf("%llx\n", digest);
    return 0;
}
END
    for which in here there; do
        eval "python3 -m zipfile -e \"\$$which\" \"$work/$which.d\""
        compiler=gcc
        [ $which = here ] || compiler=aarch64-linux-gnu-gcc
        $compiler -Iinclude "$work/steps.c" "$work/$which.d/libadamw/libadamw.so" -lm -o "$work/steps-$which"
        cp "$work/$which.d/libadamw/libadamw.so" "$work/$which.d/libadamw/libadamw.so.0"
    done
    ours=$(LD_LIBRARY_PATH="$work/here.d/libadamw" "$work/steps-here")
    theirs=$(qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$work/there.d/libadamw" "$work/steps-there")
    echo "the digest of 100 steps: $ours here, $theirs on AArch64"
    [ "$ours" = "$theirs" ] || fail "the libraries of the two wheels have other bits"
}
