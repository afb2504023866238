#!/bin/sh
# wrong_isa.sh - adds an instruction set to a copy of the sources by the steps of CONTRIBUTING.md, with an fma that
# rounds twice: tests/wrong_isa.sh COPY. tests/mutants.sh sees that named checks fail then, so that a new instruction
# set cannot stay untested. It edits the copy and nothing else.
set -eu
cd "$1"

# The line of the list and the enumerator.
sed -i 's/^    X(NEON, neon)$/    X(NEON, neon) X(WRONG, wrong)/' kernels/isa/isas.h
sed -i 's/^    ADAMW_ISA_NEON = 4,.*/&\n    ADAMW_ISA_WRONG = 5,/' include/adamw.h
# The vocabulary, the kernels, the CPU's test.
sed 's/return adamw_fmaf(a, b, c);/return a * b + c;/' kernels/vec/scalar.h >kernels/vec/wrong.h
sed 's/scalar/wrong/g' kernels/isa/scalar.c >kernels/isa/wrong.c
sed -i 's/^bool adamw_cpu_has_scalar.*/&\nbool adamw_cpu_has_wrong(void) { return true; }/' kernels/dispatch/cpu.c
# Its operations for the tests, its loops for the benchmark.
sed 's/scalar/wrong/g' tests/vec/scalar.c >tests/vec/wrong.c
sed 's/scalar/wrong/g' bench/traffic/scalar.c >bench/traffic/wrong.c

for edited in kernels/isa/isas.h include/adamw.h kernels/vec/wrong.h kernels/dispatch/cpu.c; do
    grep -qi wrong $edited || [ $edited = kernels/vec/wrong.h ] ||
        { echo "wrong_isa.sh: no line of $edited was changed" >&2; exit 1; }
done
! cmp -s kernels/vec/scalar.h kernels/vec/wrong.h ||
    { echo "wrong_isa.sh: no line of the vocabulary was changed" >&2; exit 1; }
