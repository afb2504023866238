/*
 * avx2.c - the operations of the vocabulary for x86-64 with AVX2 and FMA, for the tests. Nothing else belongs here.
 */
#if defined(__x86_64__)

#define VEC_INSTANTIATE
#include "../../kernels/core/strict.h"

#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif

#include "../../kernels/vec/avx2.h"

#include "operations.h"

VEC_DEFINE(sqrt_from, sqrt_from(a, b))

/* What Intel and AMD promise of rsqrtps. */
const vec_operations vec_operations_avx2 = {VEC_MEMBERS, .sqrt_from = vec_sqrt_from, .sqrt_estimate = 1.5 * 0x1p-12};

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else

#include "operations.h"

const vec_operations vec_operations_avx2 = {0};

#endif
