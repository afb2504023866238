/*
 * avx2.c - the kernels for x86-64 with AVX2 and FMA. Nothing but the target and the choice of the vocabulary belongs
 * here.
 */
#include "../core/strict.h"

#include "../body/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* The target stands in the file, so that no build needs a flag for it. */
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif

#include "../vec/avx2.h"

#include "../body/table.h"

const adamw_kernels adamw_kernels_avx2 = ADAMW_KERNEL_TABLE;

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else

const adamw_kernels adamw_kernels_avx2 = {.update = {NULL}};

#endif
