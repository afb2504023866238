/*
 * neon.c - the kernels for AArch64, whose baseline has NEON. It chooses the vocabulary and nothing else.
 */
#include "../body/kernels.h"

#if defined(__aarch64__)

#include "../vec/neon.h"

#include "../body/table.h"

const adamw_kernels adamw_kernels_neon = ADAMW_KERNEL_TABLE;

#else

const adamw_kernels adamw_kernels_neon = {.update = {NULL}};

#endif
