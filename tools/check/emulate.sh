# emulate.sh - parts of tools/check.sh that run the checks on CPUs that are not there, by qemu's user mode, and
# AVX-512, which qemu does not have, by intrinsics in plain C (tests/emulate).

# Builds the plain runner without shared libraries, runs it under the emulator, and sees that the ISA is active:
# run_emulated ISA EMULATOR [OPTION ...] -- VARIABLE=VALUE ... for make
run_emulated() {
    isa=$1 emulator=
    shift
    while [ "$1" != -- ]; do
        emulator="$emulator $1"
        shift
    done
    shift
    make -j"$(nproc)" BUILD="$work" WERROR=yes LDFLAGS=-static "$@" "$work/tests/plain"
    # qemu 7.2 dies in children that a process with threads forks, and has stacks of its own beside the guest's.
    left_out='^(process_|small_stack$|unmasked_)'
    echo "left out under qemu: process_*, small_stack, unmasked_exceptions (forked children, small stacks)"
    status=0
    run_checks "$emulator $work/tests/plain --quick $runner_options" >"$work/run.log" || status=$?
    # qemu tells anew for each thread which of the CPU's features it does not have: that would hide all else.
    grep -v "TCG doesn't support requested feature" "$work/run.log"
    [ $status = 0 ] || fail "under $emulator"
    grep -q "active $isa," "$work/run.log" || fail "$isa is not the active instruction set"
}

runner_options=

part_qemu_arm64() {
    needs aarch64-linux-gnu-gcc qemu-aarch64
    make -j"$(nproc)" BUILD="$work/shared" WERROR=yes CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar all
    run_emulated neon qemu-aarch64 -- CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar
}

# part_qemu_x86 CPU ISA
part_qemu_x86() {
    needs qemu-x86_64
    [ "$(uname -m)" = x86_64 ] || skip "needs a compiler for x86-64; this is $(uname -m)"
    # qemu 7.2 reads all of a vector in vmaskmovps, also what is masked; a CPU does not.
    runner_options=--unmasked
    run_emulated "$2" qemu-x86_64 -cpu "$1" -- CC=gcc
}

# On machines with AVX-512 too: there it shows that the intrinsics in plain C have the bits of the hardware's.
part_emulate_avx512() {
    needs gcc objdump
    [ "$(uname -m)" = x86_64 ] || skip "needs a compiler for x86-64; this is $(uname -m)"
    make -j"$(nproc)" BUILD="$work" WERROR=yes CC=gcc EMULATE=avx512 "$work/tests/plain"
    objects="$work/obj/kernels/isa/avx512.o $work/obj/tests/vec/avx512.o"
    objdump -d --no-show-raw-insn $objects >"$work/avx512.txt"
    grep -q 'call.*_mm512_add_ps' "$work/avx512.txt" || fail "the intrinsics are not those of tests/emulate"
    ! grep -m 1 -E '%zmm|%[xy]mm(1[6-9]|2[0-9]|3[01])|%k[0-7]' "$work/avx512.txt" || fail "AVX-512 instructions are left"
    # Every check, then those of the roots again, from estimates at the ends of what the architecture promises.
    run_checks "$work/tests/plain --isa avx512 --quick"
    run_checks "$work/tests/plain --isa avx512" conformance narrow_conformance
    for estimate in low high rounded; do
        echo "== estimates of reciprocal roots: $estimate"
        export EMULATED_RSQRT14=$estimate
        run_checks "$work/tests/plain --isa avx512 --quick" all_floats isa_equals_scalar conformance narrow_conformance
    done
}
