/*
 * avx512.c - the operations of the vocabulary for x86-64 with AVX-512F, for the tests. Nothing else belongs here.
 */
#if defined(__x86_64__)

#define VEC_INSTANTIATE
#include "../../kernels/core/strict.h"

#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#else
#pragma GCC target("avx512f")
#endif

#include "../../kernels/vec/avx512.h"

#include "operations.h"

VEC_DEFINE(sqrt_from, sqrt_from(a, b))

/* What Intel and AMD promise of vrsqrt14ps. */
const vec_operations vec_operations_avx512 = {VEC_MEMBERS, .sqrt_from = vec_sqrt_from, .sqrt_estimate = 0x1p-14};

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else

#include "operations.h"

const vec_operations vec_operations_avx512 = {0};

#endif
