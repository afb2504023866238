/*
 * avx2.c - the traffic loops with the vectors of AVX2. Nothing but the target and the choice of the vocabulary
 * belongs here.
 */
#include "tables.h"

#if defined(__x86_64__)

#include "../../kernels/vec/avx2.h"

#define BENCH_REGISTER "x"
#include "loops.h"

const adamw_kernels bench_plain_avx2 = BENCH_PLAIN_TABLE;
const adamw_kernels bench_unrolled_avx2 = BENCH_UNROLLED_TABLE;

ADAMW_TARGET_END

#else

const adamw_kernels bench_plain_avx2 = {.update = {NULL}}, bench_unrolled_avx2 = {.update = {NULL}};

#endif
