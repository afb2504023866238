/*
 * known_answer.h - whether this build computes what it should: a test at the first choice of an instruction set, 0.09
 * ms with AVX2 and 0.16 ms with the scalar kernels (AMD Zen 3). It finds compiler flags that no macro shows (clang's
 * -ffp-contract=fast, -funsafe-math-optimizations and their kind) and a C library whose fmaf is not fused.
 */
#ifndef ADAMW_DISPATCH_KNOWN_ANSWER_H
#define ADAMW_DISPATCH_KNOWN_ANSWER_H

#include "../body/kernels.h"

/* What is tested: each variant of the update, the stages around it, compensated parameters, narrow streams, the sums,
 * and the compiler's own arithmetic. */
enum {
    ADAMW_ANSWER_STAGES = ADAMW_VARIANT_COUNT,
    ADAMW_ANSWER_COMPENSATED,
    ADAMW_ANSWER_NARROW,
    ADAMW_ANSWER_SUMS,
    ADAMW_ANSWER_COMPILER,
    ADAMW_ANSWERS
};

/* One number for the bits that the kernels give in test `which`, the same for every instruction set. In the
 * processor's default floating-point environment. */
ADAMW_INTERNAL uint64_t adamw_answer_of(const adamw_kernels *kernels, int which);

/* Whether all of them are right, in any environment, which is kept. */
ADAMW_INTERNAL bool adamw_answers_are_known(const adamw_kernels *kernels);

/* The compiler's own arithmetic alone, which schedules rest on. */
ADAMW_INTERNAL bool adamw_compiler_is_strict(void);

/* What a build is told whose answers are others. */
#define ADAMW_WRONG_BUILD                                                                                            \
    "this build of libadamw has other bits than it promises: compile its own files with -ffp-contract=off and "      \
    "without -funsafe-math-optimizations or its parts, and with a libm whose fmaf is fused"

#endif
