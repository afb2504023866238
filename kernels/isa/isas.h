/*
 * isas.h - the one list of the instruction sets. Tables, loops, messages, tests and benchmarks are made from it; a
 * new instruction set is a line here and an enumerator of adamw_isa, and whatever is still missing does not link.
 */
#ifndef ADAMW_ISA_ISAS_H
#define ADAMW_ISA_ISAS_H

/*
 * X(ENUMERATOR, name), in the order of adamw_isa, slowest first. `name` is the value of ADAMW_ISA and the end of:
 *   kernels/vec/NAME.h and kernels/isa/NAME.c, with the table adamw_kernels_NAME
 *   adamw_cpu_has_NAME() in kernels/dispatch/cpu.c
 *   tests/vec/NAME.c and bench/traffic/NAME.c
 */
#define ADAMW_ISAS(X)                                                                                                \
    X(SCALAR, scalar)                                                                                                \
    X(AVX2, avx2)                                                                                                    \
    X(AVX512, avx512)                                                                                                \
    X(NEON, neon)

#endif
