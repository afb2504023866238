/*
 * avx2.c - the kernels for x86-64 with AVX2 and FMA. It chooses the vocabulary and nothing else.
 */
#include "../body/kernels.h"

#if defined(__x86_64__)

#include "../vec/avx2.h" /* from here on the compiler may use its instructions */

#include "../body/table.h"

const adamw_kernels adamw_kernels_avx2 = ADAMW_KERNEL_TABLE;

ADAMW_TARGET_END

#else

const adamw_kernels adamw_kernels_avx2 = {.update = {NULL}};

#endif
