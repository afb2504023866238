/*
 * avx512.c - the operations of the vocabulary for x86-64 with AVX-512F, for the tests. Nothing else belongs here.
 */
#if defined(__x86_64__)

#define VEC_INSTANTIATE
#include "../../kernels/strict.h"

#include "../../kernels/vec/avx512.h"

#include "operations.h"

VEC_DEFINE(sqrt_from, sqrt_from(a, b))

/* What Intel and AMD promise of vrsqrt14ps. */
const vec_operations vec_operations_avx512 = {VEC_MEMBERS, .sqrt_from = vec_sqrt_from, .sqrt_estimate = 0x1p-14};

ADAMW_TARGET_END

#else

#include "operations.h"

const vec_operations vec_operations_avx512 = {0};

#endif
