/*
 * avx512.c - the traffic loops with the vectors of AVX-512F. Nothing but the target and the choice of the vocabulary
 * belongs here.
 */
#include "tables.h"

#if defined(__x86_64__)

#include "../../kernels/vec/avx512.h"

#define BENCH_REGISTER "v"
#include "loops.h"

const adamw_kernels bench_plain_avx512 = BENCH_PLAIN_TABLE;
const adamw_kernels bench_unrolled_avx512 = BENCH_UNROLLED_TABLE;

ADAMW_TARGET_END

#else

const adamw_kernels bench_plain_avx512 = {.update = {NULL}}, bench_unrolled_avx512 = {.update = {NULL}};

#endif
