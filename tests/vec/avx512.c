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

const vec_operations vec_operations_avx512 = VEC_TABLE;

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else

#include "operations.h"

const vec_operations vec_operations_avx512 = {0};

#endif
