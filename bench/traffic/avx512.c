/*
 * avx512.c - the traffic loops with the vectors of AVX-512F. Nothing but the target and the choice of the vocabulary
 * belongs here.
 */
#include "../../kernels/core/strict.h"

#include "tables.h"

#if defined(__x86_64__)

#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#else
#pragma GCC target("avx512f")
#endif

#include "../../kernels/vec/avx512.h"

#define BENCH_REGISTER "v"
#include "loops.h"

const adamw_kernels bench_plain_avx512 = BENCH_PLAIN_TABLE;
const adamw_kernels bench_unrolled_avx512 = BENCH_UNROLLED_TABLE;

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else

const adamw_kernels bench_plain_avx512 = {.update = {NULL}}, bench_unrolled_avx512 = {.update = {NULL}};

#endif
