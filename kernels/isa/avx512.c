/*
 * avx512.c - the kernels for x86-64 with AVX-512F. It chooses the vocabulary and nothing else.
 */
#include "../body/kernels.h"

#if defined(__x86_64__)

#include "../vec/avx512.h" /* from here on the compiler may use its instructions */

#include "../body/table.h"

const adamw_kernels adamw_kernels_avx512 = ADAMW_KERNEL_TABLE;

ADAMW_TARGET_END

#else

const adamw_kernels adamw_kernels_avx512 = {.update = {NULL}};

#endif
