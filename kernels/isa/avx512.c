/*
 * avx512.c - the kernels for x86-64 with AVX-512F. Nothing but the target and the choice of the vocabulary belongs
 * here.
 */
#include "../core/strict.h"

#include "../body/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* The target stands in the file, so that no build needs a flag for it. */
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#else
#pragma GCC target("avx512f")
#endif

#include "../vec/avx512.h"

#include "../body/table.h"

const adamw_kernels adamw_kernels_avx512 = ADAMW_KERNEL_TABLE;

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else

const adamw_kernels adamw_kernels_avx512 = {.update = {NULL}};

#endif
