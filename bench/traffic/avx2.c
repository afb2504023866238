/*
 * avx2.c - the traffic loops with the vectors of AVX2. Nothing but the target and the choice of the vocabulary
 * belongs here.
 */
#include "../../kernels/core/strict.h"

#include "tables.h"

#if defined(__x86_64__)

#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#include "../../kernels/vec/avx2.h"

#define BENCH_REGISTER "x"
#include "loops.h"

const adamw_kernels bench_plain_avx2 = BENCH_PLAIN_TABLE;
const adamw_kernels bench_unrolled_avx2 = BENCH_UNROLLED_TABLE;

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else

const adamw_kernels bench_plain_avx2 = {.update = {NULL}}, bench_unrolled_avx2 = {.update = {NULL}};

#endif
